// The thresholds of compile-early.ts are those of the V8 that comes with the packages.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { earlyFlags } from './compile-early.ts'

test('each threshold is one that this V8 knows: an unknown one would be ignored without a word', () => {
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' })
  for (const flag of earlyFlags) {
    const [name = ''] = flag.split('=')
    assert.match(known, new RegExp(`^\\s+${name}\\s`, 'm'), name)
  }
})
