// What a job lease becomes before anything of it runs: here, when the vault refused a context.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jobGrant, openCarryOut } from '../../test/support/job-lease.ts'
import { noServer } from '../../test/support/stores.ts'
import { utf8 } from '../base/bytes.ts'
import { contextId } from '../protocol/contexts.ts'
import type { JobPayload } from '../protocol/vault.ts'
import type { Driver } from '../sandbox/index.ts'
import { generateSigningKey, importVerifyKey, prepareRelease } from '../seal/index.ts'
import { createEphemeralKey, systemClock } from '../sys/index.ts'

/** Whatever is asked of it, the test fails. */
const noDriver = new Proxy({} as Driver, {
  get: (_, member) => assert.fail(`nothing of the job may begin: ${String(member)}`),
})

test('a job whose context the vault refused ends unauthorized, by the name it has in the configuration', async () => {
  const [vault, eph] = [await generateSigningKey(), createEphemeralKey()]
  const vsign = (await importVerifyKey(vault.publicKey))!
  const grant = jobGrant('echo never')
  assert.ok(grant.spec.kind === 'job')
  const lease = { ...grant.spec, spec: { ...grant.spec.spec, contexts: ['open', 'deploy'] } }
  const refused = { context: contextId(lease.organisation.id, 'deploy'), rule: 'ref' } as const
  const payload: JobPayload = { agent: null, refused }
  const seal = await prepareRelease(eph.publicKey, { ticket: 'a.b.c', vsign: vault.privateKey })
  const sealed = await seal!(utf8(JSON.stringify(payload)))
  const { carryOut, close } = openCarryOut(noDriver, { vaultSignKey: vsign })
  const done = await carryOut(
    { ...grant, spec: lease, ticket: 'a.b.c', sealed },
    eph,
    { output: () => assert.fail('no output'), event: () => assert.fail('no event') },
    AbortSignal.timeout(10_000),
    noServer(systemClock, vsign),
  )
  close()
  assert.deepEqual(
    [done.outcome, done.reason?.code, done.destroyed],
    ['skipped:policy', 'E_CONTEXT_REFUSED', true],
  )
  assert.match(done.reason?.message ?? '', /^The context "deploy" is not for this branch or tag\./)
})
