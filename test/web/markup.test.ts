// Rules about markup that no linter sees: nothing inline that the policy forbids, no raw HTML, no words outside the
// catalogue.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'svelte/compiler'

type Node = {
  readonly type: string
  readonly name?: string
  readonly data?: string
  readonly value?: unknown
}

const components = globSync('src/web/**/*.svelte')
const nodesOf = (file: string): Node[] => {
  const found: Node[] = []
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(walk)
    else if (typeof value === 'object' && value !== null) {
      if ('type' in value && typeof value.type === 'string') found.push(value as Node)
      Object.values(value).forEach(walk)
    }
  }
  walk(parse(readFileSync(file, 'utf8'), { modern: true }).fragment)
  return found
}
const letters = /\p{L}{2,}/u
const spoken = ['aria-label', 'title', 'alt', 'placeholder']
const literalOf = (node: Node): string =>
  Array.isArray(node.value) ? node.value.map((part: Node) => part.data ?? '').join('') : ''

test('there are components to look at', () => {
  assert.ok(components.length > 50)
})

test('no component uses raw HTML, an inline style or an inline handler', () => {
  for (const file of components)
    for (const node of nodesOf(file)) {
      assert.notEqual(node.type, 'HtmlTag', `${file}: {@html} goes around Trusted Types`)
      if (node.type !== 'Attribute') continue
      assert.notEqual(node.name, 'style', `${file}: style attribute; use style:property`)
      if (node.name?.startsWith('on'))
        assert.equal(literalOf(node), '', `${file}: inline handler ${node.name}`)
    }
})

test('every word stands in the catalogue, not in the markup', () => {
  for (const file of components)
    for (const node of nodesOf(file)) {
      if (node.type === 'Attribute' && spoken.includes(node.name ?? ''))
        assert.doesNotMatch(literalOf(node), letters, `${file}: ${node.name}="${literalOf(node)}"`)
      for (const child of childrenOf(node))
        if (child.type === 'Text')
          assert.doesNotMatch(child.data ?? '', letters, `${file}: “${child.data?.trim()}”`)
    }
})

test('every component has a typed script and says what it is', () => {
  for (const file of components) {
    const source = readFileSync(file, 'utf8')
    assert.match(source, /<script lang="ts"/, file)
    assert.match(source, /<script lang="ts"[^>]*>\n {2}\/\/ /, `${file}: a head comment`)
  }
})

const childrenOf = (node: Node): readonly Node[] => {
  const fragment = (node as { readonly fragment?: { readonly nodes: readonly Node[] } }).fragment
  const own = (node as { readonly nodes?: readonly Node[] }).nodes
  return [...(fragment?.nodes ?? []), ...(node.type === 'Fragment' ? (own ?? []) : [])]
}
