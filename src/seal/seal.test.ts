// Vectors (made by an independent program on OpenSSL) and properties of every sealed format.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { sealLogKey } from '../../test/support/log-key.ts'
import { concatBytes, fromBase64Url, fromHex, toHex, utf8, utf8Decode } from '../base/bytes.ts'
import { type AttemptId, formatId, type HookId, type ProjectId } from '../base/ids.ts'
import { createEphemeralKey, createOpeningKey, sealingHere } from '../sys/index.ts'
import { encryptFrom } from './blob.ts'
import { prepareSeal, sealFrom } from './hpke.ts'
import * as seal from './index.ts'
import { importSealingKey } from './keys.ts'

const vectors = (name: string) =>
  JSON.parse(readFileSync(new URL(`./testdata/${name}.json`, import.meta.url), 'utf8'))
const x25519Pkcs8 = (seed: string) => fromHex(`302e020100300506032b656e04220420${seed}`)
const flip = (bytes: Uint8Array, bit: number) => {
  const out = Uint8Array.from(bytes)
  out[bit >> 3]! ^= 1 << (bit & 7)
  return out
}
const pattern = (length: number) => Uint8Array.from({ length }, (_, i) => i % 251)

test('HPKE agrees with the vector of the trust model in both directions', async () => {
  const v = vectors('hpke')
  const recipient = (await importSealingKey(x25519Pkcs8(v.skR)))!
  const context = { info: v.info, aad: utf8(v.aad) }
  assert.equal(toHex(recipient.publicKey), v.pkR)
  const skE = x25519Pkcs8(v.skE)
  for (const ephemeral of [(await importSealingKey(skE))!, createOpeningKey(skE)!])
    assert.equal(
      toHex((await sealFrom(ephemeral, recipient.publicKey, utf8(v.plaintext), context))!),
      v.sealed,
    )
  for (const own of [recipient, createOpeningKey(x25519Pkcs8(v.skR))!]) {
    assert.equal(toHex(own.publicKey), v.pkR)
    assert.equal(utf8Decode((await seal.hpkeOpen(own, fromHex(v.sealed), context))!), v.plaintext)
    for (const bad of v.malformed) {
      const changed = { info: bad.info ?? v.info, aad: utf8(bad.aad ?? v.aad) }
      assert.equal(await seal.hpkeOpen(own, fromHex(bad.sealed), changed), null, bad.name)
    }
  }
})

test('HPKE does not seal to small-order or short public keys', async () => {
  for (const key of ['00'.repeat(32), `01${'00'.repeat(31)}`, '00'.repeat(31), ''])
    assert.equal(await seal.hpkeSeal(fromHex(key), utf8('x'), { info: 'i', aad: utf8('') }), null, key)
})

test('a key that opens on the spot refuses peers without an order and keys of other kinds', async () => {
  const own = createOpeningKey(x25519Pkcs8('11'.repeat(32)))!
  for (const peer of ['00'.repeat(32), `01${'00'.repeat(31)}`, '00'.repeat(31), ''])
    assert.equal(own.agree(fromHex(peer)), null, peer)
  assert.equal(createOpeningKey((await seal.generateSigningKey()).pkcs8), null)
  assert.equal(createOpeningKey(new Uint8Array(48)), null)
})

test('a seal that was prepared on the spot works once, and for its recipient', async () => {
  const own = createEphemeralKey()
  const prepared = (await prepareSeal(own.publicKey, 'i', createEphemeralKey()))!
  const sealed = await prepared(utf8('x'), utf8('a'))
  assert.deepEqual(await seal.hpkeOpen(own, sealed, { info: 'i', aad: utf8('a') }), utf8('x'))
  await assert.rejects(prepared(utf8('y'), utf8('a')), TypeError)
  assert.equal(await prepareSeal(new Uint8Array(32), 'i', createEphemeralKey()), null)
})

test('a sealed value opens for its recipient only', async () => {
  const [one, two] = [await seal.generateSealingKey(), await seal.generateSealingKey()]
  const context = { info: 'i', aad: utf8('a') }
  const sealed = (await seal.hpkeSeal(one.publicKey, utf8('x'), context))!
  assert.deepEqual(await seal.hpkeOpen(one, sealed, context), utf8('x'))
  assert.equal(await seal.hpkeOpen(two, sealed, context), null)
})

test('canonical JSON agrees with RFC 8785 and refuses what has no such form', async () => {
  const v = vectors('jcs')
  for (const { json, canonical, sha256 } of v.valid) {
    assert.equal(seal.canonicalJson(JSON.parse(json)), canonical)
    assert.equal(await seal.jcsDigest(JSON.parse(json)), sha256)
  }
  for (const json of v.refused) assert.throws(() => seal.canonicalJson(JSON.parse(json)), RangeError, json)
  for (const value of [undefined, () => 1, 1n, new Date(0), new Map(), [undefined]])
    assert.throws(() => seal.canonicalJson(value))
  assert.equal(seal.canonicalJson({ a: undefined, b: 1 }), '{"b":1}')
})

test('JWS: the vector is made and accepted, every malformed token is refused', async () => {
  const v = vectors('jws')
  const signer = (await seal.importSigningKey(fromBase64Url(v.pkcs8)!))!
  const key = await seal.importVerifyKey(fromBase64Url(v.publicKey)!)
  const expected = { typ: v.typ, keyFor: (kid: string | null) => (kid === v.kid ? key : null) }
  const token = await seal.signJws({ typ: v.typ, kid: v.kid, claims: v.claims }, signer.privateKey)
  assert.equal(token, v.token)
  assert.deepEqual(await seal.verifyJws(v.token, expected), v.claims)
  for (const bad of v.malformed) assert.equal(await seal.verifyJws(bad.token, expected), null, bad.name)
  const signature = v.token.lastIndexOf('.')
  for (let i = 0; i < v.token.length; i += 7) {
    if (v.token[i] === '.') continue
    const changed = v.token.slice(0, i) + (v.token[i] === 'A' ? 'B' : 'A') + v.token.slice(i + 1)
    assert.equal(await seal.verifyJws(changed, expected), null, `character ${i} of ${signature}`)
  }
})

test('keys of the other kind and broken keys are refused', async () => {
  const [signing, sealing] = [await seal.generateSigningKey(), await seal.generateSealingKey()]
  assert.equal(await importSealingKey(signing.pkcs8), null)
  assert.equal(await seal.importSigningKey(sealing.pkcs8), null)
  assert.equal(await seal.importSigningKey(signing.pkcs8.subarray(1)), null)
  assert.equal(await seal.importVerifyKey(signing.publicKey.subarray(1)), null)
  assert.deepEqual((await seal.importSigningKey(signing.pkcs8))!.publicKey, signing.publicKey)
  assert.equal(signing.privateKey.extractable, false)
})

test('mv1: the vector opens, every malformed text is refused', async () => {
  const v = vectors('mv1')
  const key = await seal.importAesKey(fromHex(v.key))
  const keyFor = (keyId: string) => (keyId === v.keyId ? key : null)
  assert.equal(utf8Decode((await seal.openMv1(v.text, { keyFor, aad: utf8(v.aad) }))!), v.plaintext)
  for (const bad of v.malformed)
    assert.equal(await seal.openMv1(bad.text, { keyFor, aad: utf8(bad.aad ?? v.aad) }), null, bad.name)
  const again = await seal.sealMv1({ id: v.keyId, key }, utf8(v.plaintext), utf8(v.aad))
  assert.notEqual(again, v.text)
  assert.equal(utf8Decode((await seal.openMv1(again, { keyFor, aad: utf8(v.aad) }))!), v.plaintext)
})

const collect = async (stream: AsyncIterable<Uint8Array>) => {
  const parts: Uint8Array[] = []
  for await (const part of stream) parts.push(part)
  return concatBytes(parts)
}
const pieces = async function* (bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
const tampered = { code: 'E_OBJECT_TAMPERED' }

test('MFB1: the vectors open, every malformed container is refused', async () => {
  const v = vectors('mfb1')
  const options = { keyFor: () => fromHex(v.key), objectId: v.objectId }
  for (const { plainBytes, hex } of v.containers)
    assert.deepEqual(await collect(seal.decryptBlob(pieces(fromHex(hex), 7), options)), pattern(plainBytes))
  for (const { name, hex } of v.malformed) {
    const container = fromHex(hex)
    await assert.rejects(collect(seal.decryptBlob(pieces(container, 1000), options)), tampered, name)
    const read = async (offset: number, length: number) => container.subarray(offset, offset + length)
    await assert.rejects(seal.openBlob({ ...options, read, sizeBytes: container.length }), tampered, name)
  }
})

test('MFB1: containers equal those of the independent program', async () => {
  const v = vectors('mfb1')
  for (const { plainBytes, hex, sha256 } of [...v.containers, ...v.digests]) {
    const options = { keyId: v.keyId, key: fromHex(v.key), objectId: v.objectId }
    for (const here of [undefined, sealingHere]) {
      const plain = pieces(pattern(plainBytes), 40_000)
      const made = await collect(encryptFrom(fromHex(v.salt), plain, here ? { ...options, here } : options))
      assert.equal(toHex(await seal.sha256(made)), sha256 ?? toHex(await seal.sha256(fromHex(hex))))
    }
  }
})

test('MFB1: sizes around the chunk borders come back, whole and in ranges', async () => {
  const v = vectors('mfb1')
  const key = fromHex(v.key)
  for (const { plainBytes } of [...v.containers, ...v.digests]) {
    const plain = pattern(plainBytes)
    const options = { keyId: v.keyId, key, objectId: v.objectId }
    const container = await collect(seal.encryptBlob(pieces(plain, 10_007), options))
    const opening = { keyFor: (id: string) => (id === v.keyId ? key : null), objectId: v.objectId }
    assert.deepEqual(await collect(seal.decryptBlob(pieces(container, 9_973), opening)), plain)
    const read = async (offset: number, length: number) => container.subarray(offset, offset + length)
    const blob = await seal.openBlob({ ...opening, read, sizeBytes: container.length })
    assert.equal(blob.plainBytes, plainBytes)
    for (const [offset, length] of ranges(plainBytes))
      assert.deepEqual(await blob.read(offset, length), plain.slice(offset, offset + length))
    await assert.rejects(blob.read(0, plainBytes + 1), RangeError)
  }
})
const ranges = (size: number): [number, number][] =>
  (
    [
      [0, size],
      [0, 1],
      [65_530, 10],
      [65_536, 1],
      [size - 1, 1],
      [1, size - 2],
    ] as [number, number][]
  ).filter(([offset, length]) => offset >= 0 && length >= 0 && offset + length <= size)

test('MFB1: cut, reordered, spliced, renamed and bit-flipped containers fail', async () => {
  const key = pattern(32)
  const make = (objectId: string) =>
    collect(seal.encryptBlob(pieces(pattern(150_000), 65_536), { keyId: 'k', key, objectId }))
  const [one, two] = [await make('a'), await make('a')]
  const refused = async (container: Uint8Array, what: string, objectId = 'a') =>
    assert.rejects(
      collect(seal.decryptBlob(pieces(container, 50_000), { keyFor: () => key, objectId })),
      tampered,
      what,
    )
  const head = 4 + 2 + 1 + 32
  const chunk = 65_536 + 16
  await refused(one, 'other object id', 'b')
  for (const cut of [0, 3, head, head + 100, head + chunk, head + 2 * chunk, one.length - 1])
    await refused(one.subarray(0, cut), `cut at ${cut}`)
  const [first, second] = [one.subarray(head, head + chunk), one.subarray(head + chunk, head + 2 * chunk)]
  await refused(
    concatBytes([one.subarray(0, head), second, first, one.subarray(head + 2 * chunk)]),
    'reordered',
  )
  await refused(concatBytes([one.subarray(0, head), two.subarray(head)]), 'spliced with another header')
  await refused(concatBytes([one.subarray(0, head + chunk), two.subarray(head + chunk)]), 'spliced chunks')
  await refused(concatBytes([one, one.subarray(head + 2 * chunk)]), 'last chunk twice')
  for (let bit = 0; bit < 8 * one.length; bit += 8 * 3_001 + 1) await refused(flip(one, bit), `bit ${bit}`)
})

test('MFL1: the vector is made and opened, every malformed frame is refused', async () => {
  const v = vectors('mfl1')
  const key = await seal.importLogKey(fromHex(v.key))
  const header = { ...v.header, attempt: formatId('attempt', fromHex(v.header.attemptBytes)) }
  delete header.attemptBytes
  const frame = await seal.sealFrame(key, header, utf8(v.compressed))
  assert.equal(toHex(frame), v.frame)
  assert.deepEqual(await seal.openFrame(key, frame), { header, compressed: utf8(v.compressed) })
  for (const bad of v.malformed) assert.equal(await seal.openFrame(key, fromHex(bad.frame)), null, bad.name)
  for (let bit = 0; bit < 8 * frame.length; bit++)
    assert.equal(await seal.openFrame(key, flip(frame, bit)), null, `bit ${bit}`)
  const otherKey = await seal.importLogKey(seal.generateLogKey())
  assert.equal(await seal.openFrame(otherKey, frame), null)
})

test('the envelopes open for the right party in the right context only', async () => {
  const project = formatId('project', pattern(16)) as ProjectId
  const attempt = formatId('attempt', pattern(16)) as AttemptId
  const other = formatId('attempt', pattern(17).subarray(1)) as AttemptId
  const [ingest, vsign] = [await seal.generateSealingKey(), await seal.generateSigningKey()]
  const vsignPublic = (await seal.importVerifyKey(vsign.publicKey))!
  const stranger = (await seal.importVerifyKey((await seal.generateSigningKey()).publicKey))!

  const logKey = seal.generateLogKey()
  const sealedKey = (await sealLogKey(ingest.publicKey, logKey, { project, attempt }))!
  assert.equal(sealedKey.length, 80)
  assert.deepEqual(await seal.openLogKey(ingest, sealedKey, { project, attempt }), logKey)
  assert.equal(await seal.openLogKey(ingest, sealedKey, { project, attempt: other }), null)

  const hook = formatId('hook', pattern(16)) as HookId
  const hookSecret = (await seal.sealHookSecret(ingest.publicKey, utf8('s'), hook))!
  assert.deepEqual(await seal.openHookSecret(ingest, hookSecret, hook), utf8('s'))

  const release = (await seal.prepareRelease(ingest.publicKey, { ticket: 't', vsign: vsign.privateKey }))!
  const answer = await release(utf8('p'))
  await assert.rejects(release(utf8('p')), TypeError, 'works once')
  assert.equal(await seal.prepareRelease(new Uint8Array(32), { ticket: 't', vsign: vsign.privateKey }), null)
  assert.deepEqual(await seal.openRelease(ingest, answer, { ticket: 't', vsign: vsignPublic }), utf8('p'))
  assert.equal(await seal.openRelease(ingest, answer, { ticket: 'T', vsign: vsignPublic }), null)
  assert.equal(await seal.openRelease(ingest, answer, { ticket: 't', vsign: stranger }), null)
  assert.equal(await seal.openRelease(ingest, answer.slice(0, 20), { ticket: 't', vsign: vsignPublic }), null)

  const signed = await seal.signIngestKey({ kid: 'ingest-1', pk: 'AA', exp: 100 }, vsign.privateKey)
  assert.deepEqual(
    await seal.verifyIngestKey(signed, { vsign: vsignPublic, nowSeconds: 99 }),
    Uint8Array.of(0),
  )
  assert.equal(await seal.verifyIngestKey(signed, { vsign: vsignPublic, nowSeconds: 100 }), null)
  assert.equal(
    await seal.verifyIngestKey({ ...signed, exp: 200 }, { vsign: vsignPublic, nowSeconds: 1 }),
    null,
  )
})
