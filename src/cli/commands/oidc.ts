// What a cloud must be told to trust the tokens of a project. Every condition is an exact match: a pattern that forgets a
// part lets in what nobody thought of.
import { fault } from '../../base/faults.ts'
import type { ProjectIdentity } from '../../protocol/api/identity-routes.ts'
import { connect } from '../api/connect.ts'
import { findProject } from '../api/find-run.ts'
import { inertText } from '../inert.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = { readonly project?: string; readonly branch?: string; readonly json?: boolean }

export const showIdentity = async (around: Surroundings, flags: Flags): Promise<number> => {
  const identity = await ask(around, flags)
  const { issuer, audience, ref, subject, subject_v2: withRef, key_ids: keys } = identity
  const lines = [
    ['issuer', issuer],
    ['audience', audience],
    ['CIRCLE_OIDC_TOKEN', subject],
    ['CIRCLE_OIDC_TOKEN_V2', withRef ?? `none: ${ref} could be taken for another subject`],
    ['keys', keys.join(' ')],
    ['served', identity.served_here ? `by the server itself: ${weak}` : 'elsewhere'],
  ]
  around.stdout.write(
    flags.json
      ? `${JSON.stringify(identity)}\n`
      : lines.map(([name = '', value]) => inertText`${name.padEnd(21)}${value ?? ''}\n`).join(''),
  )
  return 0
}

export const printPolicy = async (
  around: Surroundings,
  flags: Flags,
  cloud: keyof typeof policies,
): Promise<number> => {
  const { issuer, audience, ref, subject_v2: subject, served_here: isServedHere } = await ask(around, flags)
  if (subject === null)
    throw fault('E_INPUT', { public: `No token names ${ref}: it could be taken for another subject` })
  around.stdout.write(`${JSON.stringify(policies[cloud]({ issuer, audience, subject }), null, 2)}\n`)
  around.stderr.write(
    [
      `For CIRCLE_OIDC_TOKEN_V2 of runs on ${ref} that a push or a schedule began.`,
      `A run that a person starts has that person in its subject: it is another one.`,
      ...(isServedHere ? [`The server itself serves the issuer: ${weak}.`] : []),
      ...(new URL(issuer).protocol === 'https:' ? [] : ['No cloud reads an issuer without https.']),
    ].join('\n'),
  )
  around.stderr.write('\n')
  return 0
}

const weak = 'weak, for whoever breaks into it could be any job (oidc.base in mayfly.yml)'

type Trusted = { readonly issuer: string; readonly audience: string; readonly subject: string }

const policies = {
  /** The trust policy of a role; the provider has to be there already. */
  aws: ({ issuer, audience, subject }: Trusted) => {
    const provider = issuer.replace(/^https?:\/\//, '')
    return {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Federated: `arn:aws:iam::ACCOUNT_ID:oidc-provider/${provider}` },
          Action: 'sts:AssumeRoleWithWebIdentity',
          Condition: { StringEquals: { [`${provider}:aud`]: audience, [`${provider}:sub`]: subject } },
        },
      ],
    }
  },
  /** Google takes at most 127 bytes as its own subject: it gets the project, and the condition looks at ours.
   * Of a provider of a workload identity pool: `gcloud iam workload-identity-pools providers create-oidc`. */
  gcp: ({ issuer, audience, subject }: Trusted) => ({
    oidc: { issuerUri: issuer, allowedAudiences: [audience] },
    attributeMapping: { 'google.subject': 'assertion.project_id', 'attribute.sub': 'assertion.sub' },
    attributeCondition: `assertion.sub == ${JSON.stringify(subject)}`,
  }),
  /** A federated identity credential: `az identity federated-credential create` or `az ad app federated-credential create`. */
  azure: ({ issuer, audience, subject }: Trusted) => ({
    name: 'mayfly',
    issuer,
    subject,
    audiences: [audience],
  }),
} as const

const ask = async (around: Surroundings, { project, branch }: Flags): Promise<ProjectIdentity> => {
  const api = await connect(around)
  const name = project ?? (await findProject(around, api))
  if (name === undefined) throw fault('E_INPUT', { public: 'say which project: --project NAME' })
  const ref = branch === undefined ? undefined : branch.startsWith('refs/') ? branch : `refs/heads/${branch}`
  return api.call('projectIdentity', { params: { project: name }, query: { ref } })
}
