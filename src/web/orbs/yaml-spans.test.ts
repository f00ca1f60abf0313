// What of a line is a key and what a comment; together the spans are always the line.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { yamlSpans } from './yaml-spans.ts'

const shown = (line: string) =>
  yamlSpans(line).map(({ text, kind }) => (kind === 'text' ? text : `${kind}(${text})`))

test('keys and comments are told from the rest', () => {
  assert.deepEqual(shown('  - run: npm ci # fast'), ['  - ', 'key(run)', ': npm ci', 'comment( # fast)'])
  assert.deepEqual(shown('# all of it'), ['comment(# all of it)'])
  assert.deepEqual(shown('description: "a # b"'), ['key(description)', ': "a # b"'])
  assert.deepEqual(shown('"with spaces": 1'), ['key("with spaces")', ': 1'])
  assert.deepEqual(shown('url: https://x.example/y#z'), ['key(url)', ': https://x.example/y#z'])
})

test('what is no key is text, and nothing is lost', () => {
  assert.deepEqual(shown('echo hello'), ['echo hello'])
  for (const line of ['', '---', '- - a: b', "it's # not", 'a:b', '\t\u202ex: #', '"', "#'"])
    assert.equal(
      yamlSpans(line)
        .map(({ text }) => text)
        .join(''),
      line,
    )
})
