import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keptPages, pageLines } from '../limits.ts'
import { createLogPages } from './pages.ts'

const line = (text: string) => ({ text, width: text.length, cut: 0, tMs: 0 })
const full = Array.from({ length: pageLines }, (_, i) => line(String(i)))
const open = (count: number) => {
  const asked: string[] = []
  const pages = createLogPages((step, page) => asked.push(`${step} ${page}`))
  pages.grow(new Map([[1, count]]))
  return { pages, asked }
}

test('what is wanted is asked for once, and not beyond the end', () => {
  const { pages, asked } = open(pageLines + 10)
  pages.want(1, 1, 10 * pageLines)
  pages.want(1, 1, 10)
  assert.deepEqual(asked, ['1 0', '1 1'])
  pages.take(1, 0, full)
  pages.want(1, 1, pageLines)
  assert.deepEqual(asked, ['1 0', '1 1'])
  assert.equal(pages.line(1, 2)?.text, '1')
  assert.equal(pages.line(1, pageLines + 1), undefined, 'on its way')
})

test('the last page is asked for again once its step has grown, the others stay', () => {
  const { pages, asked } = open(pageLines + 1)
  pages.take(1, 0, full)
  pages.take(1, 1, [line('half a li')])
  pages.grow(new Map([[1, pageLines + 2]]))
  assert.equal(pages.line(1, pageLines + 1)?.text, 'half a li', 'shown until there is more')
  pages.want(1, 1, pageLines + 2)
  assert.deepEqual(asked, ['1 1'])
})

test('a page that was read before the step grew is not taken for the last word', () => {
  const { pages, asked } = open(3)
  pages.take(1, 0, [line('a'), line('b')])
  pages.want(1, 1, 3)
  assert.deepEqual(asked, ['1 0'])
})

test('what could not be fetched is asked for again; old pages make room', () => {
  const { pages, asked } = open(100 * pageLines)
  pages.want(1, 1, 1)
  pages.take(1, 0, null)
  pages.want(1, 1, 1)
  assert.deepEqual(asked, ['1 0', '1 0'])
  for (let page = 0; page <= keptPages; page++) pages.take(1, page, full)
  assert.equal(pages.line(1, 1), undefined)
  assert.ok(pages.line(1, pageLines + 1))
})
