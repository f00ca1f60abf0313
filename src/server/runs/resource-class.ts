// The class a job is queued for. A word that is no size stands for itself: `acme/gpu` waits for a runner that offers
// exactly that. A size of the platform for another kind of machine (`arm.medium`) does so only where a runner offers it:
// else any runner takes the job, and says what it lacks.
import { sql } from 'kysely'
import { builtInClass, classOfSize, defaultClass, foreignNeed } from '../../protocol/resource-class.ts'
import type { Db } from '../db/database.ts'

/** By the word of a job; asks the tables only for sizes of other kinds of machines. */
export const findClasses = async (
  db: Db,
  words: readonly (string | null)[],
): Promise<(word: string | null) => string> => {
  const foreign = [...new Set(words.filter((word) => word !== null && foreignNeed(word) !== null))]
  const offered = foreign.length === 0 ? [] : await offeredOf(db, foreign.map(cut))
  return (word) => {
    if (word === null || word === builtInClass) return defaultClass
    if (foreign.includes(word) && !offered.includes(cut(word))) return defaultClass
    return classOfSize(word) ?? cut(word)
  }
}

const cut = (word: string | null): string => (word ?? '').slice(0, 128)

/** Also of a runner that is away for the moment. */
const offeredOf = async (db: Db, words: readonly string[]): Promise<readonly string[]> => {
  const { rows } = await sql<{ word: string }>`
    select word from unnest(${words}::text[]) as asked (word)
    where exists (select from runners where status = 'enrolled' and facts -> 'classes' ? word)`.execute(db)
  return rows.map(({ word }) => word)
}
