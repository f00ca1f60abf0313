import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fillKey, type KeyFacts } from './cache-key.ts'

const facts: KeyFacts = {
  branch: 'feature/x',
  revision: 'abc',
  buildNumber: 42,
  checkoutKey: 'SHA256:abc',
  nowSeconds: 1_790_000_000,
  variables: new Map([['CACHE_V', '7']]),
  checksum: async (path) => (path === 'f' ? 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=' : null),
}
const filled = async (template: string, changes: Partial<KeyFacts> = {}) => {
  const answer = await fillKey(template, { ...facts, ...changes })
  return answer.ok ? answer.key : `! ${answer.message}`
}

test('templates are filled in as the platform does', async () => {
  const vectors: readonly (readonly [template: string, key: string])[] = [
    ['v1-{{ .Branch }}-{{ .Revision }}', 'v1-feature/x-abc'],
    ['v1-{{ .Environment.CACHE_V }}', 'v1-7'],
    ['v1-{{ .Environment.MISSING }}', 'v1-<no value>'],
    ['b{{ .BuildNum }}', 'b42'],
    ['{{checksum "f"}}', 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ='],
    ['{{ epoch }}', '1790000000'],
    ['plain', 'plain'],
    ['{{ .Branch }}{{ .Branch }}', 'feature/xfeature/x'],
  ]
  for (const [template, key] of vectors) assert.equal(await filled(template), key)
  assert.match(await filled('{{ arch }}'), /^linux-[a-z0-9]+$/)
  assert.equal(await filled('{{.CheckoutKey}}'), 'SHA256:abc')
  assert.equal(await filled('{{ .CheckoutKey }}', { checkoutKey: null }), '<no value>', 'a local repository')
  assert.equal(await filled('{{ .Branch }}', { branch: null }), '<no value>', 'a tag has no branch')
})

test('what fills itself in is not filled in again', async () => {
  assert.equal(await filled('{{ .Branch }}', { branch: '{{ .Revision }}' }), '{{ .Revision }}')
})

test('what is no template, or names what is not there, is told', async () => {
  assert.match(await filled('{{ checksum "nofile" }}'), /no file "nofile"/)
  assert.match(await filled('{{ .Nothing }}'), /nothing that a key knows/)
  assert.match(await filled('{{ .Branch'), /without its other half/)
  assert.match(await filled('a }} b'), /without its other half/)
  assert.match(await filled('{{ toString }}'), /nothing that a key knows/)
})
