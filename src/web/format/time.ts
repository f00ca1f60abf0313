// Times and durations in words: relative ages, exact moments, `1h 04m 09s`. `Intl` only; the clock comes in.

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** `41ms`, `1.2s`, `12s`, `4m 10s`, `1h 04m 09s`. */
export const formatDuration = (ms: number): string => {
  if (ms < second) return `${Math.max(0, Math.round(ms))}ms`
  if (ms < 10 * second) return `${(Math.max(0, ms) / second).toFixed(1)}s`
  const total = Math.floor(ms / second)
  const [h, m, s] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60]
  const two = (n: number): string => String(n).padStart(2, '0')
  if (h > 0) return `${h}h ${two(m)}m ${two(s)}s`
  return m > 0 ? `${m}m ${two(s)}s` : `${s}s`
}

/** `+38 %` against the usual; null when there is nothing usual or the difference is not worth a word. */
export const comparedToUsual = (ms: number, usualMs: number | null): string | null => {
  if (usualMs === null || usualMs <= 0) return null
  const percent = Math.round((ms / usualMs - 1) * 100)
  return Math.abs(percent) < 10 ? null : `${percent > 0 ? '+' : '−'}${Math.abs(percent)} %`
}

export const formatAge = (ageMs: number, locale: string): string => {
  const words = new Intl.RelativeTimeFormat(locale, { numeric: 'always', style: 'narrow' })
  const ago = Math.max(0, ageMs)
  if (ago < minute) return words.format(-Math.floor(ago / second), 'second')
  if (ago < hour) return words.format(-Math.floor(ago / minute), 'minute')
  if (ago < 2 * day) return words.format(-Math.floor(ago / hour), 'hour')
  return words.format(-Math.floor(ago / day), 'day')
}

/** How somebody has times written; null: as their browser does. */
export type TimeLook = { readonly zone: string | null; readonly hours: 12 | 24 | null }

/** Null where this browser is older than the zone that was chosen in another one. */
export const knownZone = (zone: string): string | null => {
  try {
    Intl.DateTimeFormat('en', { timeZone: zone })
    return zone
  } catch {
    // RangeError: it would be thrown wherever a time is shown.
    return null
  }
}

const asBrowser: TimeLook = { zone: null, hours: null }

const optionsOf = ({ zone, hours }: TimeLook): Intl.DateTimeFormatOptions => ({
  ...(zone === null ? {} : { timeZone: zone }),
  ...(hours === null ? {} : { hourCycle: hours === 24 ? 'h23' : 'h12' }),
})

export const formatMoment = (ms: number, locale: string, look: TimeLook = asBrowser): string =>
  new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'long', ...optionsOf(look) }).format(ms)

/** Time of day with milliseconds, for a log. */
export const formatClock = (ms: number, look: TimeLook = asBrowser): string => {
  const at = new Date(ms)
  const two = (n: number): string => String(n).padStart(2, '0')
  const parts =
    look.zone === null
      ? [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':')
      : clockOf(look.zone).format(ms)
  return `${parts}.${String(at.getMilliseconds()).padStart(3, '0')}`
}

/** Made once: a log asks for every line. */
const clocks = new Map<string, Intl.DateTimeFormat>()
const clockOf = (zone: string): Intl.DateTimeFormat => {
  const known = clocks.get(zone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en', {
    ...{ timeZone: zone, hourCycle: 'h23', hour: '2-digit', minute: '2-digit', second: '2-digit' },
  })
  clocks.set(zone, made)
  return made
}

/** Time since the step began, for a log: `0:04.2`. */
export const formatOffset = (ms: number): string => {
  const total = Math.max(0, ms) / second
  const whole = Math.floor(total / 60)
  return `${whole}:${(total - whole * 60).toFixed(1).padStart(4, '0')}`
}

export const formatBytes = (bytes: number): string => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const step = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** step
  return `${value >= 100 || step === 0 ? Math.round(value) : value.toFixed(1)} ${units[step]}`
}

export const parseTime = (text: string | null): number | null => {
  const ms = text === null ? Number.NaN : Date.parse(text)
  return Number.isNaN(ms) ? null : ms
}

/** A sentence, cut where it names a moment of UTC. */
export const splitAtTimes = (
  sentence: string,
): readonly { readonly words: string; readonly ms: number | null }[] =>
  sentence
    .split(/(\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z)/)
    .map((words, i) => ({ words, ms: i % 2 === 1 ? parseTime(words) : null }))
