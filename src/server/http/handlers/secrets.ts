// Routes about secrets, contexts and signers: thin calls of the use cases in server/secrets/ and server/contexts/.
import { fault } from '../../../base/faults.ts'
import type { SecretView } from '../../../protocol/secret-views.ts'
import type { Actor } from '../../access/actor.ts'
import type { Admissions, Contexts, Paging, Secrets, SecretsOf, TwoPerson } from '../../use-cases.ts'
import type { Handlers } from '../binder.ts'
import { pageOf } from '../paging.ts'

type ContextRoutes = Extract<keyof Handlers, `context${string}`>
export type SecretRoutes =
  | ContextRoutes
  | 'vaultKey'
  | 'secrets'
  | 'secretsOfAll'
  | 'secret'
  | 'secretPut'
  | 'secretRevoke'
  | 'secretSet'
  | 'secretReach'
  | 'secretSignatures'
  | 'signers'
  | 'signerEnroll'
  | 'signerRemove'
  | 'secretRules'
  | 'secretRulesSet'
  | 'admissions'
  | 'admissionsSet'
  | 'proposals'
  | 'proposalSign'
  | 'proposalWithdraw'

export const secretHandlers = ({
  secrets,
  contexts,
  admissions,
  twoPerson,
}: {
  readonly secrets: Secrets
  readonly contexts: Contexts
  readonly admissions: Admissions
  readonly twoPerson: TwoPerson
}): Pick<Handlers, SecretRoutes> => ({
  vaultKey: () => secrets.key(),
  secrets: ({ actor, params, query }) => listed(secrets, actor, params, query),
  secretsOfAll: async ({ actor, query }) =>
    pageOf((await secrets.all(actor, query.view)).items, query, ({ project, context, name }) =>
      [context === null ? 'p' : 'c', context ?? project, name].join('/'),
    ),
  secret: ({ actor, params }) => one(secrets, actor, params),
  secretPut: ({ actor, params, body }) => secrets.put(actor, params, body),
  secretRevoke: ({ actor, params, body }) => secrets.revoke(actor, params, params.name, body),
  secretSet: ({ actor, params, body }) => secrets.set(actor, params, params.name, body),
  secretReach: ({ actor, params }) => secrets.reach(actor, params, params.name),
  secretSignatures: ({ actor, params, query }) => secrets.signatures(actor, params, params.name, query),
  signers: async ({ actor, query }) =>
    pageOf((await secrets.signers(actor.scope)).items, query, ({ id }) => id),
  signerEnroll: ({ actor, body }) => secrets.enroll(actor, body),
  signerRemove: async ({ actor, params, body }) => {
    await secrets.removeSigner(actor, params.signer, body)
    return {}
  },
  ...contextHandlers({ secrets, contexts }),
  admissions: ({ actor }) => admissions.list(actor.scope),
  admissionsSet: ({ actor, body }) => admissions.set(actor, body),
  secretRules: ({ actor }) => twoPerson.rules(actor.scope),
  secretRulesSet: ({ actor, body }) => twoPerson.setRules(actor, body),
  proposals: async ({ actor, query }) =>
    pageOf((await twoPerson.list(actor.scope)).items, query, ({ id }) => id),
  proposalSign: async ({ actor, params, body }) => {
    await twoPerson.sign(actor, params.proposal, body)
    return {}
  },
  proposalWithdraw: async ({ actor, params }) => {
    await twoPerson.withdraw(actor, params.proposal)
    return {}
  },
})

const contextHandlers = ({
  secrets,
  contexts,
}: {
  readonly secrets: Secrets
  readonly contexts: Contexts
}): Pick<Handlers, ContextRoutes> => ({
  contexts: async ({ actor, query }) =>
    pageOf((await contexts.list(actor.scope)).items, query, ({ id }) => id),
  contextCreate: ({ actor, body }) => contexts.create(actor, body),
  context: ({ actor, params }) => contexts.find(actor.scope, params.context),
  contextSet: ({ actor, params, body, expect }) => contexts.set(actor, params.context, body, expect),
  contextDelete: ({ actor, params, body }) => contexts.remove(actor, params.context, body),
  contextSecrets: ({ actor, params, query }) => listed(secrets, actor, params, query),
  contextSecret: ({ actor, params }) => one(secrets, actor, params),
  contextSecretPut: ({ actor, params, body }) => secrets.put(actor, params, body),
  contextSecretRevoke: ({ actor, params, body }) => secrets.revoke(actor, params, params.name, body),
  contextSecretSet: ({ actor, params, body }) => secrets.set(actor, params, params.name, body),
  contextSecretReach: ({ actor, params }) => secrets.reach(actor, params, params.name),
  contextSecretSignatures: ({ actor, params, query }) =>
    secrets.signatures(actor, params, params.name, query),
})

const listed = async (
  secrets: Secrets,
  actor: Actor,
  of: SecretsOf,
  query: Paging & { readonly view?: SecretView | undefined },
) => pageOf((await secrets.list(actor, of, query.view)).items, query, ({ name }) => name)

const one = async (secrets: Secrets, actor: Actor, of: SecretsOf & { readonly name: string }) => {
  const found = await secrets.find(actor, of, of.name)
  if (found === null) throw fault('E_NOT_FOUND', { public: 'There is no such secret' })
  return found
}
