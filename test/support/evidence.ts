// What an honest runner says for a job, for tests that have no repository; and its question for the secrets that the job is owed.
import assert from 'node:assert/strict'
import { toBase64Url, utf8Decode } from '../../src/base/bytes.ts'
import { parseShape } from '../../src/base/shape.ts'
import { contextId } from '../../src/protocol/contexts.ts'
import type { Evidence } from '../../src/protocol/evidence.ts'
import { type SecretsPayload, secretsPayload } from '../../src/protocol/released.ts'
import { repositoryOf } from '../../src/protocol/repository.ts'
import type { LeaseGrant } from '../../src/protocol/runner-wire.ts'
import { type CryptoKey, generateSealingKey, openRelease } from '../../src/seal/index.ts'
import type { Held, ScriptedRunner } from './scripted-runner.ts'

type Of = { readonly repo: string; readonly ref: string; readonly commit: string; readonly spec: string }

export const evidenceOf = ({ repo, ref, commit, spec }: Of, changes: Partial<Evidence> = {}): Evidence => ({
  ...{ repo, ref, ref_tip: commit, commit, is_tip: true, tier: 'branch', spec_digest: spec },
  ...{ orbs: [], contexts: [] },
  ...changes,
})

/** Of the job of a lease. */
export const evidenceOfJob = ({ spec }: Pick<LeaseGrant, 'spec'>, changes?: Partial<Evidence>): Evidence => {
  if (spec.kind !== 'job') return assert.fail('not a job')
  const { ref, commit } = spec.run.event
  const of = { repo: repositoryOf(spec.source), ref, commit, spec: spec.specDigest }
  const contexts = spec.spec.contexts.map((name) => contextId(spec.organisation.id, name))
  return evidenceOf(of, { contexts, ...changes })
}

/** The server's answer, and what is in it. */
export const askSecrets = async (
  runner: Pick<ScriptedRunner, 'send'>,
  held: Held,
  { vsign, changes }: { readonly vsign: CryptoKey; readonly changes?: Partial<Evidence> },
) => {
  const eph = await generateSealingKey()
  const { attempt, lease } = held
  const evidence = evidenceOfJob(held, changes)
  const reply = await runner.send<{ code?: string; message?: string; ticket?: string; sealed?: string }>(
    `/runner/v1/leases/${lease}/secrets`,
    { v: 1, attempt, eph: [toBase64Url(eph.publicKey)], evidence },
  )
  const open = async (): Promise<SecretsPayload> => {
    assert.equal(reply.status, 200, JSON.stringify(reply.body))
    const { ticket = '', sealed = '' } = reply.body
    const bytes = await openRelease(eph, sealed, { ticket, vsign })
    const payload = parseShape(secretsPayload, bytes === null ? null : JSON.parse(utf8Decode(bytes)))
    return payload.ok ? payload.value : assert.fail(JSON.stringify(payload.problems))
  }
  return { reply, open }
}
