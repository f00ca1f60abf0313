// Words of dialects and the classes they mean.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classes, findClass, limitsMax } from './classes.ts'

test('CircleCI words map to classes, ours to themselves', () => {
  const names = ['tiny', 'small', 'medium', 'medium+', 'large', 'xlarge', '2xlarge', 'large.gen2'].map(
    (word) => {
      const found = findClass(word)
      return found.ok ? found.class.name : null
    },
  )
  assert.deepEqual(names, ['tiny', 'small', 'medium', 'large', 'large', 'large', 'large', 'large'])
})

test('another processor or system is no size', () => {
  for (const word of [
    'arm.medium',
    'arm.large',
    'windows.medium',
    'macos.m1.medium.gen1',
    'gpu.nvidia.small',
  ])
    assert.equal(findClass(word).ok, false, word)
})

test('an unknown word has a nearest known one', () => {
  assert.deepEqual(findClass('meduim'), { ok: false, nearest: 'medium' })
  assert.deepEqual(findClass('Large'), { ok: false, nearest: 'large' })
  assert.deepEqual(findClass('constructor').ok, false)
})

test('no class is above what anybody may have', () => {
  for (const { limits } of Object.values(classes))
    for (const [name, value] of Object.entries(limits))
      assert.ok(value <= limitsMax[name as keyof typeof limitsMax], name)
})
