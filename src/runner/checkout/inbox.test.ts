// A conversation with a cell, whose words are hostile.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spentMs } from '../../../test/support/hostile.ts'
import { createInbox } from './inbox.ts'

test('lines and bytes come in turn, however they are cut', async () => {
  for (const size of [1, 3, 100]) {
    const inbox = createInbox(1_000)
    const text = Buffer.from('first\n\nab\ncd and the rest\n')
    for (let at = 0; at < text.length; at += size) inbox.stream.write(text.subarray(at, at + size))
    assert.equal(await inbox.line(), 'first')
    assert.equal(await inbox.line(), '')
    assert.equal((await inbox.bytes(5))?.toString(), 'ab\ncd')
    assert.equal(await inbox.line(), ' and the rest')
    inbox.end()
    assert.equal(await inbox.line(), null)
  }
})

test('more than was allowed is the end of it', async () => {
  const inbox = createInbox(10)
  inbox.stream.write('12345')
  assert.equal((await inbox.bytes(5))?.toString(), '12345')
  inbox.stream.write('123456')
  assert.equal(await inbox.bytes(6), null)
})

test('a line that never ends costs no more than its bytes', async () => {
  const inbox = createInbox(64 * 1024 * 1024)
  const line = inbox.line()
  const began = spentMs()
  const piece = Buffer.alloc(1_024, 'x')
  for (let sent = 0; sent < 16 * 1024; sent++) {
    inbox.stream.write(piece)
    await Promise.resolve()
  }
  inbox.end()
  assert.equal(await line, null)
  assert.ok(spentMs() - began < 2_000, `${spentMs() - began} ms`)
})
