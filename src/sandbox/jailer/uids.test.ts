// Throw-away users of nests.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createUids } from './uids.ts'

test('each nest has a user that no other one has, and one that was given back comes last', () => {
  const base = 0x70000000
  const uids = createUids(base, 0xfffe)
  assert.deepEqual([uids.take(), uids.take(), uids.take()], [base + 0xffff, base, base + 1])
  uids.give(base)
  assert.equal(uids.take(), base + 2)
  const all = new Set([base + 0xffff, base + 1, base + 2])
  for (let i = all.size; i < 0x10000; i++) all.add(uids.take())
  assert.equal(all.size, 0x10000)
  assert.ok([...all].every((uid) => uid >= base && uid <= base + 0xffff))
})
