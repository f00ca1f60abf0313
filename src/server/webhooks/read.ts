// Targets and deliveries as the API shows them.
import { type RawBuilder, sql } from 'kysely'
import type { JobId, MessageId, ProjectId, RunId, WebhookId } from '../../base/ids.ts'
import type { Webhook, WebhookDelivery, WebhookTry } from '../../protocol/api/webhooks.ts'
import type { Db } from '../db/database.ts'
import type { Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'

export type WebhookRow = {
  readonly id: WebhookId
  readonly project: ProjectId
  readonly name: string
  readonly url: string
  readonly format: Webhook['format']
  readonly events: Webhook['events']
  readonly disabled: Webhook['disabled']
  readonly publicKey: string
  readonly createdAt: Date
  readonly rotatedAt: Date | null
  readonly overlapUntil: Date | null
}

/** `where` narrows `w` (webhooks). */
export const selectWebhooks = async (
  db: Db | Tx,
  where: RawBuilder<unknown>,
): Promise<readonly WebhookRow[]> => {
  const { rows } = await sql<WebhookRow>`
    select w.id, w.project_id as project, w.name, w.url, w.format, w.events, w.disabled, w.public_key as "publicKey",
      w.created_at as "createdAt", w.rotated_at as "rotatedAt", w.overlap_until as "overlapUntil"
    from webhooks w where ${where} order by w.id limit ${limits.webhooks.perProjectMax}`.execute(db)
  return rows
}

export const webhookOf = (row: WebhookRow): Webhook => ({
  ...{ id: row.id, name: row.name, url: row.url, format: row.format, events: row.events },
  ...{ disabled: row.disabled, public_key: row.publicKey, created_at: row.createdAt.toISOString() },
  rotated_at: row.rotatedAt?.toISOString() ?? null,
  overlap_until: row.overlapUntil?.toISOString() ?? null,
})

export type DeliveryRow = {
  readonly id: MessageId
  readonly event: string
  readonly at: Date
  readonly state: WebhookDelivery['state']
  readonly status: WebhookDelivery['status']
  readonly run: { readonly id: RunId; readonly number: number } | null
  readonly job: { readonly id: JobId; readonly name: string } | null
  readonly nextAt: Date | null
  readonly body: string | null
  readonly tries: number
  readonly last: WebhookTry | null
}

/** `where` narrows `d` (webhook_deliveries). `also`: further columns `, value as name` of it. */
export const selectDeliveries = async <Also = object>(
  db: Db,
  where: RawBuilder<unknown>,
  limit: number,
  also: RawBuilder<Also> = sql``,
): Promise<readonly (DeliveryRow & Also)[]> => {
  const { rows } = await sql<DeliveryRow & Also>`
    select d.id, d.event, d.occurred_at as at, d.state, d.status, d.next_at as "nextAt", d.body,
      case when r.id is not null then json_build_object('id', r.id, 'number', r.number) end as run,
      case when j.id is not null then json_build_object('id', j.id, 'name', j.name) end as job,
      (select count(*)::integer from webhook_tries t where t.webhook_id = d.webhook_id and t.delivery_id = d.id) as tries,
      (select ${tryJson} from webhook_tries t where t.webhook_id = d.webhook_id and t.delivery_id = d.id
        order by t.number desc limit 1) as last${also}
    from webhook_deliveries d left join runs r on r.id = d.run_id left join jobs j on j.id = d.job_id
    where ${where} order by d.id desc limit ${limit}`.execute(db)
  return rows
}

/** One delivery with its tries, as they are in the same moment: whoever waits for the end of a try looks at both. */
export const selectWithTries = async (
  db: Db,
  webhook: WebhookId,
  message: MessageId,
): Promise<{ readonly row: DeliveryRow; readonly tries: readonly WebhookTry[] } | null> => {
  const where = sql`d.webhook_id = ${webhook} and d.id = ${message}`
  const also = sql<{ readonly list: readonly WebhookTry[] | null }>`, (
      select json_agg(${tryJson} order by t.number desc) from (
        select * from webhook_tries o where o.webhook_id = d.webhook_id and o.delivery_id = d.id
        order by o.number desc limit ${limits.webhooks.shownTries}) t) as list`
  const [row] = await selectDeliveries(db, where, 1, also)
  return row === undefined ? null : { row, tries: (row.list ?? []).map(tryOf) }
}

const tryJson = sql`json_build_object('number', t.number, 'at', t.at, 'took_ms', t.took_ms, 'response', t.response,
  'problem', t.problem, 'answer', t.answer)`

const tryOf = (tried: WebhookTry): WebhookTry => ({ ...tried, at: new Date(tried.at).toISOString() })

export const deliveryOf = (row: DeliveryRow): WebhookDelivery => ({
  ...{ id: row.id, event: row.event, at: row.at.toISOString(), state: row.state, status: row.status },
  ...{ run: row.run, job: row.job, tries: row.tries },
  last: row.last === null ? null : tryOf(row.last),
  next_at: row.nextAt?.toISOString() ?? null,
})
