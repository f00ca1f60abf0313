// What retention removed of artifacts and results of tests, and what is said of it: to people of the organisation, and to nobody else.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner } from '../../../test/support/scripted-runner.ts'
import { isFault } from '../../base/faults.ts'
import type { JobId, RunId } from '../../base/ids.ts'
import { limits } from '../limits.ts'
import { createArtifacts } from './artifacts.ts'
import { expireObjects } from './expire.ts'
import { createTests } from './tests.ts'

const parts = await openParts()
const project = await addLocalProject(parts, 'web')
const artifacts = createArtifacts({ ...parts, retention: limits.retentionDays })
const tests = createTests(parts)
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'keeper'))
after(() => runner.close())
const reader = { user: 'usr_x', session: 's', reason: 'download' }

const attemptOf = async () => {
  await parts.runs.startRun(parts.actor, { project })
  const [plan] = await runner.take()
  await runner.finishPlan(plan!, [{ key: 'a' }])
  const [held] = await runner.take()
  await runner.finish(held!)
  const found = await parts.runs.findAttempt(parts.scope, held!.attempt)
  return { id: held!.attempt, run: found!.run_id as RunId, job: found!.job_id as JobId }
}
type Attempt = Awaited<ReturnType<typeof attemptOf>>

const store = async ({ id, run, job }: Attempt, kind: 'artifacts' | 'tests' | 'cache', days: number) => {
  const object = parts.newId('object')
  await sql`
    insert into stored_objects (id, organisation_id, project_id, run_id, job_id, attempt_id, kind, scope, cache_key, state, sha256, size_bytes,
      manifest, wrapped_key, created_at, used_at)
    values (${object}, ${parts.organisation}, ${project}, ${run}, ${job}, ${id}, ${kind}, 's', ${kind === 'cache' ? object : null}, 'kept',
      ${'a'.repeat(64)}, 1, 'm', 'w', now() - make_interval(days => ${days}::integer), now() - make_interval(days => ${days}::integer))`.execute(
    parts.db,
  )
  return object
}

test('an artifact that was removed says so, with the day and the rule; a cache leaves nothing', async () => {
  const attempt = await attemptOf()
  const old = await store(attempt, 'artifacts', limits.retentionDays.artifacts + 1)
  const young = await store(attempt, 'artifacts', limits.retentionDays.artifacts - 1)
  await store(attempt, 'cache', 400)
  assert.equal(await expireObjects({ ...parts, days: limits.retentionDays }), 2)
  const { rows } = await sql<{ id: string }>`select id from expired_objects`.execute(parts.db)
  assert.deepEqual(rows, [{ id: old }])
  await assert.rejects(
    artifacts.open(parts.scope, `${old}.0`, reader),
    (error: unknown) =>
      isFault(error, 'E_EXPIRED') &&
      /^This artifact was removed on \d{4}-\d\d-\d\d: artifacts are kept for 14 days$/.test(error.public),
  )
  const [gone, ...more] = await artifacts.expired(parts.scope, attempt.run)
  assert.deepEqual([gone?.job.name, gone?.job.attempt, gone?.days, more], ['a', 1, 14, []])
  const stranger = { ...parts.scope, organisation: parts.newId('organisation') }
  for (const object of [old, young])
    await assert.rejects(artifacts.open(stranger, `${object}.0`, reader), (error: unknown) =>
      isFault(error, 'E_NOT_FOUND'),
    )
  assert.deepEqual(await artifacts.expired(stranger, attempt.run), [])
})

test('tests that were removed are not the same as none', async () => {
  const [with_, without] = [await attemptOf(), await attemptOf()]
  await store(with_, 'tests', limits.retentionDays.tests + 1)
  await expireObjects({ ...parts, days: limits.retentionDays })
  const list = (job: JobId, attempt?: number) =>
    tests.listJob(parts.scope, job, { limit: 10, attempt }, reader)
  assert.deepEqual(
    [(await list(with_.job)).expired?.days, (await list(with_.job, 1)).expired?.days],
    [30, 30],
  )
  assert.equal((await list(with_.job, 2)).expired, null)
  assert.equal((await list(without.job)).expired, null)
  const [gone, ...more] = await tests.expired(parts.scope, with_.run)
  assert.deepEqual([gone?.job.id, gone?.job.attempt, gone?.days, more], [with_.job, 1, 30, []])
  assert.deepEqual(await tests.expired(parts.scope, without.run), [])
  const stranger = { ...parts.scope, organisation: parts.newId('organisation') }
  assert.deepEqual(await tests.expired(stranger, with_.run), [])
})

test('the settings say how long; what was removed keeps the rule by which it was', async () => {
  await sql`delete from stored_objects`.execute(parts.db)
  const attempt = await attemptOf()
  const kept = await store(attempt, 'artifacts', 2)
  const gone = await store(attempt, 'artifacts', 4)
  const keeps = createArtifacts({ ...parts, retention: { artifacts: 3 } })
  const { items } = await keeps.list(parts.scope, attempt.run, { limit: 10 })
  for (const { created_at, expires_at } of items)
    assert.equal(Date.parse(expires_at) - Date.parse(created_at), 3 * 86_400_000)
  assert.equal(await expireObjects({ ...parts, days: { artifacts: 3, tests: 3 } }), 1)
  await assert.rejects(
    artifacts.open(parts.scope, `${gone}.0`, reader),
    (error: unknown) => isFault(error, 'E_EXPIRED') && /artifacts are kept for 3 days$/.test(error.public),
  )
  await assert.rejects(
    artifacts.open(parts.scope, `${kept}.0`, reader),
    (error: unknown) => isFault(error) && !isFault(error, 'E_EXPIRED'),
  )
})
