import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createListDepth, fetchPages } from './list-depth.ts'

const fakeWindow = (state: unknown) => {
  const history = {
    state,
    replaceState: (next: unknown) => {
      history.state = next
    },
  }
  // SAFE: nothing else of it is asked for.
  return { history } as unknown as Window
}

test('the depth of a list is kept beside what else an entry knows, for that list only', () => {
  const window = fakeWindow({ visited: true, entry: 7 })
  const depth = createListDepth(window)
  assert.equal(depth.pagesOf('status=failed'), 1)
  depth.keep('status=failed', 3)
  assert.equal(depth.pagesOf('status=failed'), 3)
  assert.equal(depth.pagesOf(''), 1)
  assert.equal(window.history.state.visited, true)
  assert.equal(window.history.state.entry, 7)
})

test('an entry without state, or with more pages than one asks for at once, is no harm', () => {
  const depth = createListDepth(fakeWindow(null))
  assert.equal(depth.pagesOf(''), 1)
  depth.keep('', 1_000)
  assert.equal(depth.pagesOf(''), 20)
  assert.equal(createListDepth(fakeWindow({ list: { words: '', pages: 'many' } })).pagesOf(''), 1)
})

test('pages are fetched one after the other, until there are no more', async () => {
  const asked: (string | undefined)[] = []
  const fetchOne = async (after?: string) => {
    asked.push(after)
    const at = Number(after ?? 0)
    return { items: [at], next_cursor: at < 3 ? String(at + 1) : null }
  }
  assert.deepEqual(await fetchPages(2, fetchOne), { items: [0, 1], next_cursor: '2' })
  assert.deepEqual(await fetchPages(20, fetchOne), { items: [0, 1, 2, 3], next_cursor: null })
  assert.deepEqual(asked, [undefined, '1', undefined, '1', '2', '3'])
})
