import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPrefixer } from './prefixed-output.ts'
import type { Surroundings } from './surroundings.ts'

const outputOf = () => {
  const written: string[] = []
  const write = (text: string | Uint8Array) => void written.push(text.toString())
  return [written, { write, isTerminal: false, columns: 80 }] as const
}

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

test('lines stay whole however much comes at once, and one that is too long goes on as one', () => {
  const many = Array.from({ length: 9_000 }, (_, i) => `line ${i} ü\n`)
  const piece = Buffer.from(many.join(''))
  const [written, output] = outputOf()
  const prefixer = createPrefixer({ environment: {} } as unknown as Surroundings, output)
  const [a, b] = [prefixer.writer('a'), prefixer.writer('b')]
  for (let at = 0; at < piece.length; at += 65_537) a.write(piece.subarray(at, at + 65_537))
  assert.equal(written.splice(0).join(''), many.map((line) => `[a] ${line}`).join(''))
  const [long, euros] = ['x'.repeat(64 * 1024), Buffer.from('€€')]
  a.write(Buffer.concat([Buffer.from(long), euros.subarray(0, 2)]))
  a.write(euros.subarray(2))
  b.write(Buffer.from('other\n'))
  a.write(Buffer.from('y'.repeat(3)))
  a.end()
  a.write(Buffer.from('z\n'))
  assert.equal(written.join(''), `[a] ${long}\n[b] other\n[a] €€yyy\n[a] z\n`)
  a.write(Buffer.from(long + long))
  a.write(Buffer.from(`${long}!`))
  a.end()
  assert.equal(written.slice(-3).join(''), `[a] ${long + long}${long}!\n`)
})

test('a line that ends as in Windows has its name once', () => {
  assert.equal(play(false, 'a', ['Name: x\r\n\r\n50%\r100%\n']), '[a] Name: x\r\n[a] \r\n[a] 50%\r[a] 100%\n')
  assert.equal(play(false, 'a', ['one\u2028two\n']), '[a] one\u2028two\n')
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
