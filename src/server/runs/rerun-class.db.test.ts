// A job is carried out again in another size: what it is stays to the letter, and nobody chooses another kind of runner that way.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner, type Held } from '../../../test/support/scripted-runner.ts'
import { type JobId, parseId, type RunId } from '../../base/ids.ts'

const parts = await openParts()
const { runs, actor, scope } = parts
const project = await addLocalProject(parts, 'web')
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'one'))
after(() => runner.close())

const failed = { outcome: 'failed', reason: { code: null, message: 'exit code 1' } } as const
const jobOf = async (run: RunId) => {
  const job = (await runs.findRun(scope, run))!.jobs.find(({ key }) => key === 'a')!
  const classes = await Promise.all(
    job.attempts.map(async ({ id }) => (await runs.findAttempt(scope, parseId('attempt', id)!))?.class),
  )
  return { id: parseId('job', job.id)!, class: job.class, classes }
}
/** A run whose only job failed in the class `small`. */
const failedRun = async (): Promise<{ run: RunId; job: JobId; held: Held }> => {
  const run = parseId('run', (await runs.startRun(actor, { project, ref: 'main' })).id)!
  const [plan] = await runner.take()
  await runner.finishPlan(plan!, [{ key: 'a' }])
  const [held] = await runner.take()
  await runner.finish(held!, failed)
  return { run, job: (await jobOf(run)).id, held: held! }
}
const specOf = ({ spec }: Held) =>
  spec.kind === 'job' ? { class: spec.class, digest: spec.specDigest } : null

test('in another size the same job runs, and stays in it', async () => {
  const { run, job, held } = await failedRun()
  assert.equal(specOf(held)?.class, 'small')
  await runs.rerunJob(actor, job, 'large')
  const { rows } = await sql<{ class: string }>`
    select class from attempts where job_id = ${job} and status = 'queued'`.execute(parts.db)
  assert.deepEqual(rows, [{ class: 'large' }], 'it waits for a runner that offers the size')
  await sql`update attempts set class = 'small' where job_id = ${job} and status = 'queued'`.execute(parts.db)
  const [second] = await runner.take()
  assert.deepEqual(
    specOf(second!),
    { class: 'large', digest: specOf(held)?.digest },
    'what is vouched for is the same',
  )
  await sql`update attempts set class = 'large' where job_id = ${job} and number = 2`.execute(parts.db)
  await runner.finish(second!, failed)
  await runs.rerunJob(actor, job)
  const after = await jobOf(run)
  assert.deepEqual([after.class, after.classes], ['large', ['small', 'large', 'large']])
  const audited = await sql<{ details: unknown }>`
    select details from audit where target = ${job} and action = 'run.rerun' order by id`.execute(parts.db)
  assert.deepEqual(
    audited.rows.map(({ details }) => details),
    [{ jobs: 'named', class: 'large' }, { jobs: 'named' }],
  )
  await runs.cancelRun(actor, run)
})

test('a job of a named class keeps it: who may rerun does not choose another kind of runner', async () => {
  const { run, job } = await failedRun()
  await sql`update jobs set class = 'acme/gpu' where id = ${job}`.execute(parts.db)
  await assert.rejects(runs.rerunJob(actor, job, 'large'), { code: 'E_INPUT' })
  const after = await jobOf(run)
  assert.deepEqual([after.class, after.classes], ['acme/gpu', ['small']])
})

test('what cannot run again keeps its class', async () => {
  const { run, job } = await failedRun()
  await runs.rerunJob(actor, job)
  await assert.rejects(runs.rerunJob(actor, job, 'large'), { code: 'E_CONFLICT' })
  assert.equal((await jobOf(run)).class, 'small')
  await runs.cancelRun(actor, run)
})
