// Cron as POSIX has it, five fields, with the names and steps that everybody writes. Pure: the times are cron-times.ts.

export type Cron = {
  readonly minutes: ReadonlySet<number>
  readonly hours: ReadonlySet<number>
  readonly daysOfMonth: ReadonlySet<number>
  readonly months: ReadonlySet<number>
  /** 0 is Sunday. */
  readonly daysOfWeek: ReadonlySet<number>
  /** Of the two fields of days both were given: either may fit. */
  readonly isEitherDay: boolean
  /** The hours begin with `*`: it goes by elapsed time, not by what clocks say. */
  readonly isEveryHour: boolean
}

const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ')
const days = 'sun mon tue wed thu fri sat'.split(' ')
const fields = [
  { min: 0, max: 59, names: [] },
  { min: 0, max: 23, names: [] },
  { min: 1, max: 31, names: [] },
  { min: 1, max: 12, names: months },
  { min: 0, max: 7, names: days },
] as const

type Field = { readonly min: number; readonly max: number; readonly names: readonly string[] }

/** null: it is none. */
export const parseCron = (text: string): Cron | null => {
  const parts = text.trim().split(/\s+/)
  if (parts.length !== fields.length) return null
  const sets = fields.map((field, i) => readField(parts[i] ?? '', field))
  const [minutes, hours, daysOfMonth, monthsOfYear, weekdays] = sets
  if (!minutes || !hours || !daysOfMonth || !monthsOfYear || !weekdays) return null
  const isGiven = (i: number) => parts[i]?.startsWith('*') !== true
  return {
    ...{ minutes, hours, daysOfMonth, months: monthsOfYear },
    daysOfWeek: new Set([...weekdays].map((day) => day % 7)),
    isEitherDay: isGiven(2) && isGiven(4),
    isEveryHour: !isGiven(1),
  }
}

const readField = (text: string, field: Field): ReadonlySet<number> | null => {
  const ranges = text.split(',').map((part) => readRange(part, field))
  return ranges.some((range) => range === null) ? null : new Set(ranges.flatMap((range) => range ?? []))
}

const readRange = (part: string, field: Field): readonly number[] | null => {
  const [, span, stepText] = /^(\*|[^/-]+(?:-[^/-]+)?)(?:\/(\d{1,3}))?$/.exec(part) ?? []
  const step = Number(stepText ?? 1)
  if (span === undefined || step < 1) return null
  const [from, last] =
    span === '*' ? [field.min, field.max] : span.split('-').map((word) => numberOf(word, field))
  // `5/15` means from 5 on.
  const to = last === undefined ? (stepText === undefined ? from : field.max) : last
  if (from === null || from === undefined || to === null || to === undefined || from > to) return null
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step)
}

const numberOf = (word: string, { min, max, names }: Field): number | null => {
  const named = names.indexOf(word.toLowerCase())
  if (named !== -1) return named + min
  const value = /^\d{1,2}$/.test(word) ? Number(word) : Number.NaN
  return value >= min && value <= max ? value : null
}
