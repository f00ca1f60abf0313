// What stands for and against somebody's approval of a job: the rules of its project, whose run it is, who approved since it waits, and who
// could. The judgement is schedule's; here are the facts, with the roles that people have at this moment.
import { type QueryExecutorProvider, sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { JobId, ProjectId, RunId, UserId } from '../../base/ids.ts'
import type { JobApproval } from '../../protocol/api/runs.ts'
import {
  type ApprovalFacts,
  type ApprovalRefusal,
  type ApprovalRules,
  approvalRefusal,
  approvalRest,
  approvalsGiven,
  approvalWords,
  type Candidate,
  isEnough,
} from '../../schedule/index.ts'
import type { Actor } from '../access/actor.ts'
import { inScope } from '../access/in-scope.ts'
import { roleSql } from '../contexts/of-jobs.ts'
import { limits } from '../limits.ts'

type Member = {
  readonly id: UserId
  readonly name: string
  readonly email: string
  readonly role: 'owner' | 'developer'
}
type Row = {
  readonly run: RunId
  readonly project: ProjectId
  readonly isHeld: boolean
  readonly rules: ApprovalRules
  readonly author: string | null
  readonly began: readonly (string | null)[]
  readonly reran: readonly (string | null)[]
  readonly given: readonly Candidate[]
}
export type Approvable = {
  readonly run: RunId
  readonly project: ProjectId
  readonly isHeld: boolean
  readonly refusal: ApprovalRefusal | null
  readonly isEnough: boolean
  /** As the API shows it to this actor. */
  readonly shown: JobApproval
}

/** null: there is no such job for this actor. */
export const findApprovable = async (
  db: QueryExecutorProvider,
  actor: Actor,
  job: JobId,
): Promise<Approvable | null> => {
  const row = await readRow(db, actor, job)
  if (row === null) return null
  const members = await readMembers(db, actor)
  const { rules } = row
  const facts: ApprovalFacts = { began: beganBy(row, members), given: row.given }
  const refusal = approvalRefusal(rules, facts, candidateOf(actor))
  const able = members.filter(({ id, role }) => approvalRefusal(rules, facts, { person: id, role }) === null)
  // Tokens hear that they may not; who could is for people.
  const who = actor.kind === 'token' ? null : able.slice(0, limits.approversShown)
  return {
    ...{ run: row.run, project: row.project, isHeld: row.isHeld, refusal, isEnough: isEnough(rules, facts) },
    shown: {
      ...{ people: rules.people, not_self: rules.notSelf, role: rules.role },
      given: approvalsGiven(rules, facts),
      rest: approvalRest(rules, facts),
      refusal: refusal === null ? null : approvalWords(refusal, rules),
      who: who === null ? null : who.map(({ id, name }) => ({ id, name })),
    },
  }
}

/** With whom to ask, where this actor may know. */
export const refusedApproval = ({ refusal, who }: JobApproval) => {
  const names = who?.map(({ name }) => name) ?? []
  const ask =
    who === null
      ? ''
      : names.length === 0
        ? '. Nobody here may: an owner invites somebody or changes the rule'
        : `. Ask ${names.slice(0, limits.approversNamed).join(', ')}${names.length > limits.approversNamed ? ' or others' : ''}`
  return fault('E_FORBIDDEN', { public: `${refusal ?? ''}${ask}` })
}

const candidateOf = (actor: Actor): Candidate =>
  actor.kind === 'operator' ? { person: null, role: 'owner' } : { person: actor.user, role: actor.role }

/** A name in a commit only ever takes somebody out: whoever writes another one there is still not somebody else. */
const beganBy = ({ began, reran, author }: Row, members: readonly Member[]): readonly string[] => {
  const wrote = author?.toLowerCase() ?? null
  const authors = members.filter((one) => [one.name, one.email].some((name) => name.toLowerCase() === wrote))
  return [...[...began, ...reran].flatMap((id) => id ?? []), ...authors.map(({ id }) => id)]
}

/** Whose session or token an id of an actor is. */
const personSql = (id: string) => sql`coalesce(
  (select t.user_id from api_tokens t where t.id = ${sql.ref(id)}), (select u.id from users u where u.id = ${sql.ref(id)}))`

/** Also beside others, which leaves the row of the run as it is. */
const rerunBySql = sql`coalesce((
  select json_agg(distinct ${personSql('done.actor_id')}) from audit done
  where done.run_id = r.id and done.action = 'run.rerun' and done.result = 'ok'), '[]')`

const readRow = async (db: QueryExecutorProvider, { scope }: Actor, job: JobId): Promise<Row | null> => {
  const { rows } = await sql<Row>`
    select j.run_id as run, j.project_id as project, j.kind = 'approval' and j.status = 'on_hold' as "isHeld", r.author,
      json_build_object('people', p.approval_people, 'notSelf', p.approval_not_self, 'role', p.approval_role) as rules,
      json_build_array(${personSql('r.started_by')}, ${personSql('r.rerun_by')}, ${personSql('j.wanted_by')}) as began,
      ${rerunBySql} as reran,
      coalesce((
        select json_agg(json_build_object('person', ${personSql('a.decided_by')}, 'role', ${roleSql(sql`a.decided_by`)}))
        from approvals a where a.job_id = j.id and a.decision = 'approved' and a.id > coalesce((
            select max(o.id) from approvals o where o.job_id = j.id and o.decision <> 'approved'), 0)
          and a.id > coalesce(j.approvals_before, 0) and a.decided_at > coalesce(r.rerun_at, '-infinity')), '[]') as given
    from jobs j join runs r on r.id = j.run_id join projects p on p.id = j.project_id
    where j.id = ${job} and ${inScope(scope, 'j')}`.execute(db)
  return rows[0] ?? null
}

const readMembers = async (db: QueryExecutorProvider, { scope }: Actor): Promise<readonly Member[]> => {
  const { rows } = await sql<Member>`
    select id, name, email, role from users
    where organisation_id = ${scope.organisation} and disabled_at is null and role in ('owner', 'developer')
    order by role desc, name, id`.execute(db)
  return rows
}
