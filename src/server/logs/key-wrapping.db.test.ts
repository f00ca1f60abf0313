// Log keys move to their project's own key after the end of their attempt: real database, real vault.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner } from '../../../test/support/scripted-runner.ts'
import { type FaultCode, fault } from '../../base/faults.ts'
import { type Log, silentLog } from '../../base/log.ts'
import { judgeLogKeys, readLogKeys } from '../health/log-keys.ts'
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

/** A log of which the warnings are heard. */
const heard = () => {
  const lines: string[] = []
  const log: Log = { ...silentLog, warn: (message) => void lines.push(message) }
  return { log, lines }
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

test('while the vault is away nothing moves, and that is said once for all of them', async () => {
  const both = [await finishWithLog(), await finishWithLog()]
  await Promise.all(both.map(untilWrapped))
  await sql`update attempts set log_key_wrapped = null where id = any(${both})`.execute(parts.db)
  const { log, lines } = heard()
  let problem: FaultCode | null = 'E_VAULT_UNAVAILABLE'
  const call: typeof parts.vault.call = (verb, request) =>
    problem === null ? parts.vault.call(verb, request) : Promise.reject(fault(problem))
  const wrapping = createKeyWrapping({ db: parts.db, vault: { call }, log })
  for (problem of ['E_VAULT_UNAVAILABLE', 'E_DISK_FULL'] as const) await wrapping.sweep()
  assert.deepEqual(await Promise.all(both.map(wrappedOf)), [null, null])
  assert.deepEqual(lines, ['log keys not wrapped', 'log keys not wrapped'])
  problem = null
  await wrapping.sweep()
  assert.ok((await Promise.all(both.map(wrappedOf))).every((wrapped) => wrapped !== null))
})

test('a key that the vault refuses holds up none behind it, is named once, asked for no more, and counted on the status page', async () => {
  const [first, second] = [await finishWithLog(), await finishWithLog()]
  await Promise.all([first, second].map(untilWrapped))
  await sql`update attempts set log_key_wrapped = null where id in (${first}, ${second})`.execute(parts.db)
  await sql`update attempts set log_key = '\\x00' where id = ${first}`.execute(parts.db)
  const { log, lines } = heard()
  let asked = 0
  const call: typeof parts.vault.call = (verb, request) => {
    asked++
    return parts.vault.call(verb, request)
  }
  const wrapping = createKeyWrapping({ db: parts.db, vault: { call }, log })
  await wrapping.sweep()
  assert.equal(await wrappedOf(first), null, 'not a key of this vault')
  assert.notEqual(await wrappedOf(second), null)
  assert.equal(asked, 2)
  await wrapping.sweep()
  await wrapping.sweep()
  assert.equal(asked, 2)
  assert.deepEqual(lines, ['log key not wrapped'])

  assert.equal((await readLogKeys(parts.db)).count, 0, 'a moment is no finding')
  await sql`update attempts set finished_at = now() - interval '3 hours' where id = ${first}`.execute(
    parts.db,
  )
  const { status, detail } = judgeLogKeys(await readLogKeys(parts.db))
  assert.deepEqual(
    [status, detail],
    ['weak', '1 of finished logs did not move to their projects, the oldest for 3 h'],
  )
})

test('a key that moved meanwhile stays as it is', async () => {
  const attempt = await finishWithLog()
  await untilWrapped(attempt)
  await sql`update attempts set log_key_wrapped = null where id = ${attempt}`.execute(parts.db)
  const call = async () => {
    await sql`update attempts set log_key_wrapped = 'of another server' where id = ${attempt}`.execute(
      parts.db,
    )
    return { wrapped: 'late' }
  }
  await createKeyWrapping({ db: parts.db, vault: { call } as never, log: silentLog }).sweep()
  assert.equal(await wrappedOf(attempt), 'of another server')
})
