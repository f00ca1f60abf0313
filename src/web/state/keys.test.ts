import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keySequenceMs } from '../limits.ts'
import { createKeys } from './keys.ts'

const setUp = () => {
  const world = { now: 0, on: true, done: [] as string[] }
  const keys = createKeys({ isEnabled: () => world.on })
  const bind = (...names: string[]) =>
    keys.add(names.map((name) => ({ keys: name, label: name, run: () => void world.done.push(name) })))
  const press = (key: string, more: { isTyping?: boolean; hasModifier?: boolean } = {}) =>
    keys.press({ key, at: world.now, isTyping: false, hasModifier: false, ...more })
  return { world, keys, bind, press }
}

test('letters and sequences act, and say that they were used', () => {
  const { world, bind, press } = setUp()
  bind('j', 'g r')
  assert.equal(press('j'), true)
  assert.equal(press('g'), true)
  assert.equal(press('r'), true)
  assert.equal(press('x'), false)
  assert.deepEqual(world.done, ['j', 'g r'])
})

test('a sequence must be quick, and a broken one starts anew', () => {
  const { world, bind, press } = setUp()
  bind('g r', 'r')
  press('g')
  world.now = keySequenceMs + 1
  press('r')
  assert.deepEqual(world.done, ['r'])
  press('g')
  press('g')
  press('r')
  assert.deepEqual(world.done, ['r', 'g r'])
})

test('nothing acts while somebody types, holds a modifier, or has switched letters off', () => {
  const { world, bind, press } = setUp()
  bind('j', 'Escape')
  press('j', { isTyping: true })
  press('j', { hasModifier: true })
  world.on = false
  press('j')
  assert.deepEqual(world.done, [])
  press('Escape')
  assert.deepEqual(world.done, ['Escape'])
})

test('the page goes before the frame, and leaves nothing behind', () => {
  const { world, bind, press, keys } = setUp()
  bind('f')
  const leave = bind('f')
  assert.equal(keys.list().length, 1, 'each key once')
  leave()
  press('f')
  assert.deepEqual(world.done, ['f'])
  assert.equal(keys.list().length, 1, 'the one below is back')
})
