import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGroupCommit } from './group-commit.ts'

const gate = () => {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

test('one item is written at once; what comes meanwhile is written together, up to the limit', async () => {
  const groups: number[][] = []
  const { open, opened } = gate()
  const commit = createGroupCommit<number, number>({
    itemsMax: 3,
    write: async (items) => {
      groups.push([...items])
      await opened
      return items.map((item) => item * 10)
    },
  })
  const results = Promise.all([1, 2, 3, 4, 5].map(commit))
  assert.deepEqual(groups, [[1]])
  open()
  assert.deepEqual(await results, [10, 20, 30, 40, 50])
  assert.deepEqual(groups, [[1], [2, 3, 4], [5]])
})

test('one bad item fails alone', async () => {
  const { open, opened } = gate()
  const commit = createGroupCommit<number, number>({
    itemsMax: 10,
    write: async (items) => {
      await opened
      if (items.includes(3)) throw new Error('bad')
      return items
    },
  })
  const results = Promise.allSettled([1, 2, 3, 4].map(commit))
  open()
  assert.deepEqual(
    (await results).map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  )
})
