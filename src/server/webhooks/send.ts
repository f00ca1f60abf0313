// Sends what is due: claims deliveries by a lease in their rows, makes the message once, lets the vault sign it, sends it and
// writes down what came of it. Whichever server looks first has it; one that ended in between is found by its lease. The time
// is the caller's clock.
import { type RawBuilder, sql } from 'kysely'
import type { Clock } from '../../base/clock.ts'
import { isFault } from '../../base/faults.ts'
import type { MessageId, OrganisationId, ProjectId, WebhookId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { WebhookFormat } from '../../protocol/webhooks.ts'
import { writeAudit } from '../access/audit.ts'
import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import type { VaultClient } from '../vault-client.ts'
import { readFacts } from './facts.ts'
import { contentTypeOf, messageOf } from './message.ts'
import { post, type Reach, type Sent } from './reach.ts'

export type SendDeps = {
  readonly db: Db
  readonly vault: Pick<VaultClient, 'call'>
  readonly clock: Clock
  readonly log: Log
  readonly version: string
  readonly serverUrl: () => string
  readonly reach: Reach
  /** The server ends: what is under way is left, and sent once more. */
  readonly stopping: AbortSignal
  /** From 0 to 1. */
  readonly random: () => number
}

export type Claimed = {
  readonly webhook: WebhookId
  readonly message: MessageId
  readonly organisation: OrganisationId
  readonly project: ProjectId
  readonly event: string
  readonly url: string
  readonly format: WebhookFormat
  readonly body: string | null
  /** Of this round, this one included. */
  readonly tries: number
  /** Of all rounds. */
  readonly number: number
}

/** Most of the time nothing is: one look at an index says so. What is further away than any pause, a clock put off that was ahead. */
export const dueLook = (due: Date): RawBuilder<{ readonly isAny: boolean; readonly isFar: boolean }> =>
  sql`select exists (select from webhook_deliveries where next_at < ${due}) as "isAny",
    exists (select from webhook_deliveries where next_at > ${farthest(due)}) as "isFar"`

const farthest = (due: Date): Date => new Date(due.getTime() + 2 * Math.max(...limits.webhooks.pausesMs))

type Places = {
  readonly count: number
  /** They have enough under way. */
  readonly busy?: readonly WebhookId[]
  /** They have some under way: the others come first, or slow ones would take every place that becomes free. */
  readonly started?: readonly WebhookId[]
}

/** At most so many of each target. The tries begin with it. */
export const claimDue = async (
  { db, clock }: Pick<SendDeps, 'db' | 'clock'>,
  { count, busy = [], started = [] }: Places,
): Promise<readonly Claimed[]> => {
  const now = new Date(clock.now())
  // What was written in this very millisecond, too: the database counts finer.
  const due = new Date(clock.now() + 1)
  const until = new Date(clock.now() + limits.webhooks.claimMs)
  const { rows } = await dueLook(due).execute(db)
  const [{ isAny, isFar } = { isAny: false, isFar: false }] = rows
  if (isFar)
    await sql`update webhook_deliveries set next_at = ${now} where next_at > ${farthest(due)}`.execute(db)
  if (!isAny && !isFar) return []
  return inTransaction(db, async (tx) => {
    const { rows } = await sql<Claimed>`
      with due as (
        select d.webhook_id, d.id from (
          select id from webhooks where disabled is null and id <> all(${busy}::text[])
          order by id = any(${started}::text[])) w cross join lateral (
          select webhook_id, id from webhook_deliveries
          where webhook_id = w.id and next_at < ${due} order by next_at, id
          limit ${limits.webhooks.atOncePerTarget} for update skip locked) d
        limit ${count}
      ), claimed as (
        update webhook_deliveries d set next_at = ${until}, tries = d.tries + 1 from due
        where d.webhook_id = due.webhook_id and d.id = due.id
        returning d.*
      ), began as (
        insert into webhook_tries (webhook_id, delivery_id, number, at)
        select c.webhook_id, c.id, 1 + coalesce((select max(number) from webhook_tries t
          where t.webhook_id = c.webhook_id and t.delivery_id = c.id), 0), ${now} from claimed c
        returning webhook_id, delivery_id, number
      )
      select c.webhook_id as webhook, c.id as message, w.organisation_id as organisation, w.project_id as project,
        c.event, w.url, w.format, c.body, c.tries, b.number
      from claimed c join webhooks w on w.id = c.webhook_id
        join began b on b.webhook_id = c.webhook_id and b.delivery_id = c.id`.execute(tx)
    return rows
  })
}

/** One try from beginning to end. Never rejects: what was not written down is due again when its lease is over. */
export const sendOne = async (deps: SendDeps, claimed: Claimed): Promise<void> => {
  const log = deps.log.child({ webhook: claimed.webhook, message: claimed.message })
  try {
    const ready = await prepared(deps, claimed)
    if (ready === null) return await giveBack(deps, claimed)
    const sent = await post({ ...deps.reach, stopping: deps.stopping }, ready)
    if (deps.stopping.aborted && sent.response === null) return await giveBack(deps, claimed)
    await conclude(deps, claimed, sent)
  } catch (error) {
    log.warn('a webhook was not sent', { error })
    // What the vault refuses it refuses each time, as when it has no keys for it: a try like others, so that there is a last.
    const isRefused = isFault(error) && !error.row.retryable
    if (isRefused) await conclude(deps, claimed, notSigned).catch(() => undefined)
    else if (isFault(error, 'E_VAULT_UNAVAILABLE')) await giveBack(deps, claimed).catch(() => undefined)
  }
}

/** null: it went away meanwhile. */
const prepared = async (deps: SendDeps, claimed: Claimed) => {
  const body = claimed.body ?? (await makeBody(deps, claimed))
  if (body === null) return null
  const { webhook, project, message, format } = claimed
  const at = Math.floor(deps.clock.now() / 1000)
  const signed = await deps.vault.call('sender.sign', { webhook, project, message, at, body })
  const proof: Record<string, string> =
    format === 'circleci'
      ? { 'circleci-signature': signed.circleci, 'circleci-event-type': claimed.event }
      : { 'webhook-signature': signed.standard.join(' ') }
  const headers = {
    'content-type': contentTypeOf(format),
    'user-agent': `Mayfly/${deps.version}`,
    'webhook-id': message,
    'webhook-timestamp': `${at}`,
    ...proof,
  }
  return { url: claimed.url, headers, body }
}

/** The first that is written stays: a message never changes between tries. */
const makeBody = async (deps: SendDeps, claimed: Claimed): Promise<string | null> => {
  const { webhook, message, format } = claimed
  const facts = await readFacts(deps.db, { webhook, message })
  if (facts === null) return null
  const body = messageOf(format, facts, deps.serverUrl())
  const { rows } = await sql<{ body: string }>`
    update webhook_deliveries set body = coalesce(body, ${body})
    where webhook_id = ${webhook} and id = ${message} returning body`.execute(deps.db)
  return rows[0]?.body ?? null
}

/** It was our fault, so it is no try. */
const giveBack = async ({ db, clock }: SendDeps, claimed: Claimed): Promise<void> => {
  const next = new Date(clock.now() + limits.webhooks.pauseMs)
  await sql`
    with given as (
      update webhook_deliveries set next_at = ${next}, tries = tries - 1
      where webhook_id = ${claimed.webhook} and id = ${claimed.message} and state = 'waiting' and tries = ${claimed.tries}
    )
    delete from webhook_tries where webhook_id = ${claimed.webhook} and delivery_id = ${claimed.message}
      and number = ${claimed.number}`.execute(db)
}

const goneStatus = 410
const notSigned: Sent = { tookMs: 0, response: null, problem: 'not-signed', answer: null }

const conclude = async (deps: SendDeps, claimed: Claimed, sent: Sent): Promise<void> => {
  const isOver = sent.response !== null && sent.response >= 200 && sent.response < 300
  const isGone = sent.response === goneStatus
  const next = isOver || isGone ? null : nextTry(deps, claimed.tries)
  const state = isOver ? 'delivered' : next === null ? 'failed' : 'waiting'
  await inTransaction(deps.db, async (tx) => {
    await sql`
      with ended as (
        update webhook_tries set took_ms = ${sent.tookMs}, response = ${sent.response}, problem = ${sent.problem},
          answer = ${sent.answer}
        where webhook_id = ${claimed.webhook} and delivery_id = ${claimed.message} and number = ${claimed.number}
      )
      update webhook_deliveries set state = ${state}, next_at = ${next}
      where webhook_id = ${claimed.webhook} and id = ${claimed.message} and state = 'waiting'
        and tries = ${claimed.tries}`.execute(tx)
    if (!isGone) return
    const { rows } = await sql`
      update webhooks set disabled = 'gone' where id = ${claimed.webhook} and disabled is null returning 1`.execute(
      tx,
    )
    await dropWaiting(tx, claimed.webhook)
    if (rows.length === 0) return
    const who = { kind: 'service', name: 'webhooks', organisation: claimed.organisation } as const
    await writeAudit(tx, who, {
      ...{ action: 'webhook.disable', target: claimed.webhook, project: claimed.project, result: 'ok' },
      facts: { response: goneStatus },
    })
  })
}

/** Nobody is told of what waits for a target that is told nothing any more; it can be asked for again. */
export const dropWaiting = async (db: Db, webhook: WebhookId): Promise<void> =>
  void (await sql`
    update webhook_deliveries set state = 'dropped', next_at = null
    where webhook_id = ${webhook} and next_at is not null`.execute(db))

/** null: it was the last. */
const nextTry = ({ clock, random }: SendDeps, tries: number): Date | null => {
  const pause = limits.webhooks.pausesMs[tries - 1]
  return pause === undefined ? null : new Date(clock.now() + pause * (1 + random() / 10))
}

/** Deliveries that are over for so long, with their tries. */
export const forgetDeliveries = async (db: Db): Promise<void> =>
  void (await sql`
    delete from webhook_deliveries where (webhook_id, id) in (
      select webhook_id, id from webhook_deliveries
      where occurred_at < now() - make_interval(days => ${limits.webhooks.keptDays}) and next_at is null
      order by occurred_at limit ${limits.webhooks.forgottenAtOnce})`.execute(db))
