import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createGcm } from './gcm.ts'

const raw = Uint8Array.from({ length: 32 }, (_, i) => i)
const nonce = new Uint8Array(12)
const aad = Uint8Array.of(1, 2)

test('what was sealed is opened, by WebCrypto as well, and a key that was wiped still works', async () => {
  const copy = raw.slice()
  const gcm = createGcm(copy)
  copy.fill(0)
  const name = 'AES-GCM'
  const key = await crypto.subtle.importKey('raw', raw, name, false, ['decrypt'])
  for (const length of [0, 1, 15, 16, 17, 70_000]) {
    const plaintext = new Uint8Array(length).fill(7)
    const sealed = gcm.seal(plaintext, { nonce, aad })
    assert.deepEqual(gcm.open(sealed, { nonce, aad }), plaintext)
    const other = await crypto.subtle.decrypt({ name, iv: nonce, additionalData: aad }, key, sealed)
    assert.deepEqual(new Uint8Array(other), plaintext)
  }
})

test('what was changed, cut or moved does not open', () => {
  const gcm = createGcm(raw)
  const sealed = gcm.seal(Uint8Array.of(1, 2, 3), { nonce, aad })
  for (const at of sealed.keys()) {
    const changed = sealed.with(at, (sealed[at] ?? 0) ^ 1)
    assert.equal(gcm.open(changed, { nonce, aad }), null)
    assert.equal(gcm.open(sealed.subarray(0, at), { nonce, aad }), null)
  }
  assert.equal(gcm.open(sealed, { nonce: nonce.with(0, 1), aad }), null)
  assert.equal(gcm.open(sealed, { nonce, aad: Uint8Array.of(1) }), null)
  assert.equal(createGcm(raw.with(0, 9)).open(sealed, { nonce, aad }), null)
})
