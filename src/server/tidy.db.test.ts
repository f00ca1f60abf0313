// What is removed from time to time, and when it is not. What each part removes is tested beside it.
import assert from 'node:assert/strict'
import { mkdtemp, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../test/support/parts.ts'
import { createScriptedRunner } from '../../test/support/scripted-runner.ts'
import { parseId } from '../base/ids.ts'
import { objectsStayLock } from '../protocol/objects-stay.ts'
import { randomBytes, systemClock } from '../sys/index.ts'
import { limits } from './limits.ts'
import { openFsStore } from './objects/fs-store.ts'
import { storedObjectKey } from './stored/object-key.ts'
import { tidyRows } from './tidy.ts'

const parts = await openParts()
const project = await addLocalProject(parts, 'web')
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'keeper'))
after(() => runner.close())

test('no object is removed while a backup is made, and all that are due after it', async () => {
  await parts.runs.startRun(parts.actor, { project })
  const [plan] = await runner.take()
  const object = parseId('object', `obj_${'0'.repeat(26)}`) ?? assert.fail()
  const key = storedObjectKey(object)
  const content = async function* () {
    yield Buffer.from('x')
  }
  await parts.objects.put(key, content(), { bytesMax: 10 })
  await sql`
    insert into stored_objects (id, organisation_id, project_id, run_id, job_id, attempt_id, kind, scope, used_at)
    select ${object}, j.organisation_id, j.project_id, j.run_id, j.id, a.id, 'workspace', 'x', now() - interval '1 year'
    from attempts a join jobs j on j.id = a.job_id where a.id = ${plan?.attempt}`.execute(parts.db)
  const isThere = () =>
    parts.objects.read(key, { offset: 0, length: 1 }).then(
      () => true,
      () => false,
    )
  const tidy = () => tidyRows(parts, limits.retentionDays)
  await parts.db.connection().execute(async (backup) => {
    await sql`select pg_advisory_lock_shared(${sql.lit(objectsStayLock)})`.execute(backup)
    await tidy()
    assert.equal(await isThere(), true)
    await sql`select pg_advisory_unlock_shared(${sql.lit(objectsStayLock)})`.execute(backup)
  })
  await tidy()
  assert.equal(await isThere(), false)
})

const once = async function* () {
  yield Buffer.from('x')
}

test('an object that no row names goes when it is a day old; those that one names, and what is young, stay', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mf-forgotten-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const aheadMs = { now: 0 }
  const clock = { ...systemClock, now: () => systemClock.now() + aheadMs.now }
  const objects = await openFsStore({ directory, randomBytes, clock })
  await parts.runs.startRun(parts.actor, { project })
  const [lease] = await runner.take()
  const attempt = lease?.attempt ?? assert.fail()
  const ofRow = parseId('object', `obj_${'1'.repeat(26)}`) ?? assert.fail()
  await sql`
    insert into stored_objects (id, organisation_id, project_id, run_id, job_id, attempt_id, kind, scope)
    select ${ofRow}, j.organisation_id, j.project_id, j.run_id, j.id, a.id, 'workspace', 'x'
    from attempts a join jobs j on j.id = a.job_id where a.id = ${attempt}`.execute(parts.db)
  await sql`
    insert into log_objects (attempt_id, object_key, size_bytes) values (${attempt}, ${`log/${attempt}`}, 1)`.execute(
    parts.db,
  )
  const named = [storedObjectKey(ofRow), `log/${attempt}`]
  const forgotten = Array.from({ length: 32 }, (_, i) => i.toString(32)).flatMap((end) => [
    ...['log/att_', 'object/obj_'].map((head) => `${head}${'2'.repeat(25)}${end}`),
  ])
  const ofLater = `later/obj_${'2'.repeat(26)}`
  const ofBefore = `log/att_${'3'.repeat(26)}`
  const ofOthers = [ofLater, ofBefore]
  for (const key of [...named, ...forgotten, ...ofOthers]) await objects.put(key, once(), { bytesMax: 10 })
  await utimes(join(directory, 'log/33', `att_${'3'.repeat(26)}`), 1, 1)
  const left = async () => {
    const found = await Promise.all(
      [...named, ...forgotten, ...ofOthers].map((key) =>
        objects.read(key, { offset: 0, length: 1 }).then(
          () => [key],
          () => [],
        ),
      ),
    )
    return found.flat()
  }
  const lookAtAll = async () => {
    for (let i = 0; i < 3; i++) await tidyRows({ ...parts, objects }, limits.retentionDays)
  }
  await lookAtAll()
  assert.equal(
    (await left()).length,
    named.length + forgotten.length + ofOthers.length,
    'their rows may be about to come',
  )
  aheadMs.now = limits.objectWithoutRowMs + 60_000
  await lookAtAll()
  assert.deepEqual(await left(), [...named, ...ofOthers], 'also what is older than this database')
})
