// What a run took of machines: the time its attempts stood in sandboxes, added up for each class. What an hour of a class costs nobody
// told the installation, so there is no price. Computed from what the API says of a run, the same for the page and the command line.
type Attempt = {
  readonly class: string
  readonly started_at: string | null
  readonly finished_at: string | null
}

export type MachineTime = { readonly class: string; readonly ms: number }

/** The longest first. What runs counts up to `now`. */
export const machineTimes = (
  jobs: readonly { readonly attempts: readonly Attempt[] }[],
  now: number,
): readonly MachineTime[] => {
  const times = new Map<string, number>()
  for (const attempt of jobs.flatMap(({ attempts }) => attempts)) {
    if (attempt.started_at === null) continue
    const end = attempt.finished_at === null ? now : Date.parse(attempt.finished_at)
    const ms = Math.max(0, end - Date.parse(attempt.started_at))
    if (Number.isFinite(ms)) times.set(attempt.class, (times.get(attempt.class) ?? 0) + ms)
  }
  return [...times]
    .map(([name, ms]) => ({ class: name, ms }))
    .toSorted((a, b) => b.ms - a.ms || (a.class < b.class ? -1 : 1))
}
