// Who becomes a signer, and how many there may be: those that were removed are known for ever, and take nobody's place.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeSigner } from '../../../test/support/signer.ts'
import { newId } from '../../../test/support/vault-world.ts'
import { isFault } from '../../base/faults.ts'
import { canonicalJson, generateSealingKey, generateSigningKey, signerMac } from '../../seal/index.ts'
import { createOpeningKey, randomBytes, systemClock } from '../../sys/index.ts'
import { signersMax } from '../limits.ts'
import { openRecords, type SignerRecord } from '../store/records.ts'
import { createSigners } from './signer.ts'

/** Of a vault that knows these many already, as they lie on its disk. */
const signersBeside = async (t: TestContext, many: number, state: SignerRecord['state']) => {
  const root = await mkdtemp(join(tmpdir(), 'mayfly-signers-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  await mkdir(join(root, 'signer'))
  const macKey = randomBytes(32)
  const key = { kind: 'ed25519' as const, name: 'a laptop', public_key: 'A'.repeat(43) }
  for (let i = 0; i < many; i++) {
    const id = newId('signer')
    const body: SignerRecord = { signer: id, key, addedAt: 1, state, head: null }
    const signed = canonicalJson({ v: 1, kind: 'signer', id, body })
    const mac = createHmac('sha256', macKey).update(signed).digest('hex')
    await writeFile(join(root, 'signer', `${id}.json`), JSON.stringify({ body, mac }))
  }
  const [pair, { pkcs8 }] = [await generateSigningKey(), await generateSealingKey()]
  const ingest = createOpeningKey(pkcs8)
  assert.ok(ingest)
  return createSigners({
    ...{ records: await openRecords({ root, macKey }), keys: { ingest, vsign: pair, log: pair } },
    ...{ clock: systemClock, randomBytes },
  })
}

const enrol = async (signers: Awaited<ReturnType<typeof signersBeside>>) => {
  const { record: key } = await makeSigner()
  return signers.enroll({ key, mac: await signerMac(signers.makeCode().code, key) })
}

test('whoever comes after a thousand keys that were removed is enrolled', async (t) => {
  const signers = await signersBeside(t, signersMax, 'removed')
  const { signer } = await enrol(signers)
  const active = signers.list().signers.filter(({ state }) => state === 'active')
  assert.deepEqual(
    active.map((one) => one.signer),
    [signer],
  )
})

test('a thousand that count are enough: what to do is said', async (t) => {
  const signers = await signersBeside(t, signersMax, 'active')
  await assert.rejects(
    enrol(signers),
    (error) => isFault(error, 'E_TOO_LARGE') && /remove one/.test(error.public),
  )
})

test('of two keys that come with one code at once, one is enrolled', async (t) => {
  const signers = await signersBeside(t, 0, 'active')
  const { code } = signers.makeCode()
  const enrolled = ['mine', "a listener's"].map(async (name) => {
    const { record: key } = await makeSigner(name)
    return signers.enroll({ key, mac: await signerMac(code, key) })
  })
  const results = await Promise.allSettled(enrolled)
  assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  assert.equal(signers.list().signers.length, 1)
})
