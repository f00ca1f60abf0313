// Perl finds nothing to complain of in the maker's text, and the processor we run on has a number for each call it makes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run } from '../../sys/index.ts'
import { makerArguments } from './maker-program.ts'

test('the text compiles without a warning', async () => {
  const { code, stderr } = await run('perl', ['-wc', ...makerArguments('/nonexistent')], {
    timeoutMs: 10_000,
  })
  assert.equal(stderr.toString(), '-e syntax OK\n')
  assert.equal(code, 0)
})

test('every call has its number', () => {
  const [, text = '', , ...numbers] = makerArguments('/nonexistent')
  const called = [...text.matchAll(/kernel\('(\w+)'/g), ...text.matchAll(/\$call\{(\w+)\}/g)].map(
    ([, name]) => name,
  )
  const known = numbers.filter((_, i) => i % 2 === 0)
  assert.deepEqual([...new Set(called)].filter((name) => name !== 'name').sort(), [...known].sort())
  assert.ok(called.length > 10)
})
