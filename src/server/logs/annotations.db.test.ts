// Annotations and summaries of logs that are stored and sealed: for whom the vault opens a log, and for nobody else.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { tellingOpenedKeys } from '../../../test/support/opened-keys.ts'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner, type Held } from '../../../test/support/scripted-runner.ts'
import { isFault } from '../../base/faults.ts'
import { scopeOfOrganisation } from '../access/actor.ts'
import { createLogs } from './logs.ts'

const parts = await openParts()
const project = await addLocalProject(parts, 'web')
const opens: string[] = []
const vault = tellingOpenedKeys(parts, ({ user }) => opens.push(user))
const logs = createLogs({ ...parts, vault })
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'noted'))
after(() => runner.close())
const readerNamed = (user: string) => ({ user, session: `ses_${user}`, reason: 'test' })
const reader = readerNamed('usr_reader')

const lease = async (): Promise<Held> => {
  await parts.runs.startRun(parts.actor, { project })
  const [plan] = await runner.take()
  await runner.finishPlan(plan!, [{ key: 'a' }])
  return (await runner.take())[0]!
}

test('what lines say of files is found while a log runs and when it has ended, and nothing of it is stored', async () => {
  const held = await lease()
  await runner.frames(held, 1, 'fine\n::error file=src/rare-name.ts,line=3::Canary')
  assert.equal((await logs.annotations(parts.scope, held.attempt, reader)).items.length, 1)
  await runner.frames(held, 1, ' of a message\n', 'x.c:1:2: warning: unused\n')
  const found = await logs.annotations(parts.scope, held.attempt, reader)
  assert.deepEqual(
    found.items.map(({ at, level, file, message }) => [at, level, file, message]),
    [
      [2, 'error', 'src/rare-name.ts', 'Canary of a message'],
      [3, 'warning', 'x.c', 'unused'],
    ],
  )
  const [summary] = await logs.condense(parts.scope, held.attempt, { reader, steps: [1], bytesMax: 10_000 })
  assert.deepEqual(
    summary?.tail.map(({ line }) => line),
    [1, 2, 3],
  )
  const { rows } = await sql<{ text: string }>`
    select string_agg(t::text, '') as text from (
      select a::text from attempts a union all select s::text from steps s union all select u::text from attempt_usage u
    ) as t`.execute(parts.db)
  assert.ok(!/rare-name|Canary of/.test(rows[0]?.text ?? ''), 'text of a log in the clear')
})

test('for every reader the log is opened by the vault, and for another organisation there is none', async () => {
  const held = await lease()
  await runner.frames(held, 1, '::error::x\n')
  await runner.finish(held, { lastSeq: held.log.seq })
  opens.length = 0
  for (const user of ['usr_one', 'usr_two', 'usr_one'])
    assert.equal((await logs.annotations(parts.scope, held.attempt, readerNamed(user))).items.length, 1)
  assert.deepEqual([...new Set(opens)].sort(), ['usr_one', 'usr_two'])
  const elsewhere = scopeOfOrganisation('org_00000000000000000000000000' as never)
  for (const ask of [
    () => logs.annotations(elsewhere, held.attempt, reader),
    () => logs.condense(elsewhere, held.attempt, { reader, steps: [1], bytesMax: 1000 }),
  ])
    await assert.rejects(ask, (error: unknown) => isFault(error, 'E_NOT_FOUND'))
})

test('an attempt without output says nothing', async () => {
  const held = await lease()
  const none = {
    items: [],
    counts: { error: 0, warning: 0, notice: 0 },
    credentials: { items: [], count: 0 },
    isPartial: false,
  }
  assert.deepEqual(await logs.annotations(parts.scope, held.attempt, reader), none)
  assert.deepEqual(await logs.condense(parts.scope, held.attempt, { reader, steps: [0], bytesMax: 1000 }), [
    { step: 0, lines: 0, errors: [], tail: [] },
  ])
})
