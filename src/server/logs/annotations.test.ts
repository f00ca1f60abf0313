// What is found in a log that comes in pieces: lines that pieces cut, bounds, gaps, and what fits into a summary.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limits } from '../limits.ts'
import { scanAnnotations } from './annotations.ts'
import { condenseSteps } from './condensed.ts'
import { createLineReader } from './lines.ts'
import { bothEnds, type StepText } from './log-texts.ts'

/** The text of a step in pieces of so many bytes. */
const cut = (step: number, text: string, bytes: number): StepText[] => {
  const whole = Buffer.from(text)
  const pieces: StepText[] = []
  for (let at = 0; at < whole.length; at += bytes) {
    const firstLine = 1 + whole.subarray(0, at).toString('latin1').split('\n').length - 1
    pieces.push({ step, firstLine, text: whole.subarray(at, at + bytes) })
  }
  return pieces
}
async function* given(pieces: readonly StepText[]): AsyncGenerator<StepText> {
  yield* pieces
}
const scan = (pieces: readonly StepText[]) => scanAnnotations(() => given(pieces))

test('lines are the same wherever pieces are cut', () => {
  const text = 'one\n\ntwo: error: x\nthree'
  for (let bytes = 1; bytes <= text.length; bytes++)
    for (const isDull of [undefined, (middle: Buffer) => !middle.includes('error')]) {
      const lines: [number, string][] = []
      const reader = createLineReader({
        line: (_, number, line) => lines.push([number, line]),
        ...(isDull === undefined ? {} : { isDull }),
      })
      for (const piece of cut(0, text, bytes)) reader.read(piece)
      reader.end()
      const all = [
        [1, 'one'],
        [2, ''],
        [3, 'two: error: x'],
        [4, 'three'],
      ]
      if (isDull === undefined) assert.deepEqual(lines, all)
      else assert.ok(lines.some(([number, line]) => number === 3 && line === 'two: error: x'))
      assert.deepEqual(
        lines.filter(([number, line]) => all[number - 1]?.[1] !== line),
        [],
      )
    }
})

test('annotations of steps side by side, with their place in the log, wherever pieces are cut', async () => {
  const one = `${'nothing\n'.repeat(50)}a.c:3:7: error: broken\nmore\n`
  const two = '::warning file=b.ts,line=2::hm\n'
  for (const bytes of [1, 7, 64, 10_000]) {
    const pieces = [...cut(1, one, bytes), ...cut(2, two, bytes)]
    const { items, counts, isPartial } = await scan(pieces)
    assert.deepEqual(
      items.map(({ step, at, level, file, line, message }) => [step, at, level, file, line, message]),
      [
        [1, 51, 'error', 'a.c', 3, 'broken'],
        [2, 1, 'warning', 'b.ts', 2, 'hm'],
      ],
    )
    assert.deepEqual([counts, isPartial], [{ error: 1, warning: 1, notice: 0 }, false])
  }
})

test('there is room for so many; errors take the place of what is less, and all are counted', async () => {
  const max = limits.annotationsPerAttemptMax
  const text = '::notice::n\n'.repeat(max + 5) + '::error::e\n'.repeat(3)
  const { items, counts } = await scan(cut(1, text, 1000))
  assert.equal(items.length, max)
  assert.equal(items.filter(({ level }) => level === 'error').length, 3)
  assert.deepEqual(counts, { error: 3, warning: 0, notice: max + 5 })
})

test('what was left out of a log is said, and its numbers stay right', async () => {
  const found = await scanAnnotations((onLeftOut) => {
    onLeftOut()
    return given([
      { step: 1, firstLine: 1, text: Buffer.from('/a/b.ts\n  1:1  error  cut off he') },
      { step: 1, firstLine: 900, text: Buffer.from('  2:2  error  of another file  rule\n::error::x\n') },
    ])
  })
  assert.equal(found.isPartial, true)
  assert.deepEqual(
    found.items.map(({ at, message }) => [at, message]),
    [[901, 'x']],
  )
})

test('of a long log both ends are read', () => {
  const entries = Array.from({ length: 10 }, (_, i) => ({ rawBytes: 10, i }))
  assert.deepEqual(
    bothEnds(entries, 40).map(({ i }) => i),
    [0, 1, 8, 9],
  )
  assert.deepEqual(bothEnds(entries, 100), entries)
  assert.deepEqual(bothEnds(entries, 5), [])
  assert.deepEqual(bothEnds([], 5), [])
})

test('a summary has the end of a step and what failed before it, within its bounds', async () => {
  const lines = Array.from({ length: 1000 }, (_, i) =>
    i === 4 ? 'an \u001b[31merror\u001b[0m\u0007' : `line ${i + 1}`,
  )
  const [found] = await condenseSteps([1], given(cut(1, `${lines.join('\n')}\n`, 777)), 1000)
  assert.deepEqual(found?.errors, [{ line: 5, text: 'an error' }])
  assert.equal(found?.tail.at(-1)?.text, 'line 1000')
  assert.equal(found?.lines, 1000)
  const bytes = [...found.errors, ...found.tail].reduce((sum, { text }) => sum + text.length + 1, 0)
  assert.ok(bytes <= 1000 && bytes > 500, `${bytes}`)
  const [long] = await condenseSteps([1], given(cut(1, 'x'.repeat(5000), 100)), 100_000)
  assert.equal(long?.tail[0]?.text.length, limits.condensedLineMax)
  assert.deepEqual(await condenseSteps([3], given([]), 100), [{ step: 3, lines: 0, errors: [], tail: [] }])
})

test('lines with what looks like a credential are told by their place, wherever pieces are cut, and never by their text', async () => {
  const token = `gh${'p'}_4Tz9Qw7Lm2Xc8Vb1Nk5Rj3Hd6Fs0Pa4Yt8Ue`
  const one = `${'nothing\n'.repeat(50)}\u001b[31mtoken=${token}\u001b[0m ${token}\nmore\n`
  const two = 'password: changeme1\nhttps://bot:k3yP4ssw0rd@git.example.com\n'
  for (const bytes of [1, 7, 64, 10_000]) {
    const found = await scan([...cut(1, one, bytes), ...cut(2, two, bytes)])
    assert.deepEqual(found.credentials, {
      items: [
        { kind: 'github_token', step: 1, at: 51 },
        { kind: 'address', step: 2, at: 2 },
      ],
      count: 2,
    })
    assert.ok(!JSON.stringify(found).includes('4Tz9'))
  }
})

test('of many such lines the first are named and all are counted', async () => {
  const most = limits.annotationsPerAttemptMax
  const { credentials } = await scan(cut(0, 'password=q8Zr2mKpX1\n'.repeat(most + 5), 5_000))
  assert.deepEqual([credentials.items.length, credentials.count], [most, most + 5])
})
