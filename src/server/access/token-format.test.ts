import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatToken, isTokenText } from './token-format.ts'

test('a token has the published form and a checksum that fits', () => {
  for (const fill of [0, 1, 0xff]) {
    const token = formatToken('mfp', new Uint8Array(32).fill(fill))
    assert.match(token, /^mf[psd]_[0-9A-Za-z]{49}$/)
    assert.ok(isTokenText(token))
  }
})

test('all 256 bits are in the token: different bytes never give the same text', () => {
  const most = new Uint8Array(32).fill(0xff)
  const almost = Uint8Array.from(most)
  almost[0] = 0xfe
  assert.notEqual(formatToken('mfp', most), formatToken('mfp', almost))
})

test('one changed character, another prefix or a missing one is no token', () => {
  const token = formatToken('mfs', new Uint8Array(32).fill(7))
  const changed = token.slice(0, 10) + (token[10] === 'A' ? 'B' : 'A') + token.slice(11)
  for (const text of [changed, token.replace('mfs', 'mfp'), token.slice(0, -1), `${token}0`, '', 'mfx_']) {
    assert.equal(isTokenText(text), false, text)
  }
})

test('vector: the text of a token never changes', () => {
  assert.equal(
    formatToken(
      'mfp',
      Uint8Array.from({ length: 32 }, (_, i) => i),
    ),
    'mfp_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf40Uxqo',
  )
})
