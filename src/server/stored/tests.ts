// Results of tests for people: how many of each outcome, by job, and one after another, those that failed first. Of several
// objects (a job may store more than once) each gives its failed ones before any gives its skipped ones.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { JobId, RunId } from '../../base/ids.ts'
import type { TestResult, TestSummary } from '../../protocol/api/tests.ts'
import { readTestLine, type TestCase, type TestOutcome, testOutcomes } from '../../protocol/test-results.ts'
import type { Scope } from '../access/actor.ts'
import { inScope } from '../access/in-scope.ts'
import type { Db } from '../db/database.ts'
import type { LogReader } from '../log-use-cases.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { Tests, TestsAsked } from '../use-cases.ts'
import type { VaultClient } from '../vault-client.ts'
import { listExpired } from './expired.ts'
import { openPart, type StoredPart } from './open-part.ts'

type Deps = {
  readonly database: { readonly db: Db }
  readonly vault: VaultClient
  readonly objects: ObjectStore
}

export const createTests = (deps: Deps): Tests => ({
  listRun: async (scope, run, { limit, cursor }) => {
    const after = cursor === undefined ? 0 : numberOf(cursor)
    const found = await readSummaries(deps.database.db, scope, run, { limit: limit + 1, after })
    const page = found.slice(0, limit)
    const last = found.length > limit ? page.at(-1) : undefined
    return {
      items: page.map((row) => summaryOf([row], row)),
      next_cursor: last === undefined ? null : String(last.number),
    }
  },
  expired: (scope, run) => listExpired(deps.database.db, scope, { run }, 'tests'),
  listJob: async (scope, job, asked, reader) => {
    const { db } = deps.database
    await requireJob(db, scope, job)
    const from = placeOf(asked.cursor)
    const parts = await readParts(db, scope, job, from?.attempt ?? asked.attempt ?? null)
    const [first] = parts
    if (first === undefined) {
      const wanted = from?.attempt ?? asked.attempt
      const gone = await listExpired(db, scope, { job }, 'tests')
      const of = gone.find(({ job: { attempt } }) => wanted === undefined || attempt === wanted)
      const expired = of === undefined ? null : { removed_at: of.removed_at, days: of.days }
      return { summary: null, expired, items: [], next_cursor: null }
    }
    const found = await readTests(deps, { parts, asked, after: from?.at ?? 0, reader })
    return {
      summary: summaryOf(parts, first),
      expired: null,
      items: found.tests.map(resultOf),
      next_cursor: found.next === null ? null : `${first.attempt}.${found.next}`,
    }
  },
})

type Counts = {
  readonly failed: number
  readonly skipped: number
  readonly passed: number
  readonly ms: number
}
type OfJob = {
  readonly job: JobId
  readonly jobName: string
  readonly shard: number
  readonly shards: number
  readonly attempt: number
}
type Part = StoredPart & Counts & OfJob

const ofJob = sql`j.id as job, j.name as "jobName", j.shard, j.shards, a.number as attempt`
const fromResults = sql`
  from stored_objects o join test_results t on t.object_id = o.id join jobs j on j.id = o.job_id
    join attempts a on a.id = o.attempt_id`
const kept = sql`o.kind = 'tests' and o.state = 'kept'`
/** Of the job of `o`. */
const newest = sql`(
  select max(b.number) from stored_objects p join attempts b on b.id = p.attempt_id
  where p.job_id = o.job_id and p.kind = 'tests' and p.state = 'kept')`

const readSummaries = async (
  db: Db,
  scope: Scope,
  run: RunId,
  { limit, after }: { readonly limit: number; readonly after: number },
): Promise<readonly (OfJob & Counts & { readonly number: number })[]> => {
  const { rows } = await sql<OfJob & Counts & { readonly number: number }>`
    select ${ofJob}, j.number, sum(t.failed)::integer as failed, sum(t.skipped)::integer as skipped,
      sum(t.passed)::integer as passed, sum(t.duration_ms)::bigint as ms
    ${fromResults}
    where o.run_id = ${run} and ${inScope(scope, 'o')} and ${kept} and a.number = ${newest}
      and j.number > ${after}
    group by j.id, a.number order by j.number limit ${limit}`.execute(db)
  return rows
}

const readParts = async (
  db: Db,
  scope: Scope,
  job: JobId,
  attempt: number | null,
): Promise<readonly Part[]> => {
  const { rows } = await sql<Part>`
    select ${ofJob}, o.id as object, o.size_bytes as "objectBytes", o.manifest, o.wrapped_key as wrapped, t.failed, t.skipped,
      t.passed, t.duration_ms as ms, t.size_bytes as size, 0 as offset, t.length_bytes as length
    ${fromResults}
    where o.job_id = ${job} and ${inScope(scope, 'o')} and ${kept}
      and a.number = coalesce(${attempt}::integer, ${newest})
    order by o.id`.execute(db)
  return rows
}

const requireJob = async (db: Db, scope: Scope, job: JobId): Promise<void> => {
  const { rows } = await sql`
    select 1 from jobs where id = ${job} and ${inScope(scope)} and run_id is not null`.execute(db)
  if (rows.length === 0) throw fault('E_NOT_FOUND', { public: 'No such job' })
}

const summaryOf = (
  parts: readonly Counts[],
  { job, jobName, shard, shards, attempt }: OfJob,
): TestSummary => {
  const sum = (of: keyof Counts) => parts.reduce((total, part) => total + Number(part[of]), 0)
  return {
    job: { id: job, name: jobName, shard, shards, attempt },
    ...{ failed: sum('failed'), skipped: sum('skipped'), passed: sum('passed'), duration_ms: sum('ms') },
  }
}

const resultOf = ({ ms, ...rest }: TestCase): TestResult => ({ ...rest, duration_ms: ms })

const numberOf = (cursor: string): number => {
  if (!/^\d{1,9}$/.test(cursor)) throw notOfThisList()
  return Number(cursor)
}

const notOfThisList = () => fault('E_INPUT', { public: 'cursor: not one of this list' })

/** `attempt.position`, the position in the order in which all tests of the attempt are shown. */
const placeOf = (cursor: string | undefined): { readonly attempt: number; readonly at: number } | null => {
  if (cursor === undefined) return null
  const [, attempt, at] = /^(\d{1,9})\.(\d{1,9})$/.exec(cursor) ?? []
  if (attempt === undefined) throw notOfThisList()
  return { attempt: Number(attempt), at: Number(at) }
}

/** Lines of one outcome in one object: from which on, and the position of the first among all that are shown. */
type Segment = {
  readonly part: Part
  readonly outcome: TestOutcome
  readonly line: number
  readonly count: number
  readonly at: number
}

const segmentsOf = (parts: readonly Part[]): readonly Segment[] => {
  let at = 0
  return testOutcomes.flatMap((outcome, rank) =>
    parts.map((part) => {
      const line = testOutcomes.slice(0, rank).reduce((sum, before) => sum + part[before], 0)
      const segment = { part, outcome, line, count: part[outcome], at }
      at += part[outcome]
      return segment
    }),
  )
}

const readTests = async (
  deps: Deps,
  {
    parts,
    asked,
    after,
    reader,
  }: {
    readonly parts: readonly Part[]
    readonly asked: TestsAsked
    readonly after: number
    readonly reader: LogReader
  },
): Promise<{ readonly tests: readonly TestCase[]; readonly next: number | null }> => {
  const tests: TestCase[] = []
  for (const segment of segmentsOf(parts)) {
    if (asked.outcome !== undefined && segment.outcome !== asked.outcome) continue
    const skipped = Math.max(0, after - segment.at)
    if (skipped >= segment.count) continue
    let at = segment.at + skipped
    for await (const test of linesOf(deps, segment, skipped, reader)) {
      if (isWanted(test, asked.q)) {
        if (tests.length === asked.limit) return { tests, next: at }
        tests.push(test)
      }
      at++
    }
  }
  return { tests, next: null }
}

const linesOf = async function* (
  deps: Deps,
  { part, outcome, line, count }: Segment,
  skipped: number,
  reader: LogReader,
): AsyncGenerator<TestCase> {
  let at = 0
  for await (const text of splitLines(await openPart(deps, part, reader))) {
    if (at >= line + count) return
    if (at++ < line + skipped) continue
    const test = readTestLine(text)
    if (test?.outcome !== outcome) throw fault('E_OBJECT_TAMPERED', { detail: 'no line of test results' })
    yield test
  }
}

const splitLines = async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}

const isWanted = ({ name, class: of, file }: TestCase, words: string | undefined): boolean => {
  const sought = words?.toLowerCase()
  return sought === undefined || [name, of, file].some((text) => text.toLowerCase().includes(sought))
}
