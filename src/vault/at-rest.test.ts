// The format of what lies on the vault's disk, opened with nothing but a root key and the primitives of Node: a store that was
// written by an earlier version must open for ever (trust-model.md §3.1, §4.1), and what it is bound to must not get lost.
import assert from 'node:assert/strict'
import { createDecipheriv, createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { signContext } from '../../test/support/signer.ts'
import { makeWorld, start } from '../../test/support/vault-world.ts'
import { defaultPolicy, policyInContext } from '../protocol/statement.ts'

/** Canonical JSON of what has no members that need escapes (RFC 8785). */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )

/** `mv1:<key id>:<base64(nonce ‖ ciphertext ‖ tag)>`, AES-256-GCM. */
const open = (
  text: string,
  of: { readonly id: string; readonly key: Uint8Array; readonly about: object },
) => {
  const [form, id, base64 = ''] = text.trim().split(':')
  assert.deepEqual([form, id], ['mv1', of.id])
  const bytes = Buffer.from(base64, 'base64')
  const cipher = createDecipheriv('aes-256-gcm', of.key, bytes.subarray(0, 12))
  cipher.setAAD(Buffer.from(canonical(of.about)))
  cipher.setAuthTag(bytes.subarray(-16))
  return Buffer.concat([cipher.update(bytes.subarray(12, -16)), cipher.final()])
}

const openStore = async ({ options }: Awaited<ReturnType<typeof makeWorld>>) => {
  const { dataDir, rootKeyPath, keyringPath, installation: install } = options
  const keyring = JSON.parse(await readFile(keyringPath, 'utf8'))
  const root = { id: 'root', key: await readFile(rootKeyPath) }
  const vmk = open(keyring.keys[0].wrapped, { ...root, about: { kind: 'vmk', v: 1, install } })
  const files = await readdir(dataDir, { recursive: true })
  const recordOf = async (id: string) => {
    const file = files.find((name) => name.endsWith(`/${id}.json`)) ?? assert.fail(id)
    return JSON.parse(await readFile(join(dataDir, file), 'utf8')).body
  }
  /** The value of this secret, whose owner's key is bound to `whose`. */
  const openValue = async (secret: string, whose: Readonly<Record<string, string>>, about: object) => {
    const { wrapped } = (await recordOf(whose.project ?? whose.context ?? '')).secrets
    const bound = { kind: 'dek', ...whose, purpose: 'secrets', v: 1, install }
    const key = open(wrapped, { id: 'vmk-1', key: vmk, about: bound })
    const stored = await readFile(join(dataDir, 'values', `${secret}.1`), 'utf8')
    return open(stored, { id: 'secrets-1', key, about }).toString()
  }
  return { openValue }
}

const digestOf = (policy: object) => createHash('sha256').update(canonical(policy)).digest('hex')

test('the value of a secret opens as what it was put as, and as nothing else', async () => {
  const world = await makeWorld()
  const { project, org, put, call, signer } = world
  const { secret } = await put('TOKEN', 'hunter2hunter2')
  const rules = { projects: [project], refs: ['refs/heads/main'] }
  const { context } = await call('context.put', {
    org,
    ...(await signContext(signer, { org, name: 'deploy', nowSeconds: start, rules })),
  })
  const inContext = await put('KEY', 'of the context', { owner: context, body: { policy: policyInContext } })
  const { openValue } = await openStore(world)

  const ofProject = { org, owner_id: project, name: 'TOKEN', kind: 'env', version: 1 }
  const about = { ...ofProject, policy_digest: digestOf(defaultPolicy('main')) }
  assert.equal(await openValue(secret, { org, project }, about), 'hunter2hunter2')
  for (const change of [{ name: 'OTHER' }, { kind: 'file' }, { version: 2 }, { scope: 'context' }])
    await assert.rejects(
      openValue(secret, { org, project }, { ...about, ...change }),
      /unable to authenticate/,
    )

  const ofContext = { org, owner_id: context, scope: 'context', name: 'KEY', kind: 'env', version: 1 }
  const bound = { ...ofContext, policy_digest: digestOf(policyInContext) }
  assert.equal(await openValue(inContext.secret, { org, context }, bound), 'of the context')
})
