// A signature for a step, by a key that never leaves (trust-model.md §4.1). Everything that a release asks for is asked for here, too:
// the server's ticket, the runner's signature over what it wants signed, what it has proven of the job, the policy of the secret; and what was signed is on
// the disk before the signature goes.

import { toBase64Url } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import {
  type PublicHalf,
  parseSignRequest,
  type Signature,
  type SignRequest,
} from '../../protocol/signing.ts'
import type { TicketClaims, VaultRequest } from '../../protocol/vault.ts'
import { signDigest } from '../keys/signing-key.ts'
import type { StepCounter } from '../policy/step-counter.ts'
import type { SecretRecord } from '../store/records.ts'
import { admittedBy, admittedFor } from './admitted.ts'
import { findOwner, ownerOf } from './owner.ts'
import { findProject } from './project.ts'
import { checkProven, parseJson } from './proven.ts'
import { authorise, type ReleaseDeps, recordUse } from './release.ts'
import { openSecrets } from './secret.ts'

type SignDeps = ReleaseDeps & { readonly signatures: StepCounter }

export const signForStep = async (deps: SignDeps, request: VaultRequest<'sign'>): Promise<Signature> => {
  const claims = await authorise(deps, request)
  const asked = readAsked(request.poll.body, claims)
  const found = findProject(deps.records, claims.project)
  if (found.org !== claims.org) throw fault('E_RUNNER_SCOPE')
  await checkProven(deps, { claims, project: found }, asked.evidence)
  const record = findKey(deps, claims, asked)
  const { attempt, runner, jti, exp, eph, project } = claims
  if (!deps.signatures.admit(attempt, asked.step))
    throw fault('E_FORBIDDEN', { public: 'This step has had all the signatures that one step may have' })
  const { secret, version } = record
  const { algorithm } = record.signing
  const facts = { verb: 'sign', jti, runner, attempt, project, secret, name: record.name }
  await Promise.all([
    deps.used.burn({ jti, exp, eph }),
    deps.audit({ ...facts, step: String(asked.step), algorithm, digest: asked.digest }),
    recordUse(deps, claims, [record]),
  ])
  const { open } = await openSecrets(deps, findOwner(deps.records, ownerOf(record)))
  const pem = await open(record)
  try {
    const signature = signDigest(pem, asked.digest, deps.randomBytes)
    return { secret, version, algorithm, signature: toBase64Url(signature) }
  } finally {
    pem.fill(0)
  }
}

/** What the runner wants signed, in the body it signed itself: nobody puts another digest into it. */
const readAsked = (body: string, claims: TicketClaims): SignRequest => {
  const parsed = parseSignRequest(parseJson(body))
  if (!parsed.ok) throw fault('E_INPUT', { public: 'The signed request asks for no signature' })
  if (parsed.value.attempt !== claims.attempt)
    throw fault('E_INPUT', { public: 'The runner asked for another attempt' })
  return parsed.value
}

type SigningRecord = SecretRecord & { readonly signing: PublicHalf }

/** The one that the attempt would have by this name, were it another kind. */
const findKey = (
  { records, clock }: SignDeps,
  claims: TicketClaims,
  { name, evidence }: SignRequest,
): SigningRecord => {
  const admitted = admittedBy(records, claims, Math.floor(clock.now() / 1000))
  const { signing } = admittedFor(admitted, evidence)
  const found = signing.find((record) => record.name === name)
  if (found?.signing === undefined)
    throw fault('E_FORBIDDEN', {
      public: `This job may not sign with ${name}: it is no secret of kind signing, or it is revoked, or its policy is for other refs or events`,
    })
  return { ...found, signing: found.signing }
}
