// Log keys move to their project's own key after the end of their attempt: real database, real vault.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner } from '../../../test/support/scripted-runner.ts'
import { silentLog } from '../../base/log.ts'
import { createKeyWrapping } from './key-wrapping.ts'

const parts = await openParts()
const project = await addLocalProject(parts, 'web')
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'logs'))
after(() => runner.close())

const takePlan = async () => {
  await parts.runs.startRun(parts.actor, { project, ref: 'main' })
  const [held] = await runner.take()
  return held!
}

/** An attempt that ended with a line in its log. */
const finishWithLog = async () => {
  const held = await takePlan()
  await runner.frames(held, 1, 'one\n')
  await runner.finish(held, { outcome: 'errored', lastSeq: 1, result: { kind: 'job' } })
  return held.attempt
}

const wrappedOf = async (attempt: string): Promise<string | null> => {
  const { rows } = await sql<{ wrapped: string | null }>`
    select log_key_wrapped as wrapped from attempts where id = ${attempt}`.execute(parts.db)
  return rows[0]!.wrapped
}

const untilWrapped = async (attempt: string): Promise<string> => {
  for (const end = performance.now() + 10_000; performance.now() < end; await sleep(20)) {
    const wrapped = await wrappedOf(attempt)
    if (wrapped !== null) return wrapped
  }
  throw new Error('waited in vain for a wrapped key')
}

test('the key of a finished log is wrapped soon, and opens as before', async () => {
  const attempt = await finishWithLog()
  const wrapped = await untilWrapped(attempt)
  const opened = { object: attempt, project, wrapped, user: 'usr_a', reason: 'test' } as never
  assert.ok((await parts.vault.call('blob.key', opened)).key)
})

test('what could not be wrapped is taken up later and does not hold up the rest', async () => {
  const [first, second] = [await finishWithLog(), await finishWithLog()]
  await Promise.all([first, second].map(untilWrapped))
  await sql`update attempts set log_key_wrapped = null where id in (${first}, ${second})`.execute(parts.db)
  const away = { call: () => Promise.reject(new Error('away')) } as never
  await createKeyWrapping({ db: parts.db, vault: away, log: silentLog }).sweep()
  assert.equal(await wrappedOf(second), null)
  await sql`update attempts set log_key = '\\x00' where id = ${first}`.execute(parts.db)
  await createKeyWrapping({ ...parts, log: silentLog }).sweep()
  assert.equal(await wrappedOf(first), null, 'not a key of this vault')
  assert.notEqual(await wrappedOf(second), null)
})
