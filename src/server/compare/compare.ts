// Two runs side by side: what differs in plan, outcomes, durations, sandboxes and tests. Pure and symmetric: the other way
// round is the same with `before` and `after` changed; a run compared with itself differs in nothing.
import type { ComparedJob, ComparedTest, Comparison } from '../../protocol/api/comparison.ts'
import type { PlanWorkflow } from '../../protocol/plan.ts'
import type { CacheHit } from '../../protocol/stored-object.ts'
import { planChanges } from './plan-changes.ts'

export type SideStep = Pick<ComparedJob['steps'][number], 'name'> & {
  readonly status: Outcome
  readonly durationMs: number | null
  readonly cache: CacheHit | null
}
type Outcome = NonNullable<ComparedJob['status']['before']>

export type SideJob = {
  readonly workflow: string | null
  readonly job: string
  readonly shard: number
  readonly status: Outcome
  readonly queuedMs: number | null
  readonly durationMs: number | null
  readonly sandbox: ComparedJob['sandbox']['before']
  /** null: nobody measured. */
  readonly cpuMs: number | null
  readonly memoryKiB: number | null
  readonly steps: readonly SideStep[]
}

export type Side = {
  readonly run: Comparison['before']
  /** Of its own plan and of the one that it went on with. */
  readonly workflows: readonly PlanWorkflow[]
  readonly jobs: readonly SideJob[]
  readonly failedTests: readonly ComparedTest[]
  /** The list of failed tests has them all. */
  readonly isComplete: boolean
}

export const compareRuns = (before: Side, after: Side): Comparison => ({
  before: before.run,
  after: after.run,
  plan: planChanges(before.workflows, after.workflows),
  jobs: jobChanges(before.jobs, after.jobs),
  tests: {
    newly_failed: notIn(before.failedTests, after.failedTests),
    no_longer_failed: notIn(after.failedTests, before.failedTests),
    complete: before.isComplete && after.isComplete,
  },
})

type Pair<T> = { readonly before: T | null; readonly after: T | null }

/** Things of the same name stand in pairs, the first with the first; in the order of the names. */
const pairs = <T>(
  before: readonly T[],
  after: readonly T[],
  nameOf: (item: T) => string,
): readonly Pair<T>[] => {
  const [left, right] = [Map.groupBy(before, nameOf), Map.groupBy(after, nameOf)]
  const names = [...new Set([...left.keys(), ...right.keys()])].sort()
  return names.flatMap((name) => {
    const [ones, others] = [left.get(name) ?? [], right.get(name) ?? []]
    const length = Math.max(ones.length, others.length)
    return Array.from({ length }, (_, i) => ({ before: ones[i] ?? null, after: others[i] ?? null }))
  })
}

const both = <T, V>({ before, after }: Pair<T>, of: (item: T) => V | null): Pair<V> => ({
  before: before === null ? null : of(before),
  after: after === null ? null : of(after),
})

const differs = ({ before, after }: Pair<unknown>): boolean =>
  JSON.stringify(before) !== JSON.stringify(after)

const jobChanges = (before: readonly SideJob[], after: readonly SideJob[]): ComparedJob[] =>
  pairs(before, after, ({ workflow, job, shard }) => JSON.stringify([workflow, job, shard])).flatMap(
    (pair) => {
      const named = pair.before ?? pair.after
      if (named === null) return []
      const compared = {
        ...{ workflow: named.workflow, job: named.job, shard: named.shard },
        status: both(pair, ({ status }) => status),
        queued_ms: both(pair, ({ queuedMs }) => queuedMs),
        duration_ms: both(pair, ({ durationMs }) => durationMs),
        sandbox: both(pair, ({ sandbox }) => sandbox),
        cpu_ms: both(pair, ({ cpuMs }) => cpuMs),
        memory_kib: both(pair, ({ memoryKiB }) => memoryKiB),
        steps: stepChanges(pair),
      }
      const { status, queued_ms, duration_ms, sandbox, steps } = compared
      // What a job uses is never twice the same: that alone is no difference.
      return steps.length > 0 || [status, queued_ms, duration_ms, sandbox].some(differs) ? [compared] : []
    },
  )

/** Where only one run has the job, its steps say nothing that the job does not. */
const stepChanges = ({ before, after }: Pair<SideJob>): ComparedJob['steps'] =>
  before === null || after === null
    ? []
    : pairs(before.steps, after.steps, ({ name }) => name).flatMap((pair) => {
        const [status, durations] = [both(pair, (step) => step.status), both(pair, (step) => step.durationMs)]
        const cache = both(pair, (step) => step.cache)
        const name = (pair.before ?? pair.after)?.name ?? ''
        return [status, durations, cache].some(differs)
          ? [{ name, status, duration_ms: durations, cache }]
          : []
      })

/** Those of `of` that `others` has not. A job may be split otherwise: the same test on another shard is the same. */
const notIn = (others: readonly ComparedTest[], of: readonly ComparedTest[]): ComparedTest[] => {
  const known = new Set(others.map(testKey))
  return [...new Map(of.map((test) => [testKey(test), test])).values()].filter(
    (test) => !known.has(testKey(test)),
  )
}

const testKey = ({ job, file, class: className, name }: ComparedTest): string =>
  JSON.stringify([job, file, className, name])
