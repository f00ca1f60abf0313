// Which refs a policy of a secret, or a rule of a context, is about.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchesGlob } from './ref-glob.ts'

const check = (glob: string, expected: boolean, ...refs: readonly string[]) => {
  for (const ref of refs) assert.equal(matchesGlob(glob, ref), expected, `${glob} ${ref}`)
}

test('all of a ref has to match, letter by letter', () => {
  check('refs/heads/main', true, 'refs/heads/main')
  check(
    'refs/heads/main',
    false,
    'refs/heads/main2',
    'refs/heads/mai',
    'x/refs/heads/main',
    'refs/heads/Main',
    '',
  )
  check('', true, '')
  check('', false, 'refs/heads/main')
  check('refs/heads/v1.0', false, 'refs/heads/v1x0')
})

test('a star and a question mark stop at a slash, two stars do not', () => {
  check('refs/heads/*', true, 'refs/heads/main', 'refs/heads/')
  check('refs/heads/*', false, 'refs/heads/a/b', 'refs/tags/v1')
  check('refs/heads/v?', true, 'refs/heads/v1', 'refs/heads/vü', 'refs/heads/v\u{1f600}')
  check('refs/heads/v?', false, 'refs/heads/v', 'refs/heads/v/', 'refs/heads/v12')
  check('refs/heads?main', false, 'refs/heads/main')
  check('refs/**', true, 'refs/heads/a/b', 'refs/')
  check('refs/**/b', true, 'refs/heads/a/b')
  check('refs/**/b', false, 'refs/heads/a/b/c', 'refs/b')
})

test('many stars take no longer than length times length', { timeout: 10_000 }, () => {
  check('*a'.repeat(200), false, `${'a'.repeat(1_000)}b`)
  check('**a'.repeat(200), true, 'a'.repeat(1_000))
})
