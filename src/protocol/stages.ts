// Where the time of an attempt went before, between and after its steps: computed from what is stored of it anyway, the same for the
// page, the API and the command line.
export type StageName = 'queue' | 'sandbox' | 'checkout' | 'prepare' | 'steps' | 'save' | 'teardown'
export type Stage = {
  readonly name: StageName
  readonly started_at: string
  /** null while it lasts. */
  readonly duration_ms: number | null
}

/** What the API says of an attempt. */
export type Staged = {
  readonly queued_at: string
  readonly started_at: string | null
  readonly finished_at: string | null
  readonly steps: readonly {
    readonly type: string
    readonly started_at: string | null
    readonly finished_at: string | null
  }[]
}

/** Steps that bring files and keys before the first command does anything. */
const bringing: ReadonlyMap<string, StageName> = new Map([
  ['checkout', 'checkout'],
  ['attach', 'prepare'],
  ['restore-cache', 'prepare'],
  ['ssh-keys', 'prepare'],
  ['note', 'prepare'],
])

/** Steps that take files out: those after the last that does anything else. */
const saving: ReadonlySet<string> = new Set([
  'persist',
  'save-cache',
  'store-artifacts',
  'store-tests',
  'note',
])

/** In order, each until the next begins. The clock of a runner may go back: no stage does. */
export const stagesOf = (attempt: Staged): Stage[] => {
  const marks = marksOf(attempt)
  const end = attempt.finished_at === null ? null : Date.parse(attempt.finished_at)
  let before = 0
  const starts = marks.map(([, at]) => {
    before = Math.max(before, Math.min(at, end ?? at))
    return before
  })
  return marks.map(([name], i) => {
    const from = starts[i] ?? 0
    const to = starts[i + 1] ?? end
    return {
      name,
      started_at: new Date(from).toISOString(),
      duration_ms: to === null ? null : Math.max(0, to - from),
    }
  })
}

type Mark = readonly [name: StageName, at: number]

const marksOf = ({ queued_at, started_at, finished_at, steps }: Staged): readonly Mark[] => {
  const marks: Mark[] = [['queue', Date.parse(queued_at)]]
  if (started_at !== null) marks.push(['sandbox', Date.parse(started_at)])
  for (const step of steps) {
    if (step.started_at === null) continue
    const name = bringing.get(step.type) ?? 'steps'
    if (marks.at(-1)?.[0] !== name) marks.push([name, Date.parse(step.started_at)])
    if (name === 'steps') break
  }
  const save = finished_at === null ? undefined : savedFrom(steps)
  if (save !== undefined && marks.at(-1)?.[0] === 'steps') marks.push(['save', save])
  const ends = steps.map((step) => (step.finished_at === null ? null : Date.parse(step.finished_at)))
  if (finished_at !== null && ends.length > 0)
    marks.push(['teardown', Math.max(...ends.map((at) => at ?? Date.parse(finished_at)))])
  return marks
}

/** When those at its end began that do nothing but save, if something was done before and saving took any time. */
const savedFrom = (steps: Staged['steps']): number | undefined => {
  const began = steps.flatMap(({ type, started_at: from, finished_at: to }) =>
    from === null ? [] : [{ type, from: Date.parse(from), to: to === null ? null : Date.parse(to) }],
  )
  const last = began.findLastIndex(({ type }) => !saving.has(type))
  const saved = began.slice(last + 1).filter(({ type, from, to }) => type !== 'note' && to !== from)
  return last < 0 ? undefined : saved[0]?.from
}
