// The server's copy of which projects are admitted: what a job that names a context waits for is decided by it (of-jobs.ts), as by the
// copy of the rules. The vault decides again.
import { type QueryExecutorProvider, sql } from 'kysely'
import type { OrganisationId } from '../../base/ids.ts'
import type { Admissions } from '../../protocol/vault.ts'
import type { VaultClient } from '../vault-client.ts'

export const copyAdmissions = async (
  db: QueryExecutorProvider,
  organisation: OrganisationId,
  { projects }: Admissions,
): Promise<void> => {
  const admitted = projects.flatMap(({ project, state }) => (state === 'admitted' ? [project] : []))
  await sql`
    update projects set admitted = not admitted
    where organisation_id = ${organisation} and admitted <> (id = any(${admitted}::text[]))`.execute(db)
}

/** After a project's source or host keys changed. */
export const refreshAdmissions = async (
  { db, vault }: { readonly db: QueryExecutorProvider; readonly vault: VaultClient },
  organisation: OrganisationId,
): Promise<void> =>
  copyAdmissions(db, organisation, await vault.call('project.admissions', { org: organisation }))
