// Answers of a cell one after the other: whole or known to be cut, wherever the pieces of the stream end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAnswers } from './answers.ts'

const say = async (limitBytes: number, pieces: readonly string[]) => {
  const answers = createAnswers(limitBytes)
  const said: string[] = []
  for (let nth = 0; nth < 2; nth++) {
    const { word, complete } = answers.next()
    for (const piece of [...pieces, `end ${word.slice(0, 5)}`, `${word.slice(5)}\n`])
      answers.stream.write(Buffer.from(piece))
    const { bytes, isWhole } = await complete
    said.push(`${isWhole} ${bytes}`)
  }
  return said
}

test('an answer is all that was said before its last line', async () => {
  assert.deepEqual(await say(20, ['one\n', 'two', '\n']), Array(2).fill('true one\ntwo\n'))
  assert.deepEqual(await say(20, []), Array(2).fill('true '))
  assert.deepEqual(await say(20, ['x'.repeat(20)]), Array(2).fill(`true ${'x'.repeat(20)}`))
})

test('of more than the limit nobody takes the beginning for the whole', async () => {
  for (const said of await say(20, ['a path\0', 'x'.repeat(100)])) assert.match(said, /^false a path/)
  for (const said of await say(20, ['x'.repeat(21)])) assert.match(said, /^false /)
})
