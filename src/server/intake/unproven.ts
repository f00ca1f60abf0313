// Deliveries nobody could prove: shown to the project's people once a minute, so that a wrong secret is found, and no
// more often, so that a stranger cannot fill the database.
import { sql } from 'kysely'
import type { HookId } from '../../base/ids.ts'
import type { Database } from '../db/database.ts'
import { isLately } from '../db/lately.ts'
import type { NewId } from '../new-id.ts'

export const noteUnproven = async (
  { database: { db }, newId }: { readonly database: Database; readonly newId: NewId },
  hook: HookId,
): Promise<void> => {
  await sql`
    with noted as (
      insert into deliveries (id, organisation_id, project_id, verdict, reason)
      select ${newId('delivery')}, p.organisation_id, p.id, 'refused',
        'The signature is wrong: put the present secret into hooks/mayfly-secret, or rotate it'
      from projects p where p.hook_id = ${hook} and not exists (
        select 1 from deliveries d where d.project_id = p.id and d.verdict = 'refused' and d.ref is null
          and ${isLately(sql`d.received_at`, 60)})
      returning organisation_id, project_id, id
    )
    insert into audit (organisation_id, actor_kind, actor_id, action, target, project_id, result, code)
    select organisation_id, 'service', ${hook}, 'delivery.accept', id, project_id, 'denied', 'MF5011' from noted`.execute(
    db,
  )
}
