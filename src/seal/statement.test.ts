// Statements against values that another program computed (Python's hashlib and hmac), and what must not open.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toBase64Url, utf8 } from '../base/bytes.ts'
import { parseId } from '../base/ids.ts'
import { parseShape } from '../base/shape.ts'
import { type PutStatement, statement as statementShape } from '../protocol/statement.ts'
import {
  generateSealingKey,
  openSecret,
  sealSecret,
  signerId,
  signerMac,
  statementBytes,
  statementDigest,
  vaultMac,
} from './index.ts'

const iss = parseId('signer', `sgn_${'0'.repeat(26)}`)!
const statement: PutStatement = {
  ...{ v: 1, type: 'secret.put', sub: `prj_${'0'.repeat(26)}/secrets/TOKEN`, iss, iat: 1_790_000_000 },
  ...{ nonce: 'A'.repeat(22), prev: null },
  body: {
    kind: 'env',
    policy: { refs: ['refs/heads/main'], events: ['push', 'manual'], min_tier: 'branch' },
    ...{ expires_at: null, allow_unmaskable: false },
  },
}

test('a statement has the bytes and the digest that another program computes', async () => {
  const text = new TextDecoder().decode(statementBytes(statement))
  assert.equal(
    text,
    `mayfly-statement-v1\n{"body":{"allow_unmaskable":false,"expires_at":null,"kind":"env","policy":{"events":["push","manual"],"min_tier":"branch","refs":["refs/heads/main"]}},"iat":1790000000,"iss":"${iss}","nonce":"${'A'.repeat(22)}","prev":null,"sub":"${statement.sub}","type":"secret.put","v":1}`,
  )
  assert.equal(
    await statementDigest(statement),
    'de51d74e18627100b7222e501a8e532aa1af375bc1f7d3545c9a3a10080fc0cd',
  )
  assert.ok(parseShape(statementShape, JSON.parse(text.slice(text.indexOf('{')))).ok)
})

test('codes and ids of signers are what another program computes', async () => {
  const code = 'AAECAwQFBgcICQoLDA0ODw'
  const key = { kind: 'ed25519' as const, name: 'laptop', public_key: 'A'.repeat(43) }
  assert.equal(await signerMac(code, key), 'kp_eoQOl7w_gL5gInK1sb4mB_4lAD2q_ILXUqnAJtYM')
  const vault = { signer: iss, vsign: 'A'.repeat(43) }
  assert.equal(await vaultMac(code, vault), 'bCla6U9SsiOjv4gJjukg1cpg65Irrl0y1PESDLzS8v4')
  assert.equal(await signerId(new Uint8Array(32)), 'sgn_cpk7lbfocauner4fo65ot7se40')
})

test('a value opens under its own statement only, for its vault only', async () => {
  const [vault, other] = [await generateSealingKey(), await generateSealingKey()]
  const value = utf8('hunter2hunter2')
  const sealed = (await sealSecret({ kid: 'ingest-1', key: vault.publicKey }, value, statement))!
  assert.deepEqual(await openSecret(vault, sealed, statement), value)
  assert.equal(await openSecret(other, sealed, statement), null)
  const changes: readonly Partial<PutStatement>[] = [
    { sub: `prj_${'0'.repeat(26)}/secrets/OTHER` },
    { sub: `prj_${'0'.repeat(25)}1/secrets/TOKEN` },
    { prev: 'a'.repeat(64) },
    { iat: statement.iat + 1 },
    { body: { ...statement.body, expires_at: 1 } },
    { body: { ...statement.body, policy: { ...statement.body.policy, refs: ['refs/**'] } } },
  ]
  for (const change of changes)
    assert.equal(await openSecret(vault, sealed, { ...statement, ...change }), null, JSON.stringify(change))
  const cut = { ...sealed, ct: toBase64Url(utf8('')) }
  assert.equal(await openSecret(vault, cut, statement), null)
})
