// Who put secrets, and whether they are still members: the vault knows keys, the tables know people.
import { sql } from 'kysely'
import type { SecretId } from '../../base/ids.ts'
import type { Db } from '../db/database.ts'
import { actorIn } from '../runs/actor-name.ts'

export type PutBy = {
  readonly created: string | null
  /** Of the value that it has. */
  readonly put: string | null
  readonly hasLeft: boolean
}

export const putBy = async (db: Db, secrets: readonly SecretId[]): Promise<ReadonlyMap<SecretId, PutBy>> => {
  const { rows } = await sql<PutBy & { readonly id: SecretId }>`
    select s.id, ${actorIn(sql`s.created_by`)}->>'name' as created, ${actorIn(sql`s.put_by`)}->>'name' as put,
      s.put_by is not null and s.put_by <> 'operator' and not exists (
        -- A token of nobody is the installation's own, and stays known as long as it is.
        select from api_tokens t where t.id = s.put_by and t.user_id is null)
      and not exists (
        select from users u where u.disabled_at is null
          and u.id = coalesce((select t.user_id from api_tokens t where t.id = s.put_by), s.put_by)) as "hasLeft"
    from secrets s where s.id = any(${secrets}::text[])`.execute(db)
  return new Map(rows.map(({ id, ...by }) => [id, by]))
}
