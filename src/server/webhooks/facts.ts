// What the tables say about one delivery, for its message.
import { sql } from 'kysely'
import type { MessageId, WebhookId } from '../../base/ids.ts'
import type { Db } from '../db/database.ts'
import type { Facts } from './message.ts'

type Row = Omit<Facts, 'run' | 'job'> & {
  readonly run: (Omit<NonNullable<Facts['run']>, 'createdAt'> & { readonly createdAt: string }) | null
  readonly job:
    | (Omit<NonNullable<Facts['job']>, 'startedAt' | 'finishedAt'> & {
        readonly startedAt: string | null
        readonly finishedAt: string | null
      })
    | null
}

/** null: it is not there any more. */
export const readFacts = async (
  db: Db,
  { webhook, message }: { readonly webhook: WebhookId; readonly message: MessageId },
): Promise<Facts | null> => {
  const { rows } = await sql<Row>`
    select d.id as message, d.event, d.occurred_at as at, d.status,
      json_build_object('id', w.id, 'name', w.name) as webhook,
      json_build_object('id', o.id, 'name', o.name) as organisation,
      json_build_object('id', p.id, 'name', p.name, 'url', p.source_url) as project,
      case when r.id is not null then json_build_object('id', r.id, 'number', r.number, 'status', r.status,
        'event', r.event_kind, 'ref', r.ref, 'commit', r.commit, 'branch', r.branch, 'tag', r.tag,
        'subject', r.subject, 'author', r.author, 'createdAt', r.created_at) end as run,
      case when f.id is not null then json_build_object('id', f.id, 'name', f.name, 'status', f.status, 'isRefused',
        exists (select from jobs o where o.run_id = r.id and o.workflow_id = f.id and o.skip_reason = 'policy')) end as workflow,
      case when j.id is not null then json_build_object('id', j.id, 'number', j.number, 'name', j.name,
        'status', j.status, 'startedAt', a.started_at, 'finishedAt', a.finished_at) end as job
    from webhook_deliveries d join webhooks w on w.id = d.webhook_id join projects p on p.id = w.project_id
      join organisations o on o.id = w.organisation_id
      left join runs r on r.id = d.run_id left join jobs j on j.id = d.job_id
      left join workflows f on f.id = d.workflow_id
      left join lateral (select started_at, finished_at from attempts where job_id = j.id order by number desc limit 1) a
        on true
    where d.webhook_id = ${webhook} and d.id = ${message}`.execute(db)
  const [row] = rows
  if (row === undefined) return null
  const { run, job } = row
  return {
    ...row,
    run: run === null ? null : { ...run, createdAt: new Date(run.createdAt) },
    job:
      job === null ? null : { ...job, startedAt: dateOf(job.startedAt), finishedAt: dateOf(job.finishedAt) },
  }
}

const dateOf = (at: string | null): Date | null => (at === null ? null : new Date(at))
