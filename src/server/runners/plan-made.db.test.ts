// A plan that is told before its attempt ends: its jobs begin, the attempt still has to.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner, type Held, planOf } from '../../../test/support/scripted-runner.ts'
import { parseId, type RunId } from '../../base/ids.ts'
import type { PlanResult } from '../../protocol/runner-wire.ts'
import { jcsDigest } from '../../seal/index.ts'

const parts = await openParts()
const project = await addLocalProject(parts, 'web')
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'early'))
const stranger = createScriptedRunner(parts, await enrolRunner(parts, 'stranger'))
after(() => {
  runner.close()
  stranger.close()
})

const begin = async (): Promise<{ run: RunId; held: Held }> => {
  const started = await parts.runs.startRun(parts.actor, { project, ref: 'main' })
  const run = parseId('run', started.id)!
  const [held] = await runner.take()
  return { run, held: held! }
}
const resultOf = async (held: Held, ...keys: string[]): Promise<PlanResult> => {
  const plan = planOf(
    held,
    keys.map((key) => ({ key })),
  )
  const commit = { id: plan.inputs.event.commit, subject: 's', author: 'a', authoredAt: '' }
  return { kind: 'plan', plan, planDigest: await jcsDigest(plan), origins: {}, problems: [], commit }
}
const tell = (held: Held, result: PlanResult, by = runner) =>
  by.send(`/runner/v1/leases/${held.lease}/plan`, { v: 1, result })
const statuses = async (run: RunId) => {
  const found = (await parts.runs.findRun(parts.scope, run))!
  return [found.status, ...found.jobs.map(({ name, status }) => `${name} ${status}`)]
}

test('jobs begin at once; the attempt holds its place until it ends, and says the same again', async () => {
  const { run, held } = await begin()
  const result = await resultOf(held, 'a')
  assert.equal((await tell(held, result)).status, 200)
  assert.deepEqual(await statuses(run), ['running', 'plan running', 'a queued'])
  const [job] = await runner.take()
  assert.equal((await tell(held, result)).status, 200)
  assert.equal((await runner.finish(job!)).status, 200)
  assert.deepEqual(await statuses(run), ['running', 'plan running', 'a passed'])
  assert.equal((await runner.finish(held, { result })).status, 200)
  assert.deepEqual(await statuses(run), ['passed', 'plan passed', 'a passed'])
})

test('an attempt that breaks afterwards is tried again: its plan must be the same', async () => {
  const { run, held } = await begin()
  await tell(held, await resultOf(held, 'a'))
  const nothing: PlanResult = {
    ...{ kind: 'plan', plan: null, planDigest: null, origins: {}, problems: [], commit: null },
  }
  await runner.finish(held, { outcome: 'errored', result: nothing })
  const leases = await runner.take({}, 4)
  const second = leases.find(({ spec }) => spec.kind === 'plan')!
  assert.equal((await tell(second, await resultOf(second, 'a'))).status, 200)
  const other = await tell(second, await resultOf(second, 'b'))
  assert.notEqual(other.status, 200)
  assert.match(other.body?.message ?? '', /has another one/)
  await runner.finish(second, { result: await resultOf(second, 'b') })
  const [status, plan, ...jobs] = await statuses(run)
  assert.deepEqual([plan, ...jobs.map((job) => job.split(' ')[0])], ['plan errored', 'a'])
  assert.notEqual(status, 'passed')
  for (const job of leases.filter(({ spec }) => spec.kind === 'job')) await runner.finish(job)
})

test('only from the lease of a running plan attempt, and only a plan that holds', async () => {
  const { run, held } = await begin()
  const result = await resultOf(held, 'a')
  assert.equal((await tell(held, result, stranger)).status, 409)
  assert.notEqual((await tell(held, { ...result, planDigest: 'f'.repeat(64) })).status, 200)
  assert.notEqual((await tell(held, { ...result, plan: null, planDigest: null })).status, 200)
  assert.deepEqual(await statuses(run), ['running', 'plan running'])
  await runner.finish(held, { result })
  assert.equal((await tell(held, result)).status, 409)
  const [job] = await runner.take()
  assert.equal((await tell(job!, result)).status, 409)
  await runner.finish(job!)
})

test('a plan that is told after the cancel starts nothing', async () => {
  const { run, held } = await begin()
  await parts.runs.cancelRun(parts.actor, run)
  assert.equal((await tell(held, await resultOf(held, 'a'))).status, 200)
  assert.deepEqual(await statuses(run), ['running', 'plan running', 'a cancelled'])
  await runner.finish(held, { outcome: 'cancelled', result: await resultOf(held, 'a') })
  assert.equal((await statuses(run))[0], 'cancelled')
})
