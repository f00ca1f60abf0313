// When a cron expression is due in a time zone. Pure: whoever asks brings the time.
// When clocks change: hours that were named (`30 2 * * *`) are due once a day; in the hour that clocks skip, at the first
// minute after it, and in the hour that they repeat, the first time. What goes by every hour (`*/10 * * * *`) goes on by
// elapsed time: nothing is due in a skipped hour, and everything again in a repeated one.
import type { Cron } from './cron.ts'

const minuteMs = 60_000
const quarterMs = 15 * minuteMs
const dayMs = 24 * 60 * minuteMs
/** From one 29 February to the next may be eight years. */
const daysAheadMax = 366 * 8 + 2

/** A name of the IANA database, such as `Europe/Vienna`. */
export const isTimeZone = (name: string): boolean => {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name)) return false
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

/** The next `count` times after `after` and not after `until`, in Unix milliseconds; fewer when there are no more. */
export const cronTimes = (
  cron: Cron,
  zone: string,
  {
    after,
    count,
    until = Number.POSITIVE_INFINITY,
  }: { readonly after: number; readonly count: number; readonly until?: number },
): readonly number[] => {
  const wallOf = wallClock(zone)
  const times: number[] = []
  let day = Math.floor(wallOf(after) / dayMs) * dayMs
  for (
    let ahead = 0;
    ahead < daysAheadMax && times.length < count && day - dayMs < until;
    ahead++, day += dayMs
  )
    if (isDay(cron, new Date(day)))
      // What the last hour of a day left to this one may be due in it by itself.
      for (const time of timesOfDay(cron, minutesOfDay(wallOf, day)))
        if (time > after && time <= until && time !== times.at(-1)) times.push(time)
  return times.slice(0, count)
}

const isDay = (cron: Cron, day: Date): boolean => {
  if (!cron.months.has(day.getUTCMonth() + 1)) return false
  const fits = [cron.daysOfMonth.has(day.getUTCDate()), cron.daysOfWeek.has(day.getUTCDay())]
  return cron.isEitherDay ? fits.some(Boolean) : fits.every(Boolean)
}

/** What clocks show, as if it were UTC. */
type WallClock = (unixMs: number) => number

const wallClock = (zone: string): WallClock => {
  const format = new Intl.DateTimeFormat('en-US', {
    ...({ timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric' } as const),
    ...({ day: 'numeric', hour: 'numeric', minute: 'numeric' } as const),
  })
  return (unixMs) => {
    const parts = new Map(format.formatToParts(unixMs).map(({ type, value }) => [type, Number(value)]))
    const at = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0
    return Date.UTC(at('year'), at('month') - 1, at('day'), at('hour'), at('minute'))
  }
}

/** A minute that passes on this day: when, and what clocks show. */
type Minute = { readonly at: number; readonly wall: number }

/** In the order they pass. Clocks change at full quarters of an hour, and no zone is further than 15 hours away. */
const minutesOfDay = (wallOf: WallClock, day: number): readonly Minute[] => {
  const minutes: Minute[] = []
  for (
    let quarter = day - 15 * 60 * minuteMs;
    quarter < day + dayMs + 15 * 60 * minuteMs;
    quarter += quarterMs
  ) {
    const wall = wallOf(quarter)
    if (Math.floor(wall / dayMs) * dayMs !== day) continue
    for (let ms = 0; ms < quarterMs; ms += minuteMs)
      minutes.push({ at: quarter + ms, wall: (wall - day + ms) / minuteMs })
  }
  return minutes
}

const timesOfDay = (cron: Cron, minutes: readonly Minute[]): readonly number[] => {
  if (cron.isEveryHour)
    return minutes
      .filter(({ wall }) => cron.hours.has(Math.floor(wall / 60)) && cron.minutes.has(wall % 60))
      .map(({ at }) => at)
  const wanted = [...cron.hours].flatMap((hour) => [...cron.minutes].map((minute) => hour * 60 + minute))
  // Clocks that skip the last hour of a day show the first minute after it on the next one.
  const last = minutes.at(-1)
  const dayEnd = last === undefined ? undefined : last.at + minuteMs
  const due = wanted.map((wall) => minutes.find((minute) => minute.wall >= wall)?.at ?? dayEnd)
  return [...new Set(due)].filter((at) => at !== undefined).sort((a, b) => a - b)
}
