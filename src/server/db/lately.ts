// What the tables say of a time that has just passed. A clock that was ahead and came back left times that are still to come: they
// are not lately, or a runner that is gone would be online, and a limit of tries full, until they have come.
import { type RawBuilder, sql } from 'kysely'

/** Within the last so many seconds. As long ahead of this transaction counts, too: others may have begun after it. */
export const isLately = (at: RawBuilder<unknown>, seconds: number): RawBuilder<unknown> => sql`
  (${at} between now() - make_interval(secs => ${sql.lit(seconds)}) and now() + make_interval(secs => ${sql.lit(seconds)}))`
