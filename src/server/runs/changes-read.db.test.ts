// What a planner found of changed files: stored with the plan, told of every run that it holds for, and of no other.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner } from '../../../test/support/scripted-runner.ts'
import { type OrganisationId, parseId, type RunId } from '../../base/ids.ts'
import type { ChangedFiles } from '../../protocol/changed-files.ts'
import { scopeOfOrganisation } from '../access/actor.ts'

const parts = await openParts()
await addLocalProject(parts, 'web')
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'r'))
after(() => runner.close())

const start = async (commit: string): Promise<RunId> => {
  const { id } = await parts.runs.startRun(parts.actor, { project: 'web', ref: 'main', commit })
  return parseId('run', id) ?? assert.fail()
}
const plan = async (changes?: ChangedFiles): Promise<number> => {
  const [held] = await runner.take({ free: { 'built-in': 1 } }, 1)
  return (await runner.finishPlan(held ?? assert.fail(), [], {}, changes && { changes })).status
}
const told = async (run: RunId) => (await parts.runs.findChanges(parts.scope, run))?.changes
const counted = async (run: RunId) => (await parts.runs.findRun(parts.scope, run))?.changed_files
const setBase = (run: RunId, base: string) =>
  sql`update runs set change = ${JSON.stringify({ base })}::jsonb where id = ${run}`.execute(parts.db)
const found = (of: ChangedFiles['of'], more: Partial<ChangedFiles> = {}): ChangedFiles => ({
  ...{ base: 'b'.repeat(40), of, more: false },
  files: [{ path: 'src/\u202e\u0000a', change: 'added' }],
  ...more,
})
const shown = { path: 'src/\u202e\u2400a', change: 'added' }

test('files of a commit are those of every run of its plan that nobody told a base of', async () => {
  const run = await start('1'.repeat(40))
  assert.equal(await told(run), null, 'not planned yet')
  assert.equal(await counted(run), null, 'not planned yet')
  assert.equal(await plan(found('commit')), 200)
  assert.deepEqual(await told(run), { ...found('commit'), files: [shown] })
  assert.deepEqual(await counted(run), { count: 1, more: false })
  const again = await start('1'.repeat(40))
  assert.deepEqual((await parts.runs.findRun(parts.scope, again))?.plan_of?.id, run, 'its plan was known')
  assert.deepEqual((await told(again))?.files, [shown])
  assert.deepEqual(await counted(again), { count: 1, more: false })
  await setBase(again, 'd'.repeat(40))
  assert.equal(await told(again), null)
  assert.equal(await counted(again), null)
})

test('files of a push are those of runs with the same base', async () => {
  const run = await start('2'.repeat(40))
  await setBase(run, 'b'.repeat(40))
  await plan(found('push', { more: true }))
  assert.equal((await told(run))?.more, true)
  assert.deepEqual(await counted(run), { count: 1, more: true })
  const again = await start('2'.repeat(40))
  assert.equal(await told(again), null)
  await setBase(again, 'b'.repeat(40))
  assert.equal((await told(again))?.of, 'push')
})

test('nobody else is told, and a planner that cannot tell tells nothing', async () => {
  const run = await start('3'.repeat(40))
  await plan()
  assert.equal(await told(run), null)
  const stranger = scopeOfOrganisation(`org_${'v'.repeat(26)}` as OrganisationId)
  assert.equal(await parts.runs.findChanges(stranger, run), null)
})

test('a list beyond its bounds is no answer', async () => {
  await start('4'.repeat(40))
  const files = Array.from({ length: 201 }, (_, i) => ({ path: `f${i}`, change: 'added' as const }))
  assert.equal(await plan(found('commit', { files })), 400)
})
