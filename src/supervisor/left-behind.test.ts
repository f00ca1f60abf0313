// Whose is what lies about: only what a process here made that has ended is left behind.
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { basename } from 'node:path'
import { test } from 'node:test'
import { isLeftBehind, makeOwnDirectory, markOfDirectory, ownMark } from './left-behind.ts'

test('what is ours is in use, as is what nobody here can know of; what has ended, or whose number went to another, is not', () => {
  const [pid, begin, namespace] = ownMark().split('.')
  assert.equal(isLeftBehind(ownMark()), false)
  assert.equal(isLeftBehind(`${pid}.${Number(begin) + 1}.${namespace}`), true)
  // More than any system gives.
  assert.equal(isLeftBehind(`${2 ** 30}.1.${namespace}`), true)
  assert.equal(isLeftBehind(`${2 ** 30}.1.1`), false)
  assert.equal(isLeftBehind(''), false)
})

test('a directory is known by its name, and no other one is', async (t) => {
  const made = await makeOwnDirectory('tls')
  t.after(() => rm(made, { recursive: true }))
  assert.equal(markOfDirectory(basename(made)), ownMark())
  for (const name of ['mayfly-tls-AbCdEf', 'mayfly-tls-1.2-AbCdEf', 'mayfly-run-1.2.3-AbCdEf'])
    assert.equal(markOfDirectory(name), null, name)
})
