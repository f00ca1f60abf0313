// What is removed from time to time, and when it is not. What each part removes is tested beside it.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../test/support/parts.ts'
import { createScriptedRunner } from '../../test/support/scripted-runner.ts'
import { parseId } from '../base/ids.ts'
import { objectsStayLock } from '../protocol/objects-stay.ts'
import { limits } from './limits.ts'
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
