// Packs in memory: who finds what, how long, and that those who ask together wait for one fetch.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../base/clock.ts'
import { keptPackMs } from '../limits.ts'
import type { FetchedCommit } from './fetched.ts'
import { createPackStore } from './pack-store.ts'

const fetched = (commit: string): FetchedCommit => ({
  ...{ commit, files: new Map(), shallow: [], refs: [], pack: new Uint8Array(8) },
  about: { subject: '', body: '', author: '', authoredAt: '' },
})
const name = { project: 'prj_1', commit: 'c1', depth: 1 }

const open = (t: { after(undo: () => void): void }) => {
  const time = { ms: 0 }
  const clock: Clock = { now: () => time.ms, monotonicMs: () => time.ms }
  const store = createPackStore({ clock })
  t.after(store.close)
  return { store, time, never: new AbortController().signal }
}

test('what somebody fetches is waited for, then kept for a while under the commit that it is', async (t) => {
  const { store, time, never } = open(t)
  assert.equal(await store.coming(name, never), null, 'nobody fetches')
  const { promise, resolve } = Promise.withResolvers<FetchedCommit | null>()
  const tip = { ...name, commit: 'tip' }
  store.expect(tip, promise)
  const joined = store.coming(tip, never)
  assert.equal(store.find(tip), null)
  resolve(fetched('c1'))
  assert.equal((await joined)?.commit, 'c1')
  assert.equal(store.find(name)?.commit, 'c1')
  assert.equal(store.find({ ...name, depth: 0 }), null)
  assert.equal(store.find({ ...name, project: 'prj_2' }), null)
  assert.ok(store.holds('prj_1', 'c1'))
  assert.equal(await store.coming(tip, never), null, 'it has come')
  time.ms = keptPackMs
  assert.equal(store.find(name), null)
})

test('a fetch that fails is nobody else’s failure; who is stopped does not wait for it', async (t) => {
  const { store, never } = open(t)
  const { promise, reject } = Promise.withResolvers<FetchedCommit | null>()
  store.expect(name, promise)
  const stop = new AbortController()
  const stopped = store.coming(name, stop.signal)
  const joined = store.coming(name, never)
  stop.abort('cancelled')
  await assert.rejects(stopped, (reason) => reason === 'cancelled')
  reject(new Error('no'))
  assert.equal(await joined, null)
  assert.equal(store.find(name), null)
})
