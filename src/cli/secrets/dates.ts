// Dates of secrets as somebody types them (`90d`, `never`) and as the API has them.
import { fault } from '../../base/faults.ts'
import type { Secret } from '../../protocol/api/secrets.ts'
import { nextRotation } from '../../protocol/secret-views.ts'
import type { Surroundings } from '../surroundings.ts'

const daySeconds = 86_400

export const nowIn = ({ clock }: Surroundings): number => Math.floor(clock.now() / 1000)

export const unixSeconds = (time: string | null): number | null =>
  time === null ? null : Math.floor(Date.parse(time) / 1000)

/** null: never. */
export const secondsIn = (around: Surroundings, flag: string, wanted: string): number | null => {
  if (wanted === 'never') return null
  const days = /^(\d{1,4})d$/.exec(wanted)?.[1]
  if (days === undefined || Number(days) === 0)
    throw fault('E_INPUT', { public: `${flag} takes days, for example 90d` })
  return nowIn(around) + Number(days) * daySeconds
}

/** Of a new value: as long after it as the one before was. */
export const sameRotation = (around: Surroundings, before: Secret | null): number | null => {
  const detail = before?.detail ?? null
  if (detail === null) return null
  const about = { putAt: unixSeconds(detail.put_at) ?? 0, rotateAfter: unixSeconds(detail.rotate_after) }
  return nextRotation(about, nowIn(around))
}
