// Moments as people write them into an address or a command: `7d` ago, `2026-11-01`, or exactly. Pure: the clock comes in.

const unitMs: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
}
const dayMs = 86_400_000
/** 9999-12-31: years that need a sign are nobody's. */
const lastMs = 253_402_300_799_999

/** What both ends of a span may look like, for whoever wrote something else. */
export const momentForms = '30m, 12h, 7d, 2w (so long ago), 2026-11-01 (a day, UTC) or 2026-11-01T09:30Z'

/** Unix milliseconds; null when it is none of these. A day means its beginning for `since`, its end for `until`. */
export const readMoment = (words: string, now: number, end: 'since' | 'until'): number | null => {
  const ago = /^([0-9]{1,4})([mhdw])$/.exec(words)
  if (ago !== null) return Math.max(0, now - Number(ago[1]) * (unitMs[ago[2] ?? ''] ?? 0))
  if (/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(words)) {
    const day = parsed(`${words}T00:00:00Z`, words)
    return day === null ? null : end === 'since' ? day : day + dayMs
  }
  const exact = /^([0-9]{4}-[0-9]{2}-[0-9]{2})T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,3})?)?Z$/.exec(words)
  return exact === null ? null : parsed(words, exact[1] ?? '')
}

/** `day` again in what was read: the 31st of a short month is no day, whatever a parser makes of it. */
const parsed = (text: string, day: string): number | null => {
  const ms = Date.parse(text)
  if (Number.isNaN(ms) || ms < 0 || ms > lastMs) return null
  return new Date(ms).toISOString().startsWith(day) ? ms : null
}
