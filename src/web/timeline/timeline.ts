// The jobs of a run on one axis of time: when each waited, stood in the queue and ran, which of them the run as a whole
// waited for, and what would have made it shorter. Pure; the clock comes in.
import type { Job, Run } from '../../protocol/api/shapes.ts'
import type { AttemptTimeline } from '../../protocol/api/timeline.ts'
import type { StageName } from '../../protocol/stages.ts'
import { isFinished } from '../format/status.ts'
import { parseTime } from '../format/time.ts'
import { serialEdges } from './serial.ts'

export type Segment = {
  /** `waiting` for other jobs, in the `queue`, or an attempt that runs or ran. */
  readonly kind: 'waiting' | 'queue' | 'attempt'
  /** Milliseconds since the axis begins. */
  readonly from: number
  readonly to: number
  readonly status: Job['status']
  /** Of an attempt, where they are known; the first begins with it. */
  readonly stages: readonly StageSpan[]
}
export type StageSpan = {
  readonly name: Exclude<StageName, 'queue'>
  readonly from: number
  readonly to: number
}
export type Row = { readonly job: Job; readonly segments: readonly Segment[]; readonly isCritical: boolean }
export type Lever = {
  readonly kind: 'queue' | 'shard' | 'serial' | 'cache'
  readonly job: string
  readonly copies: number
  /** Of `serial`: what it waits for. */
  readonly needs?: string
  readonly ms: number
}
export type Timeline = {
  /** How long the axis is. */
  readonly ms: number
  readonly ticks: readonly number[]
  readonly rows: readonly Row[]
  /** What runs and queues of the critical path come to. */
  readonly criticalMs: number
  readonly levers: readonly Lever[]
}

type Given = Pick<Run, 'created_at' | 'jobs' | 'rerun'>
/** What is known of attempts beside what the run says, by their ids. */
export type KnownAttempts = ReadonlyMap<string, AttemptTimeline>
type Spans = { readonly job: Job; readonly segments: readonly Segment[] }

/** Of a run that was run again only what came of it since. */
export const layTimeline = (run: Given, now: number, known: KnownAttempts = new Map()): Timeline => {
  const begin = parseTime(run.rerun?.at ?? run.created_at) ?? now
  const all = run.jobs
    .map((job) => ({ job, segments: segmentsOf(job, { begin, now, known }) }))
    .filter(({ segments }) => segments.length > 0)
  const ms = Math.max(1_000, ...all.flatMap(({ segments }) => segments.map(({ to }) => to)))
  const critical = criticalPath(all)
  const rows = all.map((each) => ({ ...each, isCritical: critical.includes(each) }))
  return {
    ...{ ms, ticks: ticksOf(ms) },
    rows: rows.toSorted((a, b) => startOf(a) - startOf(b)),
    criticalMs: critical.reduce((sum, each) => sum + lengthOf(each, 'queue') + lengthOf(each, 'attempt'), 0),
    levers: leversOf(critical, all, known),
  }
}

const segmentsOf = (
  job: Job,
  { begin, now, known }: { readonly begin: number; readonly now: number; readonly known: KnownAttempts },
): readonly Segment[] => {
  const at = (text: string | null) => {
    const ms = parseTime(text)
    return ms === null ? null : ms - begin
  }
  const attempts = job.attempts.filter(({ queued_at }) => (at(queued_at) ?? -1) >= 0)
  const segments: Segment[] = []
  const add = (kind: 'waiting' | 'queue', from: number, to: number, status: Job['status']) => {
    if (to > from) segments.push({ kind, from, to, status, stages: [] })
  }
  const [first] = attempts
  if (first === undefined && (job.status === 'waiting' || job.status === 'on_hold'))
    add('waiting', 0, now - begin, job.status)
  else if (first !== undefined && job.needs.length > 0) add('waiting', 0, at(first.queued_at) ?? 0, 'waiting')
  for (const { id, status, queued_at, started_at, finished_at } of attempts) {
    const [queued, started, finished] = [at(queued_at) ?? 0, at(started_at), at(finished_at) ?? now - begin]
    add('queue', queued, started ?? finished, 'queued')
    if (started === null) continue
    const to = Math.max(started, finished)
    const stages = stagesIn(known.get(id)?.stages ?? [], { from: started, to, at })
    segments.push({ kind: 'attempt', from: started, to, status, stages })
  }
  return segments
}

/** What is known may be older than the attempt: the last stage lasts as long as it does. */
const stagesIn = (
  stages: AttemptTimeline['stages'],
  {
    from,
    to,
    at,
  }: { readonly from: number; readonly to: number; readonly at: (text: string) => number | null },
): readonly StageSpan[] => {
  const within = (ms: number | null) => Math.min(to, Math.max(from, ms ?? to))
  const begun = stages.flatMap(({ name, started_at }) =>
    name === 'queue' ? [] : [{ name, from: within(at(started_at)) }],
  )
  return begun
    .map((stage, i) => ({ ...stage, to: begun[i + 1]?.from ?? to }))
    .filter((stage) => stage.to > stage.from)
}

const startOf = ({ segments }: Spans): number =>
  segments.find(({ kind }) => kind !== 'waiting')?.from ?? Number.MAX_SAFE_INTEGER
const endOf = ({ segments }: Spans): number => segments.at(-1)?.to ?? 0
const lengthOf = ({ segments }: Spans, kind: Segment['kind']): number =>
  segments.filter((each) => each.kind === kind).reduce((sum, { from, to }) => sum + to - from, 0)

/** From what ended last back to what each waited for last. */
const criticalPath = (all: readonly Spans[]): readonly Spans[] => {
  const ran = all.filter(({ segments }) => segments.some(({ kind }) => kind !== 'waiting'))
  const last = (of: readonly Spans[]): Spans | undefined => of.toSorted((a, b) => endOf(b) - endOf(a))[0]
  const path: Spans[] = []
  for (let at = last(ran); at !== undefined && !path.includes(at); ) {
    path.unshift(at)
    const needed = new Set(at.job.needs.map(({ job_id }) => job_id))
    at = last(ran.filter(({ job }) => needed.has(job.id)))
  }
  return path
}

const leverMin = 1_000

const leversOf = (
  critical: readonly Spans[],
  all: readonly Spans[],
  known: KnownAttempts,
): readonly Lever[] => {
  const queues = critical.map((each): Lever => {
    return { kind: 'queue', job: each.job.name, copies: 1, ms: lengthOf(each, 'queue') }
  })
  const shards = critical.flatMap((each): Lever[] => {
    const { job } = each
    if (job.shards < 2) return []
    const copies = all.filter(
      (other) => other.job.key === job.key && other.job.workflow_id === job.workflow_id,
    )
    const mean = copies.reduce((sum, copy) => sum + lengthOf(copy, 'attempt'), 0) / copies.length
    return [{ kind: 'shard', job: job.name, copies: copies.length, ms: lengthOf(each, 'attempt') - mean }]
  })
  return [...queues, ...shards, ...cacheLevers(critical, known), ...serialLevers(critical, all)]
    .filter(({ ms }) => ms >= leverMin)
    .toSorted((a, b) => b.ms - a.ms)
    .slice(0, 3)
}

/** What the last attempt took beyond what it usually takes when its caches are warm. */
const cacheLevers = (critical: readonly Spans[], known: KnownAttempts): readonly Lever[] =>
  critical.flatMap(({ job, segments }): Lever[] => {
    const [attempt, last] = [job.attempts.at(-1), segments.at(-1)]
    const warmMs = attempt === undefined ? null : (known.get(attempt.id)?.warm_ms ?? null)
    if (warmMs === null || last?.kind !== 'attempt') return []
    return [{ kind: 'cache', job: job.name, copies: 1, ms: last.to - last.from - warmMs }]
  })

/** While something runs, nobody knows what two side by side would have come to. */
const serialLevers = (critical: readonly Spans[], all: readonly Spans[]): readonly Lever[] => {
  if (!all.every(({ job }) => isFinished(job.status))) return []
  const taken = (each: Spans) => ({ job: each.job, ms: lengthOf(each, 'queue') + lengthOf(each, 'attempt') })
  return serialEdges(critical.map(taken), all.map(taken)).map(({ job, needs, ms }) => ({
    ...{ kind: 'serial' as const, job, needs, copies: 1, ms },
  }))
}

const [second, minute, hour] = [1_000, 60_000, 3_600_000]
const tickSteps = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * second),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * minute),
  ...[1, 2, 6, 12, 24].map((n) => n * hour),
]
const ticksMax = 6

/** Round moments, few enough to be read. */
const ticksOf = (ms: number): readonly number[] => {
  const step =
    tickSteps.find((each) => ms / each <= ticksMax) ?? Math.ceil(ms / ticksMax / (24 * hour)) * 24 * hour
  return Array.from({ length: Math.floor(ms / step) + 1 }, (_, i) => i * step)
}
