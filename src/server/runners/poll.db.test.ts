// A poll whose runner went away while it was being answered: what was claimed for it goes back at once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { silentLog } from '../../base/log.ts'
import { createBells } from '../db/bells.ts'
import type { NewId } from '../new-id.ts'
import { createControl } from './control.ts'
import { createGiveBack } from './give-back.ts'
import { createGranted } from './granted.ts'
import { answerPoll } from './poll.ts'

const parts = await openParts()
await addLocalProject(parts, 'web')
const { id, key } = await enrolRunner(parts, 'r')
const ingestKey = { kid: 'k', pk: 'p', exp: 0, sig: 's' }

/** `atLease` runs while the attempt is being claimed, `atPrepare` before. */
const pollWhile = async (happens: { atPrepare?: () => void; atLease?: () => void }, signal: AbortSignal) => {
  const { database, db, clock, places, watchers } = parts
  const granted = createGranted()
  const newId: NewId = (kind) => {
    if (kind === 'lease') happens.atLease?.()
    return parts.newId(kind)
  }
  const deps = { db, newId, log: silentLog }
  const queueBells = createBells(database, 'mayfly_queue')
  const leaseBells = createBells(database, 'mayfly_lease')
  const sender = {
    ...{ id, key: key.privateKey, publicKey: key.publicKey, jws: '', iat: 0, bodyDigest: '' },
    verify: () => assert.fail('nothing is signed'),
    confirm: async () => assert.fail('it is enrolled'),
  }
  const poll = {
    sender,
    request: { v: 1, session: 1, boot: 'b', free: { 'built-in': 1 }, eph: ['e'] },
    body: '',
  } as const
  const tickets = {
    prepare: async () => {
      happens.atPrepare?.()
      return ingestKey
    },
    issue: () => assert.fail('nobody is there for a ticket'),
    release: () => assert.fail('nobody restores anything'),
    sign: () => assert.fail('nobody signs anything'),
    tellLeak: () => assert.fail('nobody tells of anything'),
  }
  const terms = { serverUrl: () => 'http://localhost', egressDefault: 'none' } as const
  const control = createControl({ db, clock, watchers, granted })
  return answerPoll(
    {
      ...{ ...deps, ...terms, tickets, control, granted, places, queueBells, leaseBells },
      giveBack: createGiveBack(deps),
    },
    poll,
    signal,
  )
}

const attempts = async () =>
  (await sql`select status, lease_id, runner_id, started_at, number from attempts`.execute(parts.db)).rows

test('an attempt that was claimed for nobody is queued again as it was; nothing more is claimed', async () => {
  await parts.runs.startRun(parts.actor, { project: 'web' })
  const before = await attempts()
  for (const at of ['atPrepare', 'atLease'] as const) {
    const gone = new AbortController()
    let times = 0
    const leave = () => {
      times++
      gone.abort()
    }
    assert.equal(await pollWhile({ [at]: leave }, gone.signal), null)
    assert.deepEqual([times, await attempts()], [1, before])
  }
})
