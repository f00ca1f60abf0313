import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failureLine, type StepLog } from './failure-line.ts'

/** In pieces of `size` bytes, which begin and end anywhere; those that hold none of the wanted lines are not given. */
const logOf = (text: string, size = 7): StepLog & { given: number } => {
  const pieces = (text.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g')) ?? []).map((piece) => Buffer.from(piece))
  const ends = (upTo: number) => Buffer.concat(pieces.slice(0, upTo)).toString().split('\n').length - 1
  const log = {
    lines: ends(pieces.length),
    given: 0,
    read: async function* (from: number, to: number) {
      for (const [i, piece] of pieces.entries()) {
        const [first, last] = [ends(i) + 1, ends(i + 1) + 1]
        if (first > to || last < from) continue
        log.given++
        yield { firstLine: first, text: piece }
      }
    },
  }
  return log
}

const text = 'compiling\n\u001b[31msrc/a.js:3:1 no-unused-vars\u001b[0m\nerror: 1 problem\n\n  \n'

test('the line that somebody marked comes before every guess, in any pieces', async () => {
  for (let size = 1; size < 30; size++)
    assert.deepEqual(await failureLine(logOf(text, size), { pinned: 2, firstFailure: 3 }), {
      line: 2,
      text: 'src/a.js:3:1 no-unused-vars',
      why: 'pinned',
    })
})

test('else the first that speaks of a failure, else the last that says anything', async () => {
  for (let size = 1; size < 30; size++) {
    const words = await failureLine(logOf(text, size), { pinned: null, firstFailure: 3 })
    assert.deepEqual(words, { line: 3, text: 'error: 1 problem', why: 'words' })
    const end = await failureLine(logOf(text, size), { pinned: null, firstFailure: null })
    assert.deepEqual(end, { line: 3, text: 'error: 1 problem', why: 'end' })
  }
  const open = await failureLine(logOf('a\nno end'), { pinned: null, firstFailure: null })
  assert.deepEqual(open, { line: 2, text: 'no end', why: 'end' })
})

test('nothing of a log that says nothing, or of a line that is not there', async () => {
  assert.equal(await failureLine(logOf(''), { pinned: null, firstFailure: null }), null)
  assert.equal(await failureLine(logOf('\n \n\n'), { pinned: null, firstFailure: null }), null)
  assert.equal(await failureLine(logOf(text), { pinned: 40, firstFailure: 3 }), null)
})

test('of a long log only what holds the line is read, and no more of the line than is shown', async () => {
  const long = logOf(Array.from({ length: 5_000 }, (_, i) => `line ${i + 1}\n`).join(''), 1_000)
  assert.equal((await failureLine(long, { pinned: 2_500, firstFailure: null }))?.text, 'line 2500')
  assert.ok(long.given <= 2, `${long.given} pieces`)
  long.given = 0
  assert.equal((await failureLine(long, { pinned: null, firstFailure: null }))?.text, 'line 5000')
  assert.ok(long.given <= 3, `${long.given} pieces`)
  const wide = await failureLine(logOf(`${'x'.repeat(100_000)}\n`, 50_000), { pinned: 1, firstFailure: null })
  assert.ok((wide?.text.length ?? 0) <= 500)
})
