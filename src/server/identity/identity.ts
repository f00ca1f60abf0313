// Who jobs are to others (trust-model.md §5.4): the documents of an organisation's issuer, and what tokens of a project say.
// All of it is made by the vault; nothing of it is secret. While the vault is away, the documents it told last are served.
import { sql } from 'kysely'
import type { Clock } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import { idFromUuid, type OrganisationId } from '../../base/ids.ts'
import type { IssuerDocuments } from '../../protocol/identity.ts'
import type { Db } from '../db/database.ts'
import { limits } from '../limits.ts'
import { getProject } from '../projects/find-id.ts'
import type { Identity } from '../use-cases.ts'
import type { VaultClient } from '../vault-client.ts'

type Deps = {
  readonly database: { readonly db: Db }
  readonly vault: Pick<VaultClient, 'call'>
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly serverUrl: () => string
}

export const createIdentity = (deps: Deps): Identity => {
  const documents = createDocuments(deps)
  return {
    documents: async (uuid) => {
      const org = idFromUuid('organisation', uuid)
      if (org === null) throw fault('E_NOT_FOUND')
      return documents(org)
    },
    ofProject: async (scope, name, ref) => {
      const { id, defaultBranch } = await getProject(deps.database.db, scope, name)
      const of = { project: id, ref: ref ?? `refs/heads/${defaultBranch}` }
      const told = await deps.vault.call('oidc.project', of)
      return {
        ...{
          issuer: told.issuer,
          served_here: new URL(told.issuer).origin === new URL(deps.serverUrl()).origin,
        },
        ...{ audience: told.audience, project_uuid: told.project, ref: of.ref },
        ...{ subject: told.subject, subject_v2: told.subjectWithRef },
        key_ids: told.keys.map(({ kid }) => kid),
      }
    },
  }
}

const createDocuments = ({ database, vault, clock }: Deps) => {
  /** Of organisations that exist: as many as there are. */
  const told = new Map<OrganisationId, { readonly documents: IssuerDocuments; readonly atMs: number }>()
  return async (org: OrganisationId): Promise<IssuerDocuments> => {
    const last = told.get(org)
    if (last !== undefined && clock.monotonicMs() - last.atMs < limits.issuerMs) return last.documents
    if (last === undefined && !(await exists(database.db, org))) throw fault('E_NOT_FOUND')
    try {
      const documents = await vault.call('oidc.issuer', { org })
      told.set(org, { documents, atMs: clock.monotonicMs() })
      return documents
    } catch (error) {
      if (last === undefined) throw error
      return last.documents
    }
  }
}

const exists = async (db: Db, org: OrganisationId): Promise<boolean> => {
  const { rows } = await sql`select from organisations where id = ${org}`.execute(db)
  return rows.length > 0
}
