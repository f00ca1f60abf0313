// What retention removed, for whoever asks for it: that it was there, when it went and by which rule. The existence of things of others
// is not told: these rows have a scope like any.
import { sql } from 'kysely'
import { type Fault, fault } from '../../base/faults.ts'
import type { JobId, RunId } from '../../base/ids.ts'
import type { ExpiredOfJob } from '../../protocol/api/expired.ts'
import type { Scope } from '../access/actor.ts'
import { inScope } from '../access/in-scope.ts'
import type { Db } from '../db/database.ts'

export type ExpiredKind = 'log' | 'artifacts' | 'tests'
export type Expired = { readonly kind: ExpiredKind; readonly days: number; readonly removedAt: Date }

const things: Readonly<Record<ExpiredKind, readonly [one: string, all: string]>> = {
  log: ['This log', 'logs'],
  artifacts: ['This artifact', 'artifacts'],
  tests: ['These results of tests', 'results of tests'],
}

export const expiredFault = ({ kind, days, removedAt }: Expired): Fault => {
  const [one, all] = things[kind]
  const verb = kind === 'tests' ? 'were' : 'was'
  return fault('E_EXPIRED', {
    public: `${one} ${verb} removed on ${removedAt.toISOString().slice(0, 10)}: ${all} are kept for ${days} days`,
  })
}

/** By the id of its object, or of the attempt whose log it was. */
export const findExpired = async (db: Db, scope: Scope, id: string): Promise<Expired | null> => {
  const { rows } = await sql<Expired>`
    select kind, days, removed_at as "removedAt" from expired_objects
    where id = ${id} and ${inScope(scope)}`.execute(db)
  return rows[0] ?? null
}

type Row = Omit<ExpiredOfJob, 'removed_at' | 'job'> & ExpiredOfJob['job'] & { readonly removedAt: Date }

/** Of a run or of one job, the newest attempts first; several objects of one attempt are one. */
export const listExpired = async (
  db: Db,
  scope: Scope,
  of: { readonly run: RunId } | { readonly job: JobId },
  kind: 'artifacts' | 'tests',
): Promise<ExpiredOfJob[]> => {
  const { rows } = await sql<Row>`
    select j.id, j.name, j.shard, j.shards, a.number as attempt, max(e.days)::integer as days, max(e.removed_at) as "removedAt"
    from expired_objects e join attempts a on a.id = e.attempt_id join jobs j on j.id = a.job_id
    where ${'run' in of ? sql`a.run_id = ${of.run}` : sql`a.job_id = ${of.job}`} and e.kind = ${kind} and ${inScope(scope, 'e')}
    group by j.id, a.number order by j.number, a.number desc limit 100`.execute(db)
  return rows.map(({ id, name, shard, shards, attempt, days, removedAt }) => ({
    ...{ job: { id, name, shard, shards, attempt }, days, removed_at: removedAt.toISOString() },
  }))
}
