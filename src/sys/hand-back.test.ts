// A program at rest gives back what it does not use, also what nobody asked V8 to collect.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { handBackFlags } from './hand-back.ts'

const door = pathToFileURL(`${import.meta.dirname}/hand-back.ts`).href

/** Makes a heap of 60 MiB that is garbage, rests, and prints how large the heap is then. */
const program = `
  import { getHeapStatistics } from 'node:v8'
  import { handBackWhenQuiet } from ${JSON.stringify(door)}
  let load = Array.from({ length: 1_500_000 }, (_, n) => ({ n }))
  const full = getHeapStatistics().total_heap_size
  load = []
  handBackWhenQuiet()
  const until = performance.now() + 30_000
  const look = setInterval(() => {
    const size = getHeapStatistics().total_heap_size
    const isLess = size < full / 4
    if (!isLess && performance.now() < until && globalThis.gc !== undefined) return
    console.log(JSON.stringify({ full, isLess, made: load.length }))
    clearInterval(look)
  }, 100)
`
const rest = (flags: readonly string[]): { full: number; isLess: boolean } =>
  JSON.parse(
    execFileSync(process.execPath, [...flags, '--input-type=module', '-e', program], {
      encoding: 'utf8',
      timeout: 60_000,
    }),
  )

test('what a load has left is handed back when nothing is going on', () => {
  const { full, isLess } = rest(handBackFlags)
  assert.ok(full > 40 * 1024 ** 2, `${full} bytes`)
  assert.ok(isLess)
})

test('without the flags of Node nothing happens, and nothing fails', () => {
  assert.equal(rest([]).isLess, false)
})
