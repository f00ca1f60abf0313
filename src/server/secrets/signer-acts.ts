// Who enrolled and who removed signers: the vault knows keys, the audit log knows people.
import { sql } from 'kysely'
import type { Scope } from '../access/actor.ts'
import type { Db } from '../db/database.ts'
import { actorIn } from '../runs/actor-name.ts'

type SignerActs = {
  readonly added_by: string | null
  readonly removed: { readonly at: string; readonly by: string } | null
}

/** By signer. Those enrolled before the log named them are not in here. */
export const signerActs = async (
  db: Db,
  { organisation }: Scope,
): Promise<ReadonlyMap<string, SignerActs>> => {
  const by = (action: string) => sql`(array_agg(${actorIn(sql`actor_id`)}->>'name' order by id)
    filter (where action = ${action}))[1]`
  const { rows } = await sql<{
    signer: string
    added_by: string | null
    removed_by: string | null
    removed_at: Date | null
  }>`
    select target as signer, ${by('signer.enroll')} as added_by, ${by('signer.remove')} as removed_by,
      min(at) filter (where action = 'signer.remove') as removed_at
    from audit
    where organisation_id = ${organisation} and action in ('signer.enroll', 'signer.remove') and result = 'ok'
    group by target`.execute(db)
  return new Map(
    rows.map(({ signer, added_by, removed_by, removed_at }) => {
      const removed =
        removed_by === null || removed_at === null ? null : { at: removed_at.toISOString(), by: removed_by }
      return [signer, { added_by, removed }]
    }),
  )
}
