// The contexts that jobs name, for the rules of schedule/: the rules of each as the tables have them now, and whoever wants
// the job with the role they have now.
import { type QueryExecutorProvider, type RawBuilder, sql } from 'kysely'
import type { JobId, ProjectId, RunId } from '../../base/ids.ts'
import { type ContextRules, refusalBy } from '../../protocol/contexts.ts'
import type { JobSpec } from '../../protocol/plan.ts'
import type { ContextsOfJob, JobState, Wanting, WorkflowState } from '../../schedule/index.ts'
import { type Actor, actorId } from '../access/actor.ts'

/** What the tables say of the contexts with some names, for one project and ref. */
export type SeenContexts = {
  readonly project: ProjectId
  readonly isAdmitted: boolean
  readonly ref: string
  readonly defaultRef: string
  readonly wanting: Wanting
  readonly contexts: readonly { readonly name: string; readonly rules: ContextRules | null }[]
}

type Sql = RawBuilder<unknown>

/** As JSON. `names` is an array, `by` whoever wants the job. */
export const contextsSql = (of: {
  readonly project: Sql
  readonly ref: Sql
  readonly names: Sql
  readonly by: Sql
}) => sql`(
  select json_build_object('project', p.id, 'isAdmitted', p.admitted, 'ref', ${of.ref}, 'defaultRef', 'refs/heads/' || p.default_branch,
    'wanting', json_build_object('id', ${of.by}, 'role', ${roleSql(of.by)}),
    'contexts', (
      select json_agg(json_build_object('name', named.name, 'rules', case when c.id is not null then json_build_object(
          'projects', coalesce(to_json(c.projects), to_json('*'::text)), 'refs', c.refs, 'roles', c.roles) end)
        order by named.at)
      from unnest(${of.names}) with ordinality as named (name, at)
        left join contexts c on c.organisation_id = p.organisation_id and c.name = named.name and c.state = 'active'))
  from projects p where p.id = ${of.project})`

/** Who wants a job that nobody has asked for again: who reran the run, else who or what began it. `run`: a row of runs. */
export const wantingSql = (wantedBy: Sql, run: string): Sql =>
  sql`coalesce(${wantedBy}, ${sql.ref(`${run}.rerun_by`)}, ${sql.ref(`${run}.started_by`)})`

/** The role that somebody has now: the operator's is every right, a service token's none. */
export const roleSql = (by: Sql): Sql => sql`
  case when ${by} = 'operator' then 'owner' else (
    select u.role from users u where u.disabled_at is null and u.id = coalesce((
      select t.user_id from api_tokens t where t.id = ${by} and t.revoked_at is null and t.expires_at > now()), ${by})) end`

export const wantingOf = (actor: Actor): Wanting => ({
  id: actorId(actor),
  role: actor.kind === 'operator' ? 'owner' : actor.role,
})

/** For the rules. `names`: those of one job, when more were looked at. */
export const contextsOfJob = (
  { wanting, contexts, ...about }: SeenContexts,
  names: readonly string[] = contexts.map(({ name }) => name),
): ContextsOfJob => ({
  wanting,
  named: names.map((name) => {
    const rules = contexts.find((context) => context.name === name)?.rules ?? null
    const rule = refusalBy(rules && { ...rules, roles: null }, { ...about, role: null })
    return { name, rule, roles: rules?.roles ?? null }
  }),
})

type Planned = {
  readonly event: { readonly workflows: readonly WorkflowState[]; readonly jobs: readonly JobState[] }
  readonly specs: ReadonlyMap<JobId, JobSpec | null>
}

/** The jobs of a plan with what the rules need to know of their contexts. Asks nothing where no job names any. */
export const withContexts = async (
  db: QueryExecutorProvider,
  planned: Planned,
  of: { readonly project: Sql; readonly ref: Sql; readonly by: Sql },
): Promise<Planned['event']> => {
  const namesOf = (job: JobState) => planned.specs.get(job.id)?.contexts ?? []
  const names = [...new Set(planned.event.jobs.flatMap(namesOf))]
  if (names.length === 0) return planned.event
  const { rows } = await sql<{ seen: SeenContexts }>`
    select ${contextsSql({ ...of, names: sql`${names}::text[]` })} as seen`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('a statement without a table has a row')
  const jobs = planned.event.jobs.map((job) => {
    const own = namesOf(job)
    return own.length === 0 ? job : { ...job, contexts: contextsOfJob(row.seen, own) }
  })
  return { ...planned.event, jobs }
}

/** The same, of a run that is there. */
export const withContextsOfRun = (db: QueryExecutorProvider, planned: Planned, run: RunId) => {
  const of = (column: Sql) => sql`(select ${column} from runs r where r.id = ${run})`
  return withContexts(db, planned, {
    project: of(sql`r.project_id`),
    ref: of(sql`r.ref`),
    by: of(wantingSql(sql`null`, 'r')),
  })
}
