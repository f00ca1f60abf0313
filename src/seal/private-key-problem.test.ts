// What a person is told who puts something else than a signing key: before it is sealed, in words.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { utf8 } from '../base/bytes.ts'
import { privateKeyProblem } from './index.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pkcs8 = { format: 'pem', type: 'pkcs8' } as const
const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey

test('each algorithm is taken, with either line end', async () => {
  for (const { privateKey } of [
    rsa,
    generateKeyPairSync('ed25519'),
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  ]) {
    const pem = privateKey.export(pkcs8).toString()
    assert.equal(await privateKeyProblem(utf8(pem)), null)
    assert.equal(await privateKeyProblem(utf8(pem.replaceAll('\n', '\r\n'))), null)
  }
})

test('anything else is told apart', async () => {
  const good = rsa.privateKey.export(pkcs8).toString()
  const cases: readonly (readonly [string | Uint8Array, RegExp])[] = [
    ['', /no private key as PEM/],
    [Uint8Array.of(0xff, 0xfe), /no private key as PEM/],
    [`my key:\n${good}`, /holds that key only/],
    [good + good, /holds that key only/],
    [good.replace('MII', 'MIJ'), /cannot be used: a signing key is Ed25519/],
    [
      generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey.export(pkcs8).toString(),
      /cannot be used/,
    ],
    [small.export(pkcs8).toString(), /has 1024 bits/],
    [
      rsa.privateKey.export({ format: 'pem', type: 'pkcs1' }).toString(),
      /"RSA PRIVATE KEY", not PKCS #8: openssl/,
    ],
    [
      rsa.privateKey.export({ ...pkcs8, cipher: 'aes-256-cbc', passphrase: 'x' }).toString(),
      /has a passphrase/,
    ],
    [rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString(), /is a public key/],
  ]
  for (const [pem, words] of cases)
    assert.match((await privateKeyProblem(typeof pem === 'string' ? utf8(pem) : pem)) ?? 'taken', words)
})
