// A line is marked as the error of an attempt: one at a time, seen by everybody who may see the attempt, by nobody else.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner } from '../../../test/support/scripted-runner.ts'
import { type AttemptId, parseId, type RunId } from '../../base/ids.ts'
import { scopeOfOrganisation } from '../access/actor.ts'

const parts = await openParts()
const project = await addLocalProject(parts, 'web')
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'one'))
after(() => runner.close())

const attemptOfRun = async (): Promise<AttemptId> => {
  const run = await parts.runs.startRun(parts.actor, { project, ref: 'main' })
  return parseId('attempt', run.jobs[0]?.attempts[0]?.id ?? '')!
}
const pinnedOf = async (attempt: AttemptId) =>
  (await parts.runs.findAttempt(parts.scope, attempt))?.pinned ?? null
const audited = async (attempt: AttemptId) => {
  const { rows } = await sql<{ action: string; details: unknown }>`
    select action, details from audit where target = ${attempt} and action like 'log.%' order by at, action`.execute(
    parts.db,
  )
  return rows
}

test('one line of an attempt is the error: another takes its place, and none ends it', async () => {
  const attempt = await attemptOfRun()
  assert.equal(await pinnedOf(attempt), null)
  const shown = await parts.runs.pinError(parts.actor, attempt, { step: 3, line: 64 })
  assert.deepEqual(shown.pinned && { ...shown.pinned, at: '' }, {
    ...{ step: 3, line: 64, at: '' },
    by: { id: 'operator', name: 'operator' },
  })
  assert.ok(Number.isFinite(Date.parse(shown.pinned?.at ?? '')))
  await parts.runs.pinError(parts.actor, attempt, { step: 2, line: 7 })
  assert.deepEqual([(await pinnedOf(attempt))?.step, (await pinnedOf(attempt))?.line], [2, 7])
  assert.equal((await parts.runs.pinError(parts.actor, attempt, null)).pinned, null)
  assert.equal(await pinnedOf(attempt), null)
})

test('each change stands in the audit log; what changes nothing does not', async () => {
  const attempt = await attemptOfRun()
  await parts.runs.pinError(parts.actor, attempt, null)
  await parts.runs.pinError(parts.actor, attempt, { step: 1, line: 2 })
  await parts.runs.pinError(parts.actor, attempt, { step: 1, line: 2 })
  await parts.runs.pinError(parts.actor, attempt, null)
  assert.deepEqual(await audited(attempt), [
    { action: 'log.pin', details: { step: 1, line: 2 } },
    { action: 'log.unpin', details: {} },
  ])
})

test('nobody marks a line of another organisation', async () => {
  const attempt = await attemptOfRun()
  const stranger = { ...parts.actor, scope: scopeOfOrganisation(parts.newId('organisation')) }
  for (const pin of [{ step: 0, line: 1 }, null])
    await assert.rejects(parts.runs.pinError(stranger, attempt, pin), { code: 'E_NOT_FOUND' })
  assert.equal(await pinnedOf(attempt), null)
})

test('the database holds no line that cannot be', async () => {
  const attempt = await attemptOfRun()
  for (const [step, line] of [
    [-1, 1],
    [0, 0],
    [70_000, 1],
    [0, 2 ** 32],
  ])
    await assert.rejects(
      sql`insert into pinned_errors (attempt_id, step, line, pinned_by) values (${attempt}, ${step}, ${line}, 'operator')`.execute(
        parts.db,
      ),
      /violates check constraint/,
    )
})

test('who follows the run hears of it: its job is in the next rev, and nothing is told of what changed nothing', async () => {
  const attempt = await attemptOfRun()
  const run = (await parts.runs.findAttempt(parts.scope, attempt))?.run_id as RunId
  const heard: number[] = []
  const stop = parts.runs.onChange((notice) => void (notice?.run === run && heard.push(notice.rev)))
  const before = (await parts.runs.jobsSince(parts.scope, run, -1))!
  await parts.runs.pinError(parts.actor, attempt, { step: 1, line: 2 })
  const after = (await parts.runs.jobsSince(parts.scope, run, before.rev))!
  assert.equal(after.rev, before.rev + 1)
  assert.deepEqual(
    after.jobs.map((job) => [job.rev, job.attempts.at(-1)?.id]),
    [[after.rev, attempt]],
  )
  await parts.runs.pinError(parts.actor, attempt, { step: 1, line: 2 })
  await parts.runs.pinError(parts.actor, attempt, null)
  await parts.runs.pinError(parts.actor, attempt, null)
  assert.deepEqual(heard, [before.rev + 1, before.rev + 2])
  stop()
})
