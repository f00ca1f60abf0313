// Signatures over digests, checked by the real openssl and by the examples of RFC 6979; and what is no signing key.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, generateKeyPairSync, type KeyObject, verify } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { SigningAlgorithm } from '../../protocol/signing.ts'
import { randomBytes } from '../../sys/index.ts'
import { curves, signEcdsa } from './ecdsa.ts'
import { publicHalfOf, signDigest } from './signing-key.ts'

const directory = mkdtempSync(join(tmpdir(), 'mayfly-signing-'))
after(() => rmSync(directory, { recursive: true, force: true }))

const pairs: Readonly<Record<SigningAlgorithm, { privateKey: KeyObject; publicKey: KeyObject }>> = {
  ed25519: generateKeyPairSync('ed25519'),
  'ecdsa-p256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'ecdsa-p384': generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
}
const pemOf = (key: KeyObject): Buffer => Buffer.from(key.export({ format: 'pem', type: 'pkcs8' }))
const file = (name: string, content: Uint8Array | string): string => {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}
const openssl = (...args: readonly string[]): string =>
  execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' })

for (const [algorithm, { privateKey }] of Object.entries(pairs))
  for (const hash of ['sha256', 'sha384', 'sha512'] as const)
    test(`openssl takes a signature of ${algorithm} over ${hash}, with the public half that is shown`, () => {
      const content = randomBytes(1000)
      const digest = createHash(hash).update(content).digest()
      const signed = signDigest(pemOf(privateKey), `${hash}:${digest.toString('hex')}`, randomBytes)
      const half = publicHalfOf(pemOf(privateKey)) ?? assert.fail()
      assert.equal(half.algorithm, algorithm)
      const [key, signature, data] = [
        file('key.pub', half.publicKey),
        file('signature', signed),
        file('data', content),
      ]
      if (algorithm === 'ed25519') {
        const about = file('digest', digest)
        const pkeyutl = ['pkeyutl', '-verify', '-pubin', '-inkey', key, '-rawin', '-sigfile', signature]
        assert.match(openssl(...pkeyutl, '-in', about), /Successfully/)
        assert.throws(() => openssl(...pkeyutl, '-in', data))
        return
      }
      const dgst = ['dgst', `-${hash}`, '-verify', key, '-signature', signature]
      assert.match(openssl(...dgst, data), /Verified OK/)
      assert.throws(() => openssl(...dgst, file('other', 'something else')))
    })

test('the fingerprint is that of the key as DER', () => {
  const half = publicHalfOf(pemOf(pairs.rsa.privateKey)) ?? assert.fail()
  const der = execFileSync('openssl', [
    'pkey',
    '-pubin',
    '-in',
    file('key.pub', half.publicKey),
    '-outform',
    'DER',
  ])
  assert.equal(
    half.fingerprint,
    `SHA256:${createHash('sha256').update(der).digest('base64').replace('=', '')}`,
  )
})

test('without randomness beside the digest, ECDSA gives what RFC 6979 prints (A.2.5, A.2.6)', () => {
  const of256 = 'C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721'
  const of384 =
    '6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5'
  const examples = [
    ['ecdsa-p256', of256, 'sample', 'EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716'],
    ['ecdsa-p256', of256, 'sample', 'F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8'],
    ['ecdsa-p256', of256, 'test', 'F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367'],
    [
      ...(['ecdsa-p384', of384, 'sample'] as const),
      '94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46',
    ],
  ] as const
  for (const [algorithm, key, message, part] of examples) {
    const curve = curves[algorithm]
    const digest = createHash(curve.hash).update(message).digest()
    const secret = Buffer.from(key, 'hex')
    const signed = signEcdsa({ curve, secret, digest, randomBytes, entropy: new Uint8Array(0) })
    assert.ok(Buffer.from(signed).toString('hex').toUpperCase().includes(part), message)
  }
})

test('with it, no two signatures are alike and all of them hold, whatever the lengths of their numbers', () => {
  const digest = createHash('sha256').update('the same').digest()
  for (const algorithm of ['ecdsa-p256', 'ecdsa-p384'] as const) {
    const { privateKey, publicKey } = pairs[algorithm]
    const seen = new Set<string>()
    const lengths = new Set<number>()
    for (let round = 0; round < 300; round++) {
      const signed = signDigest(pemOf(privateKey), `sha256:${digest.toString('hex')}`, randomBytes)
      assert.ok(verify('sha256', Buffer.from('the same'), publicKey, signed))
      seen.add(Buffer.from(signed).toString('hex'))
      lengths.add(signed.length)
    }
    assert.equal(seen.size, 300)
    assert.ok(lengths.size > 1)
  }
})

test('what is no PKCS #8 key of these algorithms, or too weak, is none', () => {
  const good = pemOf(pairs.ed25519.privateKey)
  const bad: Readonly<Record<string, Uint8Array | string>> = {
    empty: '',
    words: 'a secret',
    cut: good.subarray(0, 60),
    der: pairs.rsa.privateKey.export({ format: 'der', type: 'pkcs8' }),
    'with words before it': Buffer.concat([Buffer.from('a key:\n'), good]),
    'the old form': pairs.rsa.privateKey.export({ format: 'pem', type: 'pkcs1' }),
    'another old form': pairs['ecdsa-p256'].privateKey.export({ format: 'pem', type: 'sec1' }),
    'a public half': pairs.rsa.publicKey.export({ format: 'pem', type: 'spki' }),
    'a passphrase': pairs.rsa.privateKey.export({
      ...({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' } as const),
    }),
    'too few bits': pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey),
    'another curve': pemOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey),
    'no signatures': pemOf(generateKeyPairSync('x25519').privateKey),
  }
  for (const [why, pem] of Object.entries(bad)) assert.equal(publicHalfOf(Buffer.from(pem)), null, why)
})
