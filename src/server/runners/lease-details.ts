// What a lease tells its runner, read in the statement that takes the attempts of an answer from the queue.
import assert from 'node:assert'
import { sql } from 'kysely'
import type { LeaseId } from '../../base/ids.ts'
import type { RunEvent } from '../../protocol/plan.ts'
import { builtInClass } from '../../protocol/resource-class.ts'
import type { LeaseSpec } from '../../protocol/runner-wire.ts'
import { roleSql, wantingSql } from '../contexts/of-jobs.ts'
import type { Db } from '../db/database.ts'
import type { Tx } from '../db/transaction.ts'
import { orbsKeySql } from '../orbs/orbs.ts'
import { eventOf } from '../runs/create.ts'
import type { LeaseDetails } from '../runs/leased.ts'

export type QueuedAttempt = Omit<LeaseDetails, 'lease'>

/**
 * Locks those of each class whose turn it is until the end of the transaction. Built-in jobs come first; which of the other classes has a place
 * that all of them may have is chance, so that a long queue of one keeps back no other.
 */
export const takeQueued = async (
  tx: Tx,
  wanted: readonly (readonly [name: string, count: number])[],
  max: number,
): Promise<readonly QueuedAttempt[]> => {
  const { rows } = await sql<QueuedAttempt>`
    with a as materialized (
      select a.* from (
        select * from unnest(${wanted.map(([name]) => name)}::text[], ${wanted.map(([, n]) => n)}::integer[]) as w (class, n)
        order by class <> ${builtInClass}, random()) c
      cross join lateral (
        select id, lease_id, job_id, run_id, project_id, organisation_id, number, turn, queue_order from attempts
        where status = 'queued' and not held and class = c.class order by turn, queue_order limit c.n for update skip locked) a
      limit ${max}
    )
    ${details} order by a.turn, a.queue_order`.execute(tx)
  return rows
}

/** Of leases that were given by runs/places.ts without their details. */
export const readLeases = async (db: Db, ids: readonly LeaseId[]): Promise<readonly LeaseDetails[]> => {
  const { rows } = await sql<LeaseDetails>`
    with a as materialized (select * from attempts where lease_id = any(${ids}::text[]) and status = 'running')
    ${details}`.execute(db)
  return rows
}

/** Of the attempts in `a`. */
const details = sql`
    select a.id as attempt, a.lease_id as lease, a.organisation_id as organisation, o.name as "organisationName",
      a.project_id as project, p.name as "projectName", p.default_branch as "defaultBranch", p.source, a.number,
      j.id as job, j.kind as "jobKind", j.key as "jobKey", j.name as "jobName", j.number as "jobNumber", j.shard, j.shards,
      j.class, j.spec, j.spec_digest as "specDigest", w.id as workflow, w.name as "workflowName", r.id as run,
      r.number as "runNumber", r.event_kind as "eventKind",
      (select name from users where id = r.started_by) as "startedBy", r.ref, r.commit,
      case when w.continued then (select digest from continuations where run_id = r.id) else r.plan_digest end as "planDigest",
      r.parameters, r.schedule, r.change,
      exists (select from secrets s where s.project_id = a.project_id and s.state = 'active') as "hasSecrets",
      p.untrusted_in_scripts as "untrustedInScripts",
      case when j.contexts is not null then ${roleSql(wantingSql(sql`j.wanted_by`, 'r'))} end as role,
      case when j.kind = 'plan' then ${orbsKeySql(sql`a.organisation_id`)} end as "orbsKey"
    from a join jobs j on j.id = a.job_id join projects p on p.id = a.project_id
      join organisations o on o.id = a.organisation_id
      left join runs r on r.id = a.run_id left join workflows w on w.id = j.workflow_id`

/** What the installation says of every lease: its address, and what a job without a rule of its own may reach. */
export type LeaseTerms = { readonly serverUrl: string; readonly egressDefault: 'none' | 'open' }

export const leaseSpecOf = (row: LeaseDetails, { serverUrl, egressDefault }: LeaseTerms): LeaseSpec => {
  const common = {
    organisation: { id: row.organisation, name: row.organisationName },
    project: { id: row.project, name: row.projectName, defaultBranch: row.defaultBranch },
    source: row.source,
    serverUrl,
  }
  if (row.jobKind === 'refs') return { ...common, kind: 'refs' }
  const { run, runNumber, eventKind, startedBy, ref, commit, change } = row
  assert(run !== null && runNumber !== null && eventKind !== null && ref !== null && commit !== null)
  const ofRun = {
    ...common,
    run: {
      ...{ id: run, number: runNumber, event: eventIn(row, eventOf(eventKind, ref, commit)) },
      ...(startedBy === null ? {} : { startedBy }),
      ...(change === null ? {} : { change }),
    },
    number: row.number,
  }
  return row.jobKind === 'plan'
    ? {
        ...ofRun,
        kind: 'plan',
        parameters: row.parameters ?? {},
        ...(row.untrustedInScripts ? { untrustedInScripts: true } : {}),
      }
    : jobLease(row, ofRun, egressDefault)
}

const eventIn = ({ schedule }: LeaseDetails, event: RunEvent): RunEvent =>
  schedule ? { ...event, schedule } : event

const jobLease = (
  row: LeaseDetails,
  ofRun: Omit<Extract<LeaseSpec, { kind: 'plan' }>, 'kind' | 'parameters' | 'untrustedInScripts' | 'orbs'>,
  egressDefault: LeaseTerms['egressDefault'],
): LeaseSpec => {
  const { workflow, workflowName, spec, specDigest, planDigest } = row
  assert(
    workflow !== null && workflowName !== null && spec !== null && specDigest !== null && planDigest !== null,
  )
  return {
    ...ofRun,
    kind: 'job',
    workflow: { id: workflow, name: workflowName },
    job: { id: row.job, key: row.jobKey, name: row.jobName, number: row.jobNumber },
    shard: { index: row.shard, total: row.shards },
    spec,
    class: row.class,
    egress: spec.egress ?? { mode: egressDefault, allow: [] },
    planDigest,
    specDigest,
  }
}
