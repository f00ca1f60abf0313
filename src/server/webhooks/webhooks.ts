// Targets of webhooks for people: add, change, rotate, remove, and look at what they were told. Their keys live in the vault;
// what changes both is written to the vault first, so that a row never promises what it does not have.
import { sql } from 'kysely'
import type { Clock } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import { type MessageId, type ProjectId, parseId, type WebhookId } from '../../base/ids.ts'
import type {
  Webhook,
  WebhookChange,
  WebhookCreated,
  WebhookDelivery,
  WebhookInput,
  WebhookRotation,
} from '../../protocol/api/webhooks.ts'
import { eventsOf, pingEvent, senderOverlapSeconds } from '../../protocol/webhooks.ts'
import { type Actor, actorId, type Scope } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import { mayBeCommitted } from '../db/away.ts'
import type { Database, Db } from '../db/database.ts'
import { tellOnCommit } from '../db/notify.ts'
import { inTransaction, sqlState, type Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import type { NewId } from '../new-id.ts'
import { getProjectId } from '../projects/find-id.ts'
import type { NamedMessage, NamedWebhook, Webhooks } from '../use-cases.ts'
import type { VaultClient } from '../vault-client.ts'
import { toldNotice } from './outbox.ts'
import { type Reach, refusalOf } from './reach.ts'
import {
  type DeliveryRow,
  deliveryOf,
  selectDeliveries,
  selectWebhooks,
  selectWithTries,
  type WebhookRow,
  webhookOf,
} from './read.ts'
import { dropWaiting } from './send.ts'

type Deps = {
  readonly database: Database
  readonly vault: Pick<VaultClient, 'call'>
  readonly newId: NewId
  readonly clock: Clock
  readonly reach: Reach
}
type Expect = Parameters<Webhooks['remove']>[2]

export const createWebhooks = (deps: Deps): Webhooks => ({
  list: async (scope, project) => {
    const { db } = deps.database
    const rows = await selectWebhooks(db, sql`w.project_id = ${await getProjectId(db, scope, project)}`)
    return { items: rows.map(webhookOf), next_cursor: null }
  },
  find: async (scope, named) => webhookOf(await findRow(deps.database.db, scope, named)),
  add: (actor, project, input) => add(deps, actor, project, input),
  set: (actor, named, changes, expect) => set(deps, actor, named, { changes, expect }),
  rotate: (actor, named, input) => rotate(deps, actor, named, input),
  remove: (actor, named, expect) => remove(deps, actor, named, expect),
  test: (actor, named) => test(deps, actor, named),
  deliveries: async (scope, named, { state, event, limit, cursor }) => {
    const { db } = deps.database
    const { id } = await findRow(db, scope, named)
    const before = cursor === undefined ? sql`true` : sql`d.id < ${cursor}`
    const ofState = state === undefined ? sql`true` : sql`d.state = ${state}`
    const ofEvent = event === undefined ? sql`true` : sql`d.event = ${event}`
    const where = sql`d.webhook_id = ${id} and ${before} and ${ofState} and ${ofEvent}`
    const rows = await selectDeliveries(db, where, limit + 1)
    const page = rows.slice(0, limit)
    return {
      items: page.map(deliveryOf),
      next_cursor: rows.length > page.length ? (page.at(-1)?.id ?? null) : null,
    }
  },
  delivery: async (scope, named) => {
    const { db } = deps.database
    const { id } = await findRow(db, scope, named)
    const message = parseId('message', named.message)
    const found = message === null ? null : await selectWithTries(db, id, message)
    if (found === null) throw noDelivery()
    return { ...deliveryOf(found.row), body: found.row.body, list: [...found.tries] }
  },
  redeliver: (actor, named) => redeliver(deps, actor, named),
})

const add = async (deps: Deps, actor: Actor, named: string, input: WebhookInput): Promise<WebhookCreated> => {
  const { db } = deps.database
  const project = await getProjectId(db, actor.scope, named)
  const url = await requireTarget(deps, input.url)
  const id = deps.newId('webhook')
  const { name, format, events = eventsOf(format), eph } = input
  await requireName(db, project, name)
  const made = await deps.vault.call('sender.create', { webhook: id, project, eph })
  const write = () =>
    inTransaction(db, async (tx) => {
      await sql`
        insert into webhooks (id, organisation_id, project_id, name, url, format, events, public_key, created_by)
        values (${id}, ${actor.scope.organisation}, ${project}, ${name}, ${url}, ${format},
          ${[...new Set(events)]}::text[], ${made.publicKey}, ${actorId(actor)})`.execute(tx)
      await audited(tx, actor, { action: 'webhook.add', target: id, project })
    })
  try {
    await write()
  } catch (error) {
    // A target that is there after all would have nothing to sign with.
    if (!mayBeCommitted(error))
      await deps.vault.call('sender.delete', { webhook: id, project }).catch(() => undefined)
    throw sqlState(error) === '23505' ? taken(name) : error
  }
  return { webhook: await get(db, id), secret_sealed: made.secretSealed }
}

/** What is left out stays. What waits for a target that is disabled is told to nobody. */
const set = async (
  deps: Deps,
  actor: Actor,
  named: NamedWebhook,
  { changes, expect }: { readonly changes: WebhookChange; readonly expect: Expect },
): Promise<Webhook> => {
  const { db } = deps.database
  const { id, project, format } = await findRow(db, actor.scope, named)
  const url = changes.url === undefined ? null : await requireTarget(deps, changes.url)
  if (changes.events?.some((event) => !eventsOf(format).includes(event)))
    throw fault('E_INPUT', { public: `The format ${format} has the events ${eventsOf(format).join(', ')}` })
  const { enabled } = changes
  try {
    await inTransaction(db, async (tx) => {
      const before = await holdRow(tx, id, expect)
      const disabled = enabled === undefined ? before.disabled : enabled ? null : 'person'
      await sql`
        update webhooks set name = ${changes.name ?? before.name}, url = ${url ?? before.url},
          events = ${changes.events === undefined ? before.events : [...new Set(changes.events)]}::text[],
          disabled = ${disabled}
        where id = ${id}`.execute(tx)
      if (disabled !== null) await dropWaiting(tx, id)
      const facts = { disabled: disabled !== null, moved: url !== null && url !== before.url }
      await audited(tx, actor, { action: 'webhook.set', target: id, project, facts })
    })
  } catch (error) {
    throw sqlState(error) === '23505' ? taken(changes.name ?? '') : error
  }
  return get(db, id)
}

const rotate = async (
  deps: Deps,
  actor: Actor,
  named: NamedWebhook,
  { eph, overlap_seconds: wanted }: WebhookRotation,
): Promise<WebhookCreated> => {
  const { db } = deps.database
  const { id, project, format } = await findRow(db, actor.scope, named)
  const overlapSeconds = overlapOf(format, wanted)
  const made = await deps.vault.call('sender.rotate', { webhook: id, project, eph, overlapSeconds })
  const until = overlapSeconds === 0 ? null : new Date(deps.clock.now() + overlapSeconds * 1000)
  await inTransaction(db, async (tx) => {
    await sql`
      update webhooks set public_key = ${made.publicKey}, rotated_at = ${new Date(deps.clock.now())}, overlap_until = ${until}
      where id = ${id}`.execute(tx)
    const facts = { version: made.version, overlapSeconds }
    await audited(tx, actor, { action: 'webhook.rotate', target: id, project, facts })
  })
  return { webhook: await get(db, id), secret_sealed: made.secretSealed }
}

/** The header of CircleCI's form has one signature, that of the newest secret: of the one before nothing is promised. */
const overlapOf = (format: Webhook['format'], wanted: number | undefined): number => {
  if (format !== 'circleci') return wanted ?? senderOverlapSeconds
  if (wanted !== undefined && wanted > 0)
    throw fault('E_INPUT', {
      public:
        'overlap_seconds: the form of CircleCI has room for one signature, and the new secret signs at once: leave it out or say 0',
    })
  return 0
}

const remove = async (deps: Deps, actor: Actor, named: NamedWebhook, expect: Expect): Promise<void> => {
  const { db } = deps.database
  const row = await findRow(db, actor.scope, named)
  const { id, project } = row
  expect?.(webhookOf(row))
  await deps.vault.call('sender.delete', { webhook: id, project })
  await inTransaction(db, async (tx) => {
    await sql`delete from webhooks where id = ${id}`.execute(tx)
    await audited(tx, actor, { action: 'webhook.remove', target: id, project })
  })
}

const test = async (deps: Deps, actor: Actor, named: NamedWebhook): Promise<WebhookDelivery> => {
  const { db } = deps.database
  const row = await findRow(db, actor.scope, named)
  requireEnabled(row)
  const message = deps.newId('message')
  const next = new Date(deps.clock.now())
  await inTransaction(db, async (tx) => {
    await sql`
      insert into webhook_deliveries (webhook_id, id, event, next_at)
      values (${row.id}, ${message}, ${pingEvent}, ${next})`.execute(tx)
    await audited(tx, actor, { action: 'webhook.test', target: row.id, project: row.project })
    tellOnCommit(tx, [toldNotice])
  })
  return deliveryOf(await findDelivery(db, row.id, message))
}

/** The same id and body: a receiver that has it already knows it again. Another round of tries begins. */
const redeliver = async (deps: Deps, actor: Actor, named: NamedMessage): Promise<WebhookDelivery> => {
  const { db } = deps.database
  const row = await findRow(db, actor.scope, named)
  requireEnabled(row)
  const { id: message } = await findDelivery(db, row.id, named.message)
  const next = new Date(deps.clock.now())
  await inTransaction(db, async (tx) => {
    const { rows } = await sql`
      update webhook_deliveries set state = 'waiting', tries = 0, next_at = ${next}
      where webhook_id = ${row.id} and id = ${message} and (state <> 'waiting' or not ${isUnderWay(next)})
      returning 1`.execute(tx)
    if (rows.length === 0) throw fault('E_CONFLICT', { public: 'It is being sent right now' })
    const facts = { message }
    await audited(tx, actor, { action: 'webhook.redeliver', target: row.id, project: row.project, facts })
    tellOnCommit(tx, [toldNotice])
  })
  return deliveryOf(await findDelivery(db, row.id, message))
}

/** Somebody has claimed it and not said yet what came of it. */
const isUnderWay = (now: Date) => sql`exists (
  select 1 from webhook_tries t where t.webhook_id = webhook_deliveries.webhook_id
    and t.delivery_id = webhook_deliveries.id and t.took_ms is null
    and t.at between ${new Date(now.getTime() - limits.webhooks.claimMs)} and ${now})`

const requireEnabled = ({ disabled }: WebhookRow): void => {
  if (disabled !== null) throw fault('E_CONFLICT', { public: 'It is disabled: enable it first' })
}

const audited = (
  tx: Tx,
  actor: Actor,
  entry: {
    readonly action: string
    readonly target: WebhookId
    readonly project: ProjectId
    readonly facts?: Readonly<Record<string, string | number | boolean | null>>
  },
) => writeAudit(tx, actor, { ...entry, result: 'ok' })

const refusals = {
  'address-refused':
    'It is an address of this machine or of a private network; who runs this installation can open it in the settings (webhooks.allow)',
  'http-refused': 'Use https: only addresses that the settings name (webhooks.allow) are told over http',
} as const

/** The words of whoever asks, in one spelling; where it may go is judged again each time something is sent. */
const requireTarget = async ({ reach }: Deps, text: string): Promise<string> => {
  const url = addressOf(text)
  const refused = await refusalOf(reach, url)
  if (refused !== null) throw fault('E_INPUT', { public: `url: ${refusals[refused]}` })
  if (url.href.length > 2000) throw fault('E_INPUT', { public: 'url: It is longer than 2000 characters' })
  return url.href
}

/** What no connection would be made to is said now, with what to do. */
const addressOf = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : null
  // A port beyond 65535 is no address at all, and Node takes 0 for none.
  if (url?.port === '0' || (url === null && /^https?:\/\/[^/?#]*:\d{5,}(?:[/?#]|$)/.test(text)))
    throw fault('E_INPUT', { public: 'url: Its port is none from 1 to 65535; leave it out for 443' })
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw fault('E_INPUT', {
      public: 'url: It has to begin with https://, for example https://example.org/mayfly',
    })
  if (url.username !== '' || url.password !== '')
    throw fault('E_INPUT', {
      public: 'url: Leave name and password out: the receiver knows by the signature who sends',
    })
  url.hash = ''
  return url
}

const requireName = async (db: Db, project: ProjectId, name: string): Promise<void> => {
  const rows = await selectWebhooks(db, sql`w.project_id = ${project}`)
  if (rows.some((row) => row.name === name)) throw taken(name)
  if (rows.length >= limits.webhooks.perProjectMax)
    throw fault('E_CONFLICT', { public: `At most ${limits.webhooks.perProjectMax} targets in a project` })
}

const taken = (name: string) => fault('E_CONFLICT', { public: `There is a target named ${name} already` })
const notThere = () => fault('E_NOT_FOUND', { public: 'No such target of webhooks' })

const get = async (db: Db, id: WebhookId): Promise<Webhook> => {
  const [row] = await selectWebhooks(db, sql`w.id = ${id}`)
  if (row === undefined) throw notThere()
  return webhookOf(row)
}

const holdRow = async (tx: Tx, id: WebhookId, expect: Expect): Promise<WebhookRow> => {
  await sql`select 1 from webhooks where id = ${id} for update`.execute(tx)
  const [row] = await selectWebhooks(tx, sql`w.id = ${id}`)
  if (row === undefined) throw notThere()
  expect?.(webhookOf(row))
  return row
}

const findRow = async (db: Db, scope: Scope, named: NamedWebhook): Promise<WebhookRow> => {
  const project = await getProjectId(db, scope, named.project)
  const { webhook } = named
  const rows = await selectWebhooks(
    db,
    sql`w.project_id = ${project} and (w.id = ${webhook} or w.name = ${webhook})`,
  )
  const row = rows.find(({ id }) => id === webhook) ?? rows[0]
  if (row === undefined) throw notThere()
  return row
}

const findDelivery = async (db: Db, webhook: WebhookId, named: string): Promise<DeliveryRow> => {
  const id: MessageId | null = parseId('message', named)
  const [row] =
    id === null ? [] : await selectDeliveries(db, sql`d.webhook_id = ${webhook} and d.id = ${id}`, 1)
  if (row === undefined) throw noDelivery()
  return row
}

const noDelivery = () => fault('E_NOT_FOUND', { public: 'No such delivery' })
