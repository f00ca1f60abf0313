// Who did something, for people: an id becomes `{id, name}`. What is no longer there keeps its id as its name.
import { type RawBuilder, sql } from 'kysely'

/** null where the column is empty. */
export const actorIn = (column: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  case when ${column} is not null then json_build_object('id', ${column}, 'name', coalesce(
    (select name from users where id = ${column}), (select name from api_tokens where id = ${column}), ${column})) end`
