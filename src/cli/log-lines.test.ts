// Lines of a log as the server tells them: whole, or in pieces where a line is very long.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lineFilter, writeLines } from './log-lines.ts'

type Told = { readonly line: number; readonly t: number; readonly text: string; readonly more?: true }

const written = async (
  told: readonly Told[],
  flags: Parameters<typeof lineFilter>[0],
  chunkBytes: number,
) => {
  const bytes = Buffer.from(told.map((line) => `${JSON.stringify({ step: 0, ...line })}\n`).join(''))
  const source = (async function* () {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
  })()
  const out: Buffer[] = []
  const filter = lineFilter(flags) ?? assert.fail()
  await writeLines(source, filter, { write: (part) => void out.push(Buffer.from(part)) })
  return Buffer.concat(out).toString()
}

const told: readonly Told[] = [
  { line: 1, t: 1_000, text: 'one' },
  { line: 2, t: 2_000, text: 'begins, ', more: true },
  { line: 2, t: 2_000, text: 'goes on, ', more: true },
  { line: 2, t: 2_000, text: 'ends' },
  { line: 3, t: 3_000, text: 'three' },
]

test('a line in pieces is one line with one time', async () => {
  for (const chunkBytes of [1, 7, 10_000])
    assert.equal(
      await written(told, { timestamps: true }, chunkBytes),
      '00:00:01.000 one\n00:00:02.000 begins, goes on, ends\n00:00:03.000 three\n',
    )
})

test('of a line in pieces those are printed that match', async () => {
  assert.equal(await written(told, { grep: 'goes|three' }, 16), 'goes on, \nthree\n')
})

test('a line of 40 megabytes comes out whole', async () => {
  const piece = 'x'.repeat(256 * 1024)
  const long = Array.from({ length: 160 }, (): Told => ({ line: 1, t: 0, text: piece, more: true }))
  const all = await written([...long, { line: 1, t: 0, text: 'end' }], { timestamps: true }, 64 * 1024)
  assert.equal(all.length, '00:00:00.000 '.length + 160 * piece.length + 'end\n'.length)
})
