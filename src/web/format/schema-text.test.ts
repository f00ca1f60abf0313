import assert from 'node:assert/strict'
import { test } from 'node:test'
import { schemaText } from './schema-text.ts'

test('a schema reads like a type: names, what may be left out, lists, choices', () => {
  const id = { type: 'string' }
  const text = schemaText({
    ...{ type: 'object', required: ['id', 'items', 'end'] },
    properties: {
      ...{ id, limit: { type: 'integer', default: 50 }, end: { anyOf: [id, { type: 'null' }] } },
      items: {
        type: 'array',
        items: { type: 'object', required: ['on'], properties: { on: { enum: ['a', 'b'] } } },
      },
      facts: { type: 'object', additionalProperties: { type: ['string', 'number'] } },
      words: { type: 'array', items: { enum: ['x', 'y'] } },
      nothing: { type: 'object', properties: {} },
    },
  })
  assert.equal(
    text,
    [
      ...['{', '  id: string', '  limit?: integer  // 50 when left out', '  end: string | null'],
      ...['  items: {', '    on: "a" | "b"', '  }[]', '  facts?: { [name]: string | number }'],
      ...['  words?: ("x" | "y")[]', '  nothing?: {}', '}'],
    ].join('\n'),
  )
})

test('what goes too deep is cut, what says nothing is anything', () => {
  let deep: object = { type: 'string' }
  for (let i = 0; i < 20; i++) deep = { type: 'object', properties: { in: deep } }
  assert.match(schemaText(deep), /\{ … \}/)
  assert.equal(schemaText({}), 'any')
})
