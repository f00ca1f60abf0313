import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { clearLeft } from './host.ts'

test('what a killed process planted is cleared, and nothing else', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'mayfly-left-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const nonce = '0123456789abcdef'
  // No process has a number above the kernel's highest.
  const dead = 2 ** 22 + 1
  const kept = [`mayfly-canary-${process.pid}-${nonce}`, `mayfly-canary-${nonce}`, `mayfly-canary-${dead}-x`]
  for (const name of [...kept, `mayfly-canary-${dead}-${nonce}`]) writeFileSync(join(directory, name), '')
  symlinkSync(join(directory, kept[1] ?? ''), join(directory, `mayfly-canary-${dead + 1}-${nonce}`))
  clearLeft([directory, join(directory, 'nowhere')])
  assert.deepEqual(readdirSync(directory).sort(), kept.toSorted())
})
