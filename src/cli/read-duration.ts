// Durations as people write them: `90s`, `30m`, `2h`, `7d`.
import { fault } from '../base/faults.ts'

/** In milliseconds. */
export const readDuration = (text: string): number => {
  const match = /^(\d{1,6})(s|m|h|d)$/.exec(text)
  if (match === null) throw fault('E_INPUT', { public: `"${text}" is no duration: use 90s, 30m, 2h or 7d` })
  const unit = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] as 's' | 'm' | 'h' | 'd']
  return Number(match[1]) * unit
}
