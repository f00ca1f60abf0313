// Which class a job is queued for, with runners that offer it and without.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner, planJob } from '../../../test/support/scripted-runner.ts'
import type { RunId } from '../../base/ids.ts'
import type { Run } from '../../protocol/api/shapes.ts'

const parts = await openParts()
await addLocalProject(parts, 'web')
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'r'))
after(() => runner.close())

const wanting = (key: string, resourceClass: string) => {
  const { spec } = planJob({ key })
  return { key, spec: spec && { ...spec, resourceClass } }
}
const jobs = [
  wanting('plain', 'large'),
  wanting('arm', 'arm.medium'),
  wanting('own', 'acme/arm'),
  wanting('first', 'built-in'),
]
const start = () => parts.runs.startRun(parts.actor, { project: 'web', ref: 'main', commit: 'ab'.repeat(20) })
const classesOf = async ({ id }: Run) => {
  const { rows } = await sql<{ key: string; class: string }>`
    select key, class from jobs where run_id = ${id} and number > 0`.execute(parts.db)
  return Object.fromEntries(rows.map((row) => [row.key, row.class]))
}

test('a size of another kind of machine is queued for any runner, until one offers it', async () => {
  const run = await start()
  const [held] = await runner.take({ free: { 'built-in': 1 } }, 1)
  assert.equal((await runner.finishPlan(held!, jobs)).status, 200)
  assert.deepEqual(await classesOf(run), { plain: 'large', arm: 'small', own: 'acme/arm', first: 'small' })
  const waits = (await parts.runs.findRun(parts.scope, run.id as RunId))?.jobs.find(
    ({ key }) => key === 'own',
  )
  assert.match(
    waits?.reason?.text ?? '',
    /^No runner offers the class acme\/arm; those online offer small, tiny$/,
  )
  const [taken] = await runner.take({ free: { small: 1 } }, 1)
  assert.ok(taken?.spec.kind === 'job')
  assert.deepEqual([taken.spec.class, taken.spec.spec.resourceClass], ['small', 'arm.medium'])

  await sql`update runners set facts = jsonb_set(facts, '{classes}', '["small", "arm.medium"]')`.execute(
    parts.db,
  )
  const later = await start()
  assert.equal(later.plan_of?.id, run.id)
  assert.equal((await classesOf(later)).arm, 'arm.medium', 'also of a plan that was made before')
})
