// What says that a runner has got a lease: anything that came with it. Asked where a lease may have been lost with the
// answer to a poll, of the table `attempts`.
import { sql } from 'kysely'

export const untouched = sql`last_event = 0 and last_seq = 0 and beats = 0`
