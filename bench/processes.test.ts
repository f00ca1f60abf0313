import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePss, parseStat, pidsBelow, pssOf, totalOf, usageOf } from './processes.ts'

test('a process that calls itself anything is read right', () => {
  const stat = '42 (a) (b c) S 7 42 42 0 -1 4194560 100 0 0 0 3 4 5 6 20 0 1 0 100 1 1'
  assert.deepEqual(parseStat(stat), { pid: 42, parent: 7, name: 'a) (b c', cpuMs: 180 })
  assert.equal(parseStat(''), null)
})

test('memory is the sum line, not one of its parts', () => {
  const text = 'Rss:   900 kB\nPss:               123 kB\nPss_Dirty:          45 kB\n'
  assert.equal(parsePss(text), 123 * 1024)
  assert.equal(parsePss(''), 0)
})

test('this process costs something, and is in its parent’s tree', () => {
  const usage = usageOf(process.pid)
  assert.ok(usage !== null && totalOf(usage.cpuMs) > 0 && totalOf(usage.pssBytes) > 1024 * 1024)
  assert.ok(pidsBelow(process.ppid).includes(process.pid))
  assert.equal(pssOf([2 ** 30]), 0)
})
