import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compilePattern, tooManySteps } from './pattern.ts'

const matches = (source: string, text: string): boolean | null => {
  const pattern = compilePattern(source)
  assert.ok(!('wrong' in pattern), `${source}: ${JSON.stringify(pattern)}`)
  return pattern.matchesWhole(text)
}

const check = (source: string, yes: readonly string[], no: readonly string[]) => {
  for (const text of yes) assert.equal(matches(source, text), true, `${source} on ${text}`)
  for (const text of no) assert.equal(matches(source, text), false, `${source} on ${text}`)
}

test('look-around selects names as real filters have it', () => {
  check('^(?!main$).*', ['dev', 'main2', ''], ['main'])
  check('^(?!pull\\/|release-).*$', ['feature/pull', 'x'], ['pull/17', 'release-1'])
  check('(?=.*fix).+-v\\d+', ['hotfix-v2'], ['feature-v2', 'fix'])
  check('.*(?<!-rc)', ['v1', '-rc1'], ['v1-rc'])
  check('v(?<=v)\\d', ['v1'], ['1'])
  check('(?!.*[A-Z]).{1,3}(?<=c)', ['abc', 'c'], ['aBc', 'abcc'])
})

test('back-references, possessive and atomic groups do what Java says', () => {
  check('(\\w+)-\\1', ['a-a', 'ab-ab'], ['a-b'])
  check('(?<x>a|b)\\k<x>', ['aa', 'bb'], ['ab'])
  check('a*+a', [], ['aaa'])
  check('(?>a|ab)c', ['ac'], ['abc'])
  check('(?i)(?=X)x[Y-Z]+?', ['xy', 'XZ'], ['ab'])
  check('\\Qa.b\\E\\h(?=c)c', ['a.b c', 'a.b\tc'], ['axb c'])
  check('(?=a)[a-z&&[^bc]]+\\Z', ['adz'], ['abz'])
  check('(?:a|b(?=c)){2,3}c', ['abc', 'aabc'], ['bbc', 'ac'])
  check('(?=.)(a?)*b', ['aab', 'b'], ['a'])
  check('(?=x)x{2}|(?!x)y{1,}', ['xx', 'yyy'], ['x', 'xy'])
})

test('what neither engine reads is refused in words', () => {
  for (const source of [
    '(?=a',
    '(?!a))',
    '(?=a)[b',
    '(?=a)b**',
    '(?=a)\\p{Greek}',
    '(?=a)\\p{constructor}',
    '(?=a)\\2',
    '(?=a)b{2,1}',
    '(?<=a)(?#x)',
  ])
    assert.ok('wrong' in compilePattern(source), source)
})

test('a pattern that would try for ever is given up, and a deep one too', () => {
  const started = performance.now()
  assert.equal(matches('(?=.)((a+)+)+b', 'a'.repeat(60)), null)
  assert.equal(matches('(?=a)(a|b)*c', 'ab'.repeat(4_000)), null)
  assert.equal(matches('(?=.).*(x)\\1', 'y'.repeat(20_000)), null)
  assert.ok(performance.now() - started < 2_000)
  assert.equal(typeof tooManySteps, 'string')
})

test('what is too common to compile means what it says elsewhere', () => {
  // The same, compiled: a group around it keeps it from the short way.
  for (const source of ['.*', '.+', 'main', 'release/1-2_x', ''])
    for (const text of ['', 'main', 'mainly', 'a\nb', '\n', 'release/1-2_x', 'ü'])
      assert.equal(
        matches(source, text),
        matches(`(${source})`, text),
        `${source} on ${JSON.stringify(text)}`,
      )
})
