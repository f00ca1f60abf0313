// What people read when a file or directory cannot be had: its path and the system's words.
import assert from 'node:assert/strict'
import { mkdir, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { sayFault } from './say-fault.ts'

test('a path that leads through a file is said in words', async (t) => {
  const said = t.mock.method(console, 'error', () => undefined)
  const path = `${import.meta.filename}/data`
  const error = await mkdir(path).catch((reason: unknown) => reason)
  assert.equal(sayFault(error), 11)
  const lines = said.mock.calls.map(({ arguments: [line] }) => String(line))
  assert.deepEqual(lines, [
    `mayfly: ${path}: not a directory (mkdir)  [MF1001]`,
    '  more: mayfly explain MF1001',
  ])
})

test('what is a defect goes on as one, and so does what the system says of no file', async () => {
  const defect = new TypeError('x is not a function')
  assert.throws(() => sayFault(defect), defect)
  const closed = await readFile(-1 as never).catch((reason: unknown) => reason)
  assert.throws(() => sayFault(closed), closed as Error)
})
