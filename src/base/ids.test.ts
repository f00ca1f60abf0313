import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatId, idBytes, parseId, uuid7 } from './ids.ts'

const bytes = uuid7(1_790_000_000_123, new Uint8Array(10).fill(0xab))

test('an id goes to bytes and back', () => {
  const id = formatId('run', bytes)
  assert.match(id, /^run_[0-9a-v]{26}$/)
  assert.deepEqual(idBytes(id), bytes)
  assert.equal(parseId('run', id), id)
})

test('ids made later sort later', () => {
  const later = formatId('run', uuid7(1_790_000_000_124, new Uint8Array(10)))
  assert.ok(later > formatId('run', bytes))
})

test('another prefix, a short body or a foreign character is no id', () => {
  const id = formatId('run', bytes)
  for (const text of [id.replace('run', 'job'), id.slice(0, -1), `${id.slice(0, -1)}z`, '', null, 3])
    assert.equal(parseId('run', text), null)
})
