// Two runs of a project compared over a real server and its vault: what was stored of them comes together, and nobody
// compares with a run that they may not see.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner, planJob } from '../../../test/support/scripted-runner.ts'
import { type FaultCode, isFault } from '../../base/faults.ts'
import { type OrganisationId, parseId, type RunId } from '../../base/ids.ts'
import type { PlanJob } from '../../protocol/plan.ts'
import { scopeOfOrganisation } from '../access/actor.ts'
import { createTests } from '../stored/tests.ts'
import type { Tests } from '../use-cases.ts'
import { createCompare } from './compare-runs.ts'

const parts = await openParts()
const project = await addLocalProject(parts, 'web')
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'one'), {
  free: { 'built-in': 4, small: 8 },
})
after(() => runner.close())
const real = createTests(parts)
const compareWith = (tests: Tests = real) => createCompare({ database: parts.database, tests }).compare
const { actor } = parts

/** A run whose jobs all passed. */
const runOf = async (jobs: readonly PlanJob[], of = project): Promise<RunId> => {
  const { id } = await parts.runs.startRun(actor, { project: of })
  const [plan] = await runner.take({}, 1)
  await runner.finishPlan(plan ?? assert.fail(), jobs)
  const leases = jobs.reduce((sum, { shards }) => sum + shards, 0)
  const taken = leases === 0 ? [] : await runner.take({}, leases)
  for (const held of taken) await runner.finish(held)
  return parseId('run', id) ?? assert.fail()
}
const fails = (work: Promise<unknown>, code: FaultCode) =>
  assert.rejects(work, (error) => isFault(error, code))

test('what two runs differ in is told: plan, jobs, tests', async () => {
  const before = await runOf([planJob({ key: 'a' })])
  const later = await runOf([planJob({ key: 'a', shards: 2 }), planJob({ key: 'b' })])
  const found = await compareWith()(actor, before, later)
  assert.deepEqual([found.before.id, found.after.id], [before, later])
  assert.deepEqual(
    [found.before.status, found.after.status, found.after.number - found.before.number],
    ['passed', 'passed', 1],
  )
  assert.match(found.before.plan_digest ?? '', /^[0-9a-f]{64}$/)
  assert.deepEqual(
    found.plan.added.map(({ job }) => job),
    ['b'],
  )
  assert.deepEqual(found.plan.changed[0]?.fields, [{ field: 'shards', before: '1', after: '2' }])
  const of = (job: string, shard: number) =>
    found.jobs.find((each) => each.job === job && each.shard === shard)?.status
  assert.deepEqual(of('b', 0), { before: null, after: 'passed' })
  assert.deepEqual(of('a', 1), { before: null, after: 'passed' })
  assert.deepEqual(found.tests, { newly_failed: [], no_longer_failed: [], complete: true })
  const same = await compareWith()(actor, later, later)
  assert.deepEqual([same.plan.changed, same.jobs], [[], []])
})

test('failed tests are asked of the jobs that have some, and what was not asked is said', async () => {
  const [before, later] = [await runOf([planJob({ key: 'a' })]), await runOf([planJob({ key: 'a' })])]
  const [job] = (await parts.runs.findRun(parts.scope, later))?.jobs.filter(({ name }) => name === 'a') ?? []
  const summary = {
    job: { id: job?.id ?? assert.fail(), name: 'a', shard: 0, shards: 1, attempt: 1 },
    ...{ failed: 101, skipped: 0, passed: 1, duration_ms: 5 },
  }
  const asked: unknown[] = []
  const tests: Tests = {
    listRun: async (_scope, run) => ({ items: run === later ? [summary] : [], next_cursor: null }),
    expired: async () => [],
    listJob: async (_scope, of, options) => {
      asked.push([of, options])
      const result = {
        outcome: 'failed',
        name: 'n',
        class: 'c',
        file: 'f',
        duration_ms: 1,
        message: 'x',
      } as const
      return { summary, expired: null, items: [result], next_cursor: null }
    },
  }
  const found = await compareWith(tests)(actor, before, later)
  assert.deepEqual(found.tests, {
    newly_failed: [{ job: 'a', file: 'f', class: 'c', name: 'n' }],
    ...{ no_longer_failed: [], complete: false },
  })
  assert.deepEqual(asked, [[summary.job.id, { outcome: 'failed', attempt: 1, limit: 100 }]])
})

test('a run of another project cannot be compared, one of another organisation is not there', async () => {
  const [own, other] = [await runOf([]), await runOf([], await addLocalProject(parts, 'docs'))]
  await fails(compareWith()(actor, own, other), 'E_INPUT')
  const stranger = { ...actor, scope: scopeOfOrganisation(`org_${'v'.repeat(26)}` as OrganisationId) }
  await fails(compareWith()(stranger, own, own), 'E_NOT_FOUND')
  const limited = { ...actor, scope: { ...actor.scope, projects: [project] } }
  await fails(compareWith()(limited, own, other), 'E_NOT_FOUND')
})
