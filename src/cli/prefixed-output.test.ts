import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPrefixer } from './prefixed-output.ts'
import type { Surroundings } from './surroundings.ts'

const play = (isTerminal: boolean, name: string | null, pieces: readonly string[]): string => {
  const written: string[] = []
  const output = {
    write: (text: string | Uint8Array) => void written.push(text.toString()),
    isTerminal,
    columns: 80,
  }
  // SAFE: the prefixer reads only the environment.
  const around = { environment: { NO_COLOR: '1' } } as unknown as Surroundings
  const writer = createPrefixer(around, output).writer(name)
  for (const piece of pieces) writer.write(Buffer.from(piece))
  writer.end()
  return written.join('')
}

test('whole lines leave, each with its name, however they arrive', () => {
  assert.equal(play(false, 'a', ['one\ntw', 'o\n', '\nlast']), '[a] one\n[a] two\n[a] \n[a] last\n')
  assert.equal(play(false, null, ['x\ny']), 'x\ny\n')
})

test('a character cut in two pieces stays whole', () => {
  const bytes = Buffer.from('é\n')
  const written: string[] = []
  const output = {
    write: (text: string | Uint8Array) => void written.push(text.toString()),
    isTerminal: false,
    columns: 80,
  }
  const writer = createPrefixer({ environment: {} } as unknown as Surroundings, output).writer('a')
  writer.write(bytes.subarray(0, 1))
  writer.write(bytes.subarray(1))
  assert.equal(written.join(''), '[a] é\n')
})

test('on a terminal colours pass, other control sequences do not', () => {
  assert.equal(
    play(true, null, ['\u001b[31mred\u001b[0m \u001b]0;title\u0007\u001b[2J\n']),
    '\u001b[31mred\u001b[0m \ufffd]0;title\ufffd\ufffd[2J\n',
  )
  assert.equal(play(false, null, ['\u001b[2J\n']), '\u001b[2J\n')
})
