// Routes about secrets and signers: thin calls of the use case in server/secrets/.
import { fault } from '../../../base/faults.ts'
import type { Secrets } from '../../use-cases.ts'
import type { Handlers } from '../binder.ts'
import { pageOf } from '../paging.ts'

export type SecretRoutes =
  | 'vaultKey'
  | 'secrets'
  | 'secret'
  | 'secretPut'
  | 'secretRevoke'
  | 'signers'
  | 'signerEnroll'
  | 'signerRemove'

export const secretHandlers = ({ secrets }: { readonly secrets: Secrets }): Pick<Handlers, SecretRoutes> => ({
  vaultKey: () => secrets.key(),
  secrets: async ({ actor, params, query }) =>
    pageOf((await secrets.list(actor, params.project)).items, query, ({ name }) => name),
  secret: async ({ actor, params }) => {
    const found = await secrets.find(actor, params.project, params.name)
    if (found === null) throw fault('E_NOT_FOUND', { public: 'There is no such secret' })
    return found
  },
  secretPut: ({ actor, params, body }) => secrets.put(actor, params.project, body),
  secretRevoke: ({ actor, params, body }) => secrets.revoke(actor, params.project, params.name, body),
  signers: async ({ query }) => pageOf((await secrets.signers()).items, query, ({ id }) => id),
  signerEnroll: ({ actor, body }) => secrets.enroll(actor, body),
  signerRemove: async ({ actor, params, body }) => {
    await secrets.removeSigner(actor, params.signer, body)
    return {}
  },
})
