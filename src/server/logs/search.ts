// What somebody looks for in the logs of a job, the newest attempt first: lines of each, and what was not looked at. Every log is
// opened for this reader by the vault; the work is bounded in bytes, time and lines, and an answer says which bound it met.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { AttemptId, JobId } from '../../base/ids.ts'
import type { FoundLine } from '../../protocol/terminal/text-search.ts'
import type { Scope } from '../access/actor.ts'
import { inScope } from '../access/in-scope.ts'
import type { Db } from '../db/database.ts'
import { limits } from '../limits.ts'
import type { AttemptSearch, LogSearch, LogSearchAsked } from '../log-use-cases.ts'
import type { StepText } from './log-texts.ts'
import type { Searcher, SearchLog } from './searcher.ts'

type Deps = {
  readonly db: Db
  readonly searcher: Searcher
  /** The text of a log, as much of it as there is room for. */
  readonly texts: (
    attempt: AttemptId,
    bounds: { readonly bytesMax: number; readonly onLeftOut: () => void },
  ) => Promise<AsyncIterable<StepText>>
}

export const searchJob = async (
  deps: Deps,
  of: { readonly scope: Scope; readonly job: JobId },
  asked: LogSearchAsked,
): Promise<LogSearch> => {
  const found = await selectAttempts(deps.db, of, asked)
  const chosen = found.slice(0, limits.logSearch.attemptsMax)
  const { query, signal } = asked
  const searched = await deps.searcher(query, { signal }, (search) => searchEach(deps, chosen, search))
  const names = await stepNames(deps.db, searched.attempts)
  return {
    attempts: searched.attempts.map((one) => ({
      ...one,
      lines: one.lines.map((line) => ({ ...line, stepName: names.get(`${one.id} ${line.step}`) ?? '' })),
    })),
    stopped: searched.stopped ?? (found.length > chosen.length ? 'attempts' : null),
  }
}

type Attempt = Pick<AttemptSearch, 'id' | 'number' | 'status' | 'isExpired'>
type Searched = Attempt & {
  readonly count: number
  readonly isWhole: boolean
  readonly lines: readonly FoundLine[]
}

const searchEach = async (
  { texts }: Deps,
  attempts: readonly Attempt[],
  search: SearchLog,
): Promise<{ readonly attempts: readonly Searched[]; readonly stopped: LogSearch['stopped'] }> => {
  const done: Searched[] = []
  let left = limits.logSearch.bytesMax
  for (const attempt of attempts) {
    if (attempt.isExpired) {
      done.push({ ...attempt, count: 0, isWhole: false, lines: [] })
      continue
    }
    let isCut = false
    const onLeftOut = () => {
      isCut = true
    }
    const pieces = counted(await texts(attempt.id, { bytesMax: left, onLeftOut }), (bytes) => {
      left -= bytes
    })
    const { stopped, ...found } = await search(pieces)
    done.push({ ...attempt, ...found, isWhole: stopped === null && !isCut })
    if (stopped !== null) return { attempts: done, stopped }
    if (isCut) return { attempts: done, stopped: 'bytes' }
  }
  return { attempts: done, stopped: null }
}

const counted = async function* (
  texts: AsyncIterable<StepText>,
  tell: (bytes: number) => void,
): AsyncGenerator<StepText> {
  for await (const piece of texts) {
    tell(piece.text.length)
    yield piece
  }
}

const selectAttempts = async (
  db: Db,
  { scope, job }: { readonly scope: Scope; readonly job: JobId },
  { attempts, except }: LogSearchAsked,
): Promise<readonly Attempt[]> => {
  const { rows } = await sql<Attempt & { readonly id: AttemptId | null }>`
    select a.id, a.number, a.status, e.id is not null as "isExpired"
    from jobs j left join attempts a on a.job_id = j.id left join expired_objects e on e.id = a.id
    where j.id = ${job} and ${inScope(scope, 'j')} and j.run_id is not null
    order by a.number desc limit ${limits.logSearch.attemptsMax + 2}`.execute(db)
  if (rows.length === 0) throw fault('E_NOT_FOUND', { public: 'No such job' })
  const all = rows.filter(({ id, number }) => id !== null && number !== except)
  return attempts === 'all' ? all : all.slice(0, 1)
}

const stepNames = async (db: Db, attempts: readonly Searched[]): Promise<ReadonlyMap<string, string>> => {
  const found = attempts.filter(({ lines }) => lines.length > 0).map(({ id }) => id)
  if (found.length === 0) return new Map()
  const rows = await db
    .selectFrom('steps')
    .select(['attempt_id', 'index', 'name'])
    .where('attempt_id', 'in', found)
    .execute()
  return new Map(rows.map(({ attempt_id: id, index, name }) => [`${id} ${index}`, name]))
}
