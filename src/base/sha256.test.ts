import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { toHex } from './bytes.ts'
import { sha256, sha256Hex } from './sha256.ts'

test('the published vectors come out (FIPS 180-4 examples)', () => {
  assert.equal(sha256Hex('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  assert.equal(sha256Hex(''), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
})

test('every length around the block borders agrees with node:crypto', () => {
  for (let length = 0; length < 200; length++) {
    const bytes = randomBytes(length)
    assert.equal(toHex(sha256(bytes)), createHash('sha256').update(bytes).digest('hex'))
  }
})

test('a text is hashed as its UTF-8 bytes', () => {
  assert.equal(sha256Hex('é𝄞'), createHash('sha256').update('é𝄞').digest('hex'))
})
