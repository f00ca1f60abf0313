// What the server believes of the vault between two questions: a job that begins waits for none, and a vault that is away is
// noticed by whoever comes next, never by the lease under way.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { fault } from '../../base/faults.ts'
import { formatId, type IdKind } from '../../base/ids.ts'
import { generateSigningKey } from '../../seal/index.ts'
import { randomBytes } from '../../sys/index.ts'
import type { LeaseDetails } from '../runs/leased.ts'
import { createTickets } from './tickets.ts'

const newId = <K extends IdKind>(kind: K) => formatId(kind, randomBytes(16))
const lease = {
  ...{ attempt: newId('attempt'), organisation: newId('organisation'), project: newId('project') },
  ...{ job: newId('job'), run: newId('run'), jobKind: 'job', source: { kind: 'local' }, hasSecrets: false },
  ...{ spec: null, role: null, commit: null, ref: null, eventKind: null, defaultBranch: 'main' },
  ...{ planDigest: null, specDigest: null },
} as unknown as LeaseDetails

const open = async () => {
  let [nowMs, epoch, asked] = [0, 'one' as string | null, 0]
  const call = async (verb: string) => {
    if (verb === 'ingest.key') return { kid: 'k', pk: 'p', exp: 4_000_000_000, sig: 's' }
    asked++
    if (epoch === null) throw fault('E_VAULT_UNAVAILABLE')
    return { epoch }
  }
  const clock = { now: () => 1_800_000_000_000 + nowMs, monotonicMs: () => nowMs }
  const { privateKey } = await generateSigningKey()
  const tickets = createTickets({ vault: { call } as never, key: privateKey, newId, clock } as never)
  const epochOf = async () => {
    const poll = { caller: { id: newId('runner') }, body: '', eph: 'e' } as never
    const { ticket } = await tickets.issue(lease, poll)
    return JSON.parse(Buffer.from(ticket.split('.')[1]!, 'base64url').toString()).epoch
  }
  return {
    ...{ tickets, epochOf, asked: () => asked },
    pass: (ms: number) => {
      nowMs += ms
    },
    become: (next: string | null) => {
      epoch = next
    },
  }
}

test('the epoch is asked for beside the work, and a vault that is away stops the next lease, not this one', async () => {
  const { tickets, epochOf, asked, pass, become } = await open()
  await tickets.prepare()
  assert.deepEqual([await epochOf(), asked()], ['one', 1])
  become(null)
  pass(6_000)
  await tickets.prepare()
  await setImmediate()
  assert.deepEqual([await epochOf(), asked()], ['one', 2], 'the lease that was prepared is made')
  await assert.rejects(tickets.prepare(), /E_VAULT_UNAVAILABLE/)
  become('two')
  await tickets.prepare()
  assert.equal(await epochOf(), 'two')
})

test('what was heard a minute ago is not believed any more', async () => {
  const { tickets, epochOf, pass, become } = await open()
  await tickets.prepare()
  pass(61_000)
  become('two')
  await tickets.prepare()
  assert.equal(await epochOf(), 'two')
})
