// Whom a member who is refused can ask: the owners by name. Told to members only: a token is in more hands than its owner's, and a stranger
// learns of nobody.
import { sql } from 'kysely'
import type { Actor } from './actor.ts'
import { limits } from './limits.ts'
import type { Executor } from './queries.ts'

export const whomToAsk = async (db: Executor, actor: Actor | null): Promise<readonly string[]> => {
  if (actor?.kind !== 'user' || actor.role === 'owner') return []
  const { rows } = await sql<{ name: string }>`
    select name from users
    where organisation_id = ${actor.scope.organisation} and role = 'owner' and disabled_at is null
    order by created_at, id limit ${limits.ownersNamed}`.execute(db)
  return rows.map(({ name }) => name)
}
