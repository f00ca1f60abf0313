// Retention of logs: what is removed after its days, that it can be opened by nobody then, and what is said of it. What is younger, or
// still grows, stays.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner, type Held } from '../../../test/support/scripted-runner.ts'
import { isFault } from '../../base/faults.ts'
import type { JobId } from '../../base/ids.ts'
import { limits } from '../limits.ts'
import { expireLogs } from './expire.ts'
import { createLogs } from './logs.ts'
import { logObjectKey } from './object-key.ts'

const parts = await openParts()
const project = await addLocalProject(parts, 'web')
const logs = createLogs(parts)
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'old'))
after(() => runner.close())
const reader = { user: 'usr_reader', session: 'ses_reader', reason: 'test' }

const lease = async (): Promise<Held> => {
  await parts.runs.startRun(parts.actor, { project })
  const [plan] = await runner.take()
  await runner.finishPlan(plan!, [{ key: 'a' }])
  const [held] = await runner.take()
  await runner.frames(held!, 1, 'words of a job\n')
  return held!
}
const ended = async (): Promise<Held> => {
  const held = await lease()
  await runner.finish(held, { lastSeq: held.log.seq })
  return held
}
/** As if so many days had passed since it ended. */
const age = async ({ attempt }: Held, days: number) => {
  await sql`
    update attempts set finished_at = finished_at - make_interval(days => ${days}::integer),
      started_at = started_at - make_interval(days => ${days}::integer) where id = ${attempt}`.execute(
    parts.db,
  )
  await sql`update log_objects set stored_at = stored_at - make_interval(days => ${days}::integer) where attempt_id = ${attempt}`.execute(
    parts.db,
  )
}
const read = async ({ attempt }: Held) => {
  const texts: number[] = []
  for await (const frame of logs.readFrames(parts.scope, attempt, { after: 0, reader })) texts.push(frame.seq)
  return texts.length
}
const follow = async ({ attempt }: Held) => {
  const signal = AbortSignal.timeout(5_000)
  for await (const _ of logs.follow(parts.scope, attempt, { after: 0, reader, signal })) return
}
const expired = (error: unknown) =>
  isFault(error, 'E_EXPIRED') && /removed on \d{4}-\d\d-\d\d: logs are kept for 30 days$/.test(error.public)

test('a log goes after its days, with its frames, its object and its key; the attempt stays and says so', async () => {
  const [old, young] = [await ended(), await ended()]
  await parts.objects.put(
    logObjectKey(old.attempt),
    (async function* () {
      yield new Uint8Array([1])
    })(),
    { bytesMax: 10 },
  )
  await sql`
    insert into log_objects (attempt_id, object_key, size_bytes) values (${old.attempt}, ${logObjectKey(old.attempt)}, 1)
    on conflict do nothing`.execute(parts.db)
  await age(old, limits.retentionDays.logs + 1)
  await age(young, limits.retentionDays.logs - 1)
  assert.equal(await expireLogs({ ...parts, days: limits.retentionDays.logs }), 1)
  assert.equal(await expireLogs({ ...parts, days: limits.retentionDays.logs }), 0, 'once')
  const { rows } = await sql<Record<string, unknown>>`
    select (select count(*)::integer from log_frames where attempt_id = a.id) as frames,
      (select count(*)::integer from log_objects where attempt_id = a.id) as objects,
      log_key is null and log_key_wrapped is null as keyless from attempts a where id = ${old.attempt}`.execute(
    parts.db,
  )
  assert.deepEqual(rows, [{ frames: 0, objects: 0, keyless: true }])
  await assert.rejects(
    parts.objects.read(logObjectKey(old.attempt), { offset: 0, length: 1 }),
    (error: unknown) => isFault(error, 'E_OBJECT_MISSING'),
  )
  for (const ask of [
    () => read(old),
    () => follow(old),
    () => logs.readIndex(parts.scope, old.attempt, { after: 0, reader }),
    () => logs.annotations(parts.scope, old.attempt, reader),
    () => logs.openBytes(parts.scope, old.attempt, { reader }),
  ])
    await assert.rejects(ask, expired)
  const found = await parts.runs.findAttempt(parts.scope, old.attempt)
  assert.deepEqual([found?.log_expired?.days, found?.status], [30, 'passed'])
  assert.equal((await parts.runs.findAttempt(parts.scope, young.attempt))?.log_expired, null)
  assert.equal(await read(young), 1)
})

test('a search names the attempt whose log was removed, and goes on', async () => {
  const old = await ended()
  await age(old, limits.retentionDays.logs + 1)
  await expireLogs({ ...parts, days: limits.retentionDays.logs })
  const row = await parts.runs.findAttempt(parts.scope, old.attempt)
  const found = await logs.search(parts.scope, row!.job_id as JobId, {
    ...{ attempts: 'all', reader, signal: new AbortController().signal },
    query: { text: 'words', isRegex: false, matchCase: false },
  })
  assert.deepEqual(
    found.attempts.map(({ number, count, isExpired }) => [number, count, isExpired]),
    [[1, 0, true]],
  )
})

test('a log that still grows stays, however long it runs', async () => {
  const held = await lease()
  await sql`update attempts set started_at = now() - interval '90 days' where id = ${held.attempt}`.execute(
    parts.db,
  )
  assert.equal(await expireLogs({ ...parts, days: limits.retentionDays.logs }), 0)
  assert.equal(await read(held), 1)
  await runner.finish(held, { lastSeq: held.log.seq })
})

test('logs that go another way do not keep those of runs', async () => {
  const old = await ended()
  await sql`
    insert into log_objects (attempt_id, object_key, size_bytes) values (${old.attempt}, ${logObjectKey(old.attempt)}, 1)
    on conflict do nothing`.execute(parts.db)
  await sql`delete from log_frames where attempt_id = ${old.attempt}`.execute(parts.db)
  await age(old, limits.retentionDays.logs + 1)
  // Looks at source hosts: more of them than are removed at once, and older.
  await sql`
    with look as (
      insert into jobs (id, organisation_id, project_id, number, key, name, kind, status, class)
      select 'job_' || lpad(n::text, 26, '0'), ${parts.organisation}, ${project}, 0, 'refs', 'refs', 'refs', 'passed', 'built-in'
      from generate_series(1, 600) n returning *
    ), attempt as (
      insert into attempts (id, organisation_id, project_id, job_id, number, class, status, log_complete, finished_at)
      select replace(id, 'job_', 'att_'), organisation_id, project_id, id, 1, class, 'passed', true, now() - interval '1 year'
      from look returning id
    )
    insert into log_objects (attempt_id, object_key, size_bytes, stored_at)
    select id, 'look ' || id, 1, now() - interval '1 year' from attempt`.execute(parts.db)
  assert.equal(await expireLogs({ ...parts, days: limits.retentionDays.logs }), 1)
})
