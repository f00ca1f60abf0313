// Tokens by which a job proves to others who it is (trust-model.md §5.4), and the documents by which they check one. What a
// token says comes from the ticket, from what the vault has pinned of the project, and from the request that the runner
// itself signed: on the way nobody adds an audience, and the issuer is a setting of our own.

import type { Clock, RandomBytes } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import { uuidOf } from '../../base/ids.ts'
import {
  type IdentityPayload,
  type IdentityRequest,
  type IssuerDocuments,
  identityLifeSeconds,
  issuerPath,
  jwksPath,
  type ProjectIdentity,
  parseIdentityRequest,
} from '../../protocol/identity.ts'
import type { TicketClaims, VaultAnswer, VaultRequest } from '../../protocol/vault.ts'
import type { IdentityKeys } from '../keys/identity-keys.ts'
import type { StepCounter } from '../policy/step-counter.ts'
import { circleciSubjects, originOf } from '../policy/subject.ts'
import type { ProjectRecord, Records } from '../store/records.ts'
import { admittedBy } from './admitted.ts'
import { findProject } from './project.ts'
import { checkProven, type ProvenDeps, parseJson } from './proven.ts'

export type IdentityDeps = {
  readonly identityKeys: IdentityKeys
  readonly stepCounter: StepCounter
  /** `https://host`: what the issuers of this installation begin with. */
  readonly oidcBase: string
  readonly records: Records
  readonly clock: Clock
  readonly randomBytes: RandomBytes
}

/** What the runner asked for, in the body it signed. Code of strangers is nobody, and so is what no run knows of. */
export const checkIdentity = async (
  deps: ProvenDeps,
  { claims, project }: { readonly claims: TicketClaims; readonly project: ProjectRecord },
  body: string,
): Promise<IdentityRequest> => {
  const parsed = parseIdentityRequest(parseJson(body))
  if (!parsed.ok) throw fault('E_INPUT', { public: 'The signed request asks for no identity token' })
  if (parsed.value.attempt !== claims.attempt)
    throw fault('E_INPUT', { public: 'The runner asked for another attempt' })
  const isKnown = claims.run !== undefined && claims.job !== undefined && claims.ref !== undefined
  if (claims.purpose !== 'job' || claims.tier === 'fork' || !isKnown)
    throw fault('E_FORBIDDEN', { public: 'This attempt has no identity to prove' })
  await checkProven(deps, { claims, project }, parsed.value.evidence)
  if (admittedBy(deps.records, claims, Math.floor(deps.clock.now() / 1000)).refused !== undefined)
    throw fault('E_FORBIDDEN', { public: 'A context does not admit this attempt' })
  if (!deps.stepCounter.admit(claims.attempt, parsed.value.step))
    throw fault('E_FORBIDDEN', { public: 'This step was given its tokens' })
  return parsed.value
}

export const mintTokens = async (
  deps: IdentityDeps,
  { claims, project, asked }: { claims: TicketClaims; project: ProjectRecord; asked: IdentityRequest },
): Promise<IdentityPayload> => {
  const { first, second } = circleciSubjects(claims, project.source)
  const iat = Math.floor(deps.clock.now() / 1000)
  const exp = iat + identityLifeSeconds
  const facts = factsOf(claims, project, asked)
  const tokenOf = (sub: string, audience: string | null) =>
    deps.identityKeys.sign({
      ...{ iss: issuerOf(deps, claims.org), sub, aud: audience ?? uuidOf(claims.org), iat, nbf: iat, exp },
      jti: Buffer.from(deps.randomBytes(16)).toString('base64url'),
      ...facts,
    })
  const wanted = [...new Set(asked.audiences)].flatMap((audience) => [
    // Only the variables have an older form; a token that is asked for names its ref.
    ...(audience === null ? [{ audience, profile: 'circleci-1' as const, sub: first }] : []),
    ...(second === null ? [] : [{ audience, profile: 'circleci-2' as const, sub: second }]),
  ])
  const tokens = await Promise.all(
    wanted.map(async ({ sub, ...each }) => ({ ...each, token: await tokenOf(sub, each.audience) })),
  )
  return { exp, tokens, ...(second === null ? { left: ambiguous } : {}) }
}

const ambiguous =
  'the name of the ref or of the repository has "org", "project", "user", "vcs-origin" or "vcs-ref" as a part: a token that names it could be taken for another one (E_SUB_AMBIGUOUS)'

/** Of every token of the attempt; what nobody here knows is not claimed. */
const factsOf = (claims: TicketClaims, project: ProjectRecord, { step }: IdentityRequest) => {
  const { org, project: id, run, job, attempt, runner, ref = '', commit, event, tier, contexts = [] } = claims
  const origin = originOf(project.source)
  const uuid = (name: string, of: string | undefined) =>
    of === undefined ? {} : { [`oidc.circleci.com/${name}`]: uuidOf(of) }
  return {
    ...{
      org_id: org,
      project_id: id,
      repository: origin,
      ref,
      ref_type: refType(ref),
      sha: commit,
      event,
      tier,
    },
    ...{ run_id: run, job_id: job, attempt_id: attempt, step, runner_id: runner },
    ...{ runner_environment: 'self-hosted', spec_digest: claims.spec_digest, actor_id: claims.actor },
    ...{ ...uuid('org-id', org), ...uuid('project-id', id), ...uuid('pipeline-id', run) },
    ...{ ...uuid('workflow-id', claims.workflow), ...uuid('job-id', job) },
    ...{ 'oidc.circleci.com/vcs-origin': origin, 'oidc.circleci.com/vcs-ref': ref },
    // Each admits the attempt, or there was no token.
    ...(contexts.length === 0 ? {} : { 'oidc.circleci.com/context-ids': contexts.map(uuidOf) }),
    'oidc.circleci.com/ssh-rerun': false,
  }
}

const refType = (ref: string): string =>
  ref.startsWith('refs/heads/') ? 'branch' : ref.startsWith('refs/tags/') ? 'tag' : 'other'

const issuerOf = ({ oidcBase }: Pick<IdentityDeps, 'oidcBase'>, org: string): string =>
  `${oidcBase}${issuerPath(uuidOf(org))}`

export const tellIssuer = async (
  deps: IdentityDeps,
  { org }: VaultRequest<'oidc.issuer'>,
): Promise<IssuerDocuments> => {
  const issuer = issuerOf(deps, org)
  const keys = await deps.identityKeys.published()
  const configuration = {
    ...{ issuer, jwks_uri: `${issuer}${jwksPath}` },
    ...{ response_types_supported: ['id_token'], subject_types_supported: ['public'] },
    ...{ id_token_signing_alg_values_supported: ['RS256'], scopes_supported: ['openid'] },
    claims_supported: ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti'],
  }
  return { issuer, configuration: text(configuration), jwks: text({ keys }) }
}

export const tellProject = async (
  deps: IdentityDeps,
  { project: id, ref }: VaultRequest<'oidc.project'>,
): Promise<ProjectIdentity> => {
  const { org, project, source } = findProject(deps.records, id)
  const { first, second } = circleciSubjects({ org, project, ref }, source)
  return {
    ...{ issuer: issuerOf(deps, org), audience: uuidOf(org), project: uuidOf(project) },
    ...{ subject: first, subjectWithRef: second, keys: [...(await deps.identityKeys.published())] },
  }
}

/** Of every organisation that has a project here. */
export const listIssuers = async (deps: IdentityDeps): Promise<VaultAnswer<'oidc.issuers'>> => {
  const orgs = [...new Set(deps.records.list('project').map(({ org }) => org))].sort()
  return {
    issuers: await Promise.all(
      orgs.map(async (org) => ({
        path: issuerPath(uuidOf(org)),
        documents: await tellIssuer(deps, { org }),
      })),
    ),
  }
}

const text = (value: object): string => `${JSON.stringify(value, null, 2)}\n`
