import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatId } from '../../base/ids.ts'
import { createFirstFailures, firstFailure, type LogText } from './first-failure.ts'

const texts = async function* (...pieces: string[]): AsyncIterable<LogText> {
  let firstLine = 1
  for (const piece of pieces) {
    yield { firstLine, text: Buffer.from(piece) }
    firstLine += piece.split('\n').length - 1
  }
}

test('the first line that speaks of a failure, in colours or not', async () => {
  const lines: readonly (readonly [string, boolean])[] = [
    ['\u001b[31mError:\u001b[0m no', true],
    ['AssertionError: x', true],
    ['not ok 3 - adds', true],
    ['\u001b[1mE       assert 1 == 2', true],
    ['  ✕ rounds', true],
    ['errorless terror, mFatal', false],
    ['0 problems', false],
  ]
  for (const [line, isFailure] of lines)
    assert.equal(await firstFailure(texts('one\ntwo', `\n${line}\n`)), isFailure ? 3 : null, line)
})

test('a log is looked through once, up to where it is found', async () => {
  const failures = createFirstFailures()
  const attempt = formatId('attempt', new Uint8Array(16))
  let read = 0
  const counting = async function* () {
    for await (const text of texts('a\n', 'fail\n', 'never read\n')) {
      read++
      yield text
    }
  }
  assert.equal(await failures.find({ attempt, step: 1 }, counting), 2)
  assert.equal(await failures.find({ attempt, step: 1 }, counting), 2)
  assert.equal(read, 2)
})
