// A quotation ends where it should, whatever is quoted.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quoteOf } from './quote.ts'

test('lines are quoted behind a link to them', () => {
  assert.equal(
    quoteOf({ text: 'a\nb', title: 'unit.1, lines 1 to 2', url: 'https://ci.example/a?attempt=2#s3L1-L2' }),
    '[unit.1, lines 1 to 2](https://ci.example/a?attempt=2#s3L1-L2)\n\n```text\na\nb\n```\n',
  )
})

test('neither a fence in the text nor a bracket in a name ends it', () => {
  const quoted = quoteOf({ text: '````\n[x](y)', title: 'a]b', url: 'https://ci.example/x)y' })
  assert.equal(quoted, '[a\\]b](https://ci.example/x%29y)\n\n`````text\n````\n[x](y)\n`````\n')
})
