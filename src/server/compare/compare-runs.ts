// The use case of GET /runs/:run/compare: reads both sides, and the failed tests of each by way of the vault, which opens
// what jobs stored. Nothing on the way of a run calls it.
import { fault } from '../../base/faults.ts'
import { type JobId, parseId, type RunId } from '../../base/ids.ts'
import type { ComparedTest, Comparison } from '../../protocol/api/comparison.ts'
import type { TestSummary } from '../../protocol/api/tests.ts'
import { type Actor, readerOf } from '../access/actor.ts'
import type { Db } from '../db/database.ts'
import type { Tests } from '../use-cases.ts'
import { compareRuns, type Side } from './compare.ts'
import { type FoundRun, findComparedRun, readJobs, readWorkflows } from './read.ts'

type Deps = { readonly database: { readonly db: Db }; readonly tests: Tests }

/** Failed tests are opened for so many jobs of a run at most, and of each so many. */
const [jobsMax, failedOfJobMax] = [20, 100]

export const createCompare = (deps: Deps) => ({
  /** Both have to be of one project; a run that the actor may not see is no run. */
  compare: async (actor: Actor, before: RunId, after: RunId): Promise<Comparison> => {
    const [left, right] = [await getRun(deps, actor, before), await getRun(deps, actor, after)]
    if (left.project !== right.project)
      throw fault('E_INPUT', { public: 'Two runs of one project can be compared' })
    return compareRuns(await readSide(deps, actor, before, left), await readSide(deps, actor, after, right))
  },
})
export type Compare = ReturnType<typeof createCompare>

const getRun = async ({ database: { db } }: Deps, { scope }: Actor, id: RunId): Promise<FoundRun> => {
  const found = await findComparedRun(db, scope, id)
  if (found === null) throw fault('E_NOT_FOUND', { public: 'No such run' })
  return found
}

const readSide = async (deps: Deps, actor: Actor, id: RunId, { run }: FoundRun): Promise<Side> => {
  const { db } = deps.database
  const [workflows, jobs, failed] = await Promise.all([
    readWorkflows(db, id),
    readJobs(db, id),
    failedTests(deps, actor, id),
  ])
  return { run, workflows, jobs, ...failed }
}

const failedTests = async (
  { tests }: Deps,
  actor: Actor,
  run: RunId,
): Promise<Pick<Side, 'failedTests' | 'isComplete'>> => {
  const { items, next_cursor: more } = await tests.listRun(actor.scope, run, { limit: 1000 })
  const red = items.filter(({ failed }) => failed > 0)
  const failed: ComparedTest[] = []
  // One after another: each asks the vault.
  for (const summary of red.slice(0, jobsMax)) failed.push(...(await failedOfJob(tests, actor, summary)))
  const isComplete =
    more === null && red.length <= jobsMax && red.every(({ failed: count }) => count <= failedOfJobMax)
  return { failedTests: failed, isComplete }
}

const failedOfJob = async (tests: Tests, actor: Actor, { job }: TestSummary): Promise<ComparedTest[]> => {
  const id = parseId('job', job.id) satisfies JobId | null
  if (id === null) return []
  const asked = { outcome: 'failed', attempt: job.attempt, limit: failedOfJobMax } as const
  const { items } = await tests.listJob(actor.scope, id, asked, readerOf(actor, 'view'))
  return items.map(({ name, class: className, file }) => ({ job: job.name, file, class: className, name }))
}
