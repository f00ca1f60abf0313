import assert from 'node:assert/strict'
import { test } from 'node:test'
import { utf8 } from '../../base/bytes.ts'
import { createLogBook, firstErrorLine, plainText } from './book.ts'

const frame = (
  seq: number,
  step: number,
  text: string | Uint8Array,
  more: { firstLine?: number; tMs?: number } = {},
) => ({
  seq,
  step,
  firstLine: more.firstLine ?? 1,
  tMs: more.tMs ?? 0,
  bytes: typeof text === 'string' ? utf8(text) : text,
})
const textOf = (book: ReturnType<typeof createLogBook>, step: number): (string | null)[] =>
  Array.from({ length: book.lineCount(step) }, (_, i) => book.line(step, i + 1)?.text ?? null)

test('frames become numbered lines per step; a line may come in pieces', () => {
  const book = createLogBook()
  book.append(frame(1, 0, 'one\ntw'))
  book.append(frame(2, 1, 'other step\n'))
  book.append(frame(3, 0, 'o\nthree', { firstLine: 2 }))
  assert.deepEqual(textOf(book, 0), ['one', 'two', 'three'])
  assert.deepEqual(textOf(book, 1), ['other step'])
  assert.deepEqual(book.steps(), [0, 1])
  assert.equal(book.lastSeq, 3)
})

test('a frame that was there already changes nothing, so resuming may repeat itself', () => {
  const book = createLogBook()
  book.append(frame(1, 0, 'one\n'))
  book.append(frame(1, 0, 'one\n'))
  assert.equal(book.lineCount(0), 1)
})

test('a character cut by a frame border is whole', () => {
  const book = createLogBook()
  const bytes = utf8('é✓\n')
  book.append(frame(1, 0, bytes.subarray(0, 3)))
  book.append(frame(2, 0, bytes.subarray(3)))
  assert.deepEqual(textOf(book, 0), ['é✓'])
})

test('lines that never came leave a hole and keep the numbers of the others', () => {
  const book = createLogBook()
  book.append(frame(1, 0, 'one\n'))
  book.append(frame(5, 0, 'ten\n', { firstLine: 10 }))
  assert.equal(book.lineCount(0), 10)
  assert.equal(book.line(0, 5), null)
  assert.equal(book.line(0, 10)?.text, 'ten')
})

test('a line has the time at which it began', () => {
  const book = createLogBook()
  book.append(frame(1, 0, 'a\nb', { tMs: 100 }))
  book.append(frame(2, 0, '…\nc\n', { tMs: 900, firstLine: 2 }))
  assert.deepEqual(
    [1, 2, 3].map((n) => book.line(0, n)?.tMs),
    [100, 100, 900],
  )
})

test('the first error line is where a reader of a failure wants to be, else the end', () => {
  const book = createLogBook()
  book.append(frame(1, 0, 'errorless start\n\u001b[31mError:\u001b[0m no\nmore\n'))
  assert.equal(firstErrorLine(book, 0), 2)
  book.append(frame(2, 1, 'a\nb\nc\n'))
  assert.equal(firstErrorLine(book, 1), 3)
})

test('plain text has no colours', () => {
  assert.equal(plainText('\u001b[0;31mred\u001b[0m'), 'red')
})
