// What counts as the place for a secret, whatever stands around it and however long it is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from '../../test/support/random.ts'
import { isTestValue } from './test-values.ts'

const random = createRandom(51)
const some = (pieces: readonly string[], most: number): string =>
  Array.from({ length: random(most + 1) }, () => pieces[random(pieces.length)]).join('')
const opening = ['"', "'", '`', '<', '(', '[', '{', ' ', '\n']
const closing = ['"', "'", '`', '>', ')', ']', '}', ' ', '!', '\t']

test('marks around a place for a secret leave it one', () => {
  for (const word of [
    'changeme',
    'CHANGE_ME',
    'xxxx',
    'your-token-here',
    'add your key',
    'TODO: ask',
    'insert api key here',
  ])
    for (let i = 0; i < 200; i++) {
      const value = some(opening, 9) + word + some(closing, 9)
      assert.equal(isTestValue(value), true, JSON.stringify(value))
    }
})

test('what is long is a place for a secret only as one character again and again', () => {
  for (let i = 0; i < 300; i++) {
    const text = some(['a', 'change-me', ' your-', '.here', '0', '-', 'todo:', '<', '}'], 60)
    const value = `k${text}${'q7'.repeat(150)}k`
    assert.equal(isTestValue(some(opening, 5) + value + some(closing, 5)), false, value)
  }
  for (const length of [3, 256, 257, 100_000]) assert.equal(isTestValue(`"${'x'.repeat(length)}"`), true)
  assert.equal(isTestValue(`change-me ${'x'.repeat(300)}`), false)
})

test('a value of a million marks is answered: no pattern looks at each of them from each of them', () => {
  for (const mark of [...opening, ...closing, 'a-', 'your ', '<a']) {
    const many = mark.repeat(1_000_000 / mark.length)
    assert.equal(isTestValue(`${many}k`), false, mark)
    assert.equal(isTestValue(`k${many}k`), false, mark)
  }
})
