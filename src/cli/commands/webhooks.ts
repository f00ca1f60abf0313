// Webhooks out of a project: who is told, with which keys, and what became of it. A secret is opened here and shown once.
import { fromBase64Url, toBase64Url, utf8Decode } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import { parseId } from '../../base/ids.ts'
import type {
  Webhook,
  WebhookChange,
  WebhookCreated,
  WebhookDelivery,
  WebhookDeliveryDetail,
  WebhookInput,
} from '../../protocol/api/webhooks.ts'
import { webhookFormats } from '../../protocol/webhooks.ts'
import { generateEphemeralKey, openWebhookSecret } from '../../seal/index.ts'
import type { ApiClient } from '../api/client.ts'
import { ofProject } from '../api/of-project.ts'
import { exitCodes } from '../exit-codes.ts'
import { inertText } from '../inert.ts'
import { writeTable } from '../look.ts'
import { readDuration } from '../read-duration.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = { readonly json?: boolean; readonly project?: string }
type Changes = Flags & { readonly url?: string; readonly name?: string; readonly event: readonly string[] }

export const listWebhooks = async (around: Surroundings, flags: Flags): Promise<number> => {
  const { api, params } = await ofProject(around, flags)
  const page = await api.all('webhooks', { params })
  if (flags.json) return writeJson(around, page)
  writeTable(
    around.stdout,
    ['WEBHOOK', 'FORMAT', 'STATE', 'EVENTS', 'URL'],
    page.items.map((each) => [each.name, each.format, stateOf(each), each.events.join(','), each.url]),
  )
  return 0
}

export const showWebhook = async (around: Surroundings, flags: Flags, webhook: string): Promise<number> => {
  const { api, params } = await ofProject(around, flags)
  return write(around, flags, await api.call('webhook', { params: { ...params, webhook } }))
}

export const addWebhook = async (
  around: Surroundings,
  flags: Changes & { readonly format?: WebhookInput['format'] },
  name: string,
  url: string,
): Promise<number> => {
  const { api, params } = await ofProject(around, flags)
  const key = await generateEphemeralKey()
  const made = await api.call('webhookAdd', {
    params,
    body: {
      ...{ name, url, format: flags.format ?? webhookFormats[0], eph: toBase64Url(key.publicKey) },
      ...eventsIn(flags),
    },
  })
  return writeCreated(around, flags, await opened(key, made))
}

export const rotateWebhook = async (
  around: Surroundings,
  flags: Flags & { readonly overlap?: string },
  webhook: string,
): Promise<number> => {
  const { api, params } = await ofProject(around, flags)
  const key = await generateEphemeralKey()
  const overlap =
    flags.overlap === undefined ? {} : { overlap_seconds: Math.floor(readDuration(flags.overlap) / 1000) }
  const body = { eph: toBase64Url(key.publicKey), ...overlap }
  const made = await api.call('webhookRotate', { params: { ...params, webhook }, body })
  return writeCreated(around, flags, await opened(key, made))
}

export const setWebhook = async (around: Surroundings, flags: Changes, webhook: string): Promise<number> => {
  const { url, name } = flags
  const changes = {
    ...(url === undefined ? {} : { url }),
    ...(name === undefined ? {} : { name }),
    ...eventsIn(flags),
  }
  if (Object.keys(changes).length === 0)
    throw fault('E_INPUT', { public: 'say what to change, for example --url' })
  return change(around, flags, webhook, changes)
}

export const enableWebhook = (around: Surroundings, flags: Flags, webhook: string): Promise<number> =>
  change(around, flags, webhook, { enabled: true })
export const disableWebhook = (around: Surroundings, flags: Flags, webhook: string): Promise<number> =>
  change(around, flags, webhook, { enabled: false })

const change = async (
  around: Surroundings,
  flags: Flags,
  webhook: string,
  body: WebhookChange,
): Promise<number> => {
  const { api, params } = await ofProject(around, flags)
  return write(around, flags, await api.call('webhookSet', { params: { ...params, webhook }, body }))
}

export const removeWebhook = async (around: Surroundings, flags: Flags, webhook: string): Promise<number> => {
  const { api, params } = await ofProject(around, flags)
  await api.call('webhookRemove', { params: { ...params, webhook } })
  around.stderr.write(inertText`${webhook} is removed\n`)
  return 0
}

export const listWebhookDeliveries = async (
  around: Surroundings,
  flags: Flags & {
    readonly state?: WebhookDelivery['state']
    readonly event?: string
    readonly before?: string
    readonly limit: string
  },
  webhook: string,
): Promise<number> => {
  const { api, params } = await ofProject(around, flags)
  const query = { state: flags.state, event: flags.event, cursor: flags.before, limit: flags.limit }
  const page = await api.call('webhookDeliveries', { params: { ...params, webhook }, query })
  if (flags.json) return writeJson(around, page)
  writeTable(
    around.stdout,
    ['ID', 'AT', 'EVENT', 'OF', 'STATE', 'TRIES', 'LAST', 'NEXT'],
    page.items.map((each) => [
      ...[each.id, each.at, each.event, aboutOf(each), each.state, `${each.tries}`],
      ...[outcomeOf(each), each.next_at ?? '-'],
    ]),
  )
  return 0
}

export const showWebhookDelivery = async (
  around: Surroundings,
  flags: Flags,
  webhook: string,
  message: string,
): Promise<number> => {
  const { api, params } = await ofProject(around, flags)
  const found = await api.call('webhookDelivery', { params: { ...params, webhook, message } })
  return writeDelivery(around, flags, found)
}

/** Waits for what comes of the first try: that is what somebody wants to know who asks. */
export const testWebhook = async (around: Surroundings, flags: Flags, webhook: string): Promise<number> => {
  const { api, params } = await ofProject(around, flags)
  const { id } = await api.call('webhookTest', { params: { ...params, webhook }, body: {} })
  return awaitTry(around, flags, { api, params: { ...params, webhook, message: id } }, 0)
}

export const redeliverWebhook = async (
  around: Surroundings,
  flags: Flags,
  webhook: string,
  message: string,
): Promise<number> => {
  const { api, params } = await ofProject(around, flags)
  const of = { ...params, webhook, message }
  // Asked before: what is sent once more may have been tried by the time of the answer.
  const { list } = await api.call('webhookDelivery', { params: of })
  await api.call('webhookRedeliver', { params: of, body: {} })
  return awaitTry(around, flags, { api, params: of }, list[0]?.number ?? 0)
}

const lookEveryMs = 300
const waitMs = 30_000

/** Of a try with a number above `tries`. Not delivered: the exit code says so. */
const awaitTry = async (
  around: Surroundings,
  flags: Flags,
  of: {
    readonly api: ApiClient
    readonly params: { readonly project: string; readonly webhook: string; readonly message: string }
  },
  tries: number,
): Promise<number> => {
  const until = Date.now() + waitMs
  for (;;) {
    const found = await of.api.call('webhookDelivery', { params: of.params })
    const isTold = found.list.some((one) => one.number > tries && one.took_ms !== null)
    if (isTold || Date.now() > until) {
      writeDelivery(around, flags, found)
      return found.state === 'delivered' ? 0 : exitCodes.failed
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
  }
}

/** SAFE: the server says which events there are, and refuses all others in words. */
const eventsIn = ({ event }: Pick<Changes, 'event'>) =>
  event.length === 0 ? {} : { events: [...event] as Webhook['events'] }

const opened = async (
  key: Awaited<ReturnType<typeof generateEphemeralKey>>,
  made: WebhookCreated,
): Promise<{ readonly webhook: Webhook; readonly secret: string }> => {
  const sealed = fromBase64Url(made.secret_sealed)
  const id = parseId('webhook', made.webhook.id)
  const secret = sealed === null || id === null ? null : await openWebhookSecret(key, sealed, id)
  const text = secret === null ? null : utf8Decode(secret)
  if (text === null)
    throw fault('E_PROTOCOL', { public: 'the secret could not be opened: rotate it for a new one' })
  return { webhook: made.webhook, secret: text }
}

const writeCreated = (
  around: Surroundings,
  flags: Flags,
  made: { readonly webhook: Webhook; readonly secret: string },
): number => {
  if (flags.json) return writeJson(around, made)
  write(around, flags, made.webhook)
  around.stdout.write(inertText`secret       ${made.secret}\n`)
  around.stderr.write(
    'The secret is shown only now: give it to the receiver, which checks signatures with it.\n',
  )
  return 0
}

const write = (around: Surroundings, flags: Flags, webhook: Webhook): number => {
  if (flags.json) return writeJson(around, webhook)
  const rows: readonly (readonly [string, string | null])[] = [
    ['webhook', `${webhook.name}  ${webhook.id}`],
    ['url', webhook.url],
    ['format', webhook.format],
    ['events', webhook.events.join(' ')],
    ['state', stateOf(webhook)],
    ['public key', webhook.public_key],
    ['rotated', webhook.rotated_at],
    ['overlap to', webhook.overlap_until],
  ]
  for (const [name, value] of rows)
    if (value !== null) around.stdout.write(inertText`${name.padEnd(13)}${value}\n`)
  return 0
}

const writeDelivery = (around: Surroundings, flags: Flags, delivery: WebhookDeliveryDetail): number => {
  if (flags.json) return writeJson(around, delivery)
  around.stdout.write(inertText`${delivery.id}  ${delivery.event}  ${aboutOf(delivery)}  ${delivery.state}\n`)
  for (const tried of delivery.list.toReversed()) {
    around.stdout.write(inertText`  try ${tried.number}  ${tried.at}  ${triedOf(tried)}\n`)
    if (tried.answer) around.stdout.write(inertText`    ${tried.answer}\n`)
  }
  if (delivery.next_at !== null) around.stdout.write(inertText`  next ${delivery.next_at}\n`)
  return 0
}

const writeJson = (around: Surroundings, value: object): number => {
  around.stdout.write(`${JSON.stringify(value)}\n`)
  return 0
}

const stateOf = ({ disabled }: Webhook): string =>
  disabled === null ? 'enabled' : disabled === 'gone' ? 'disabled (it answered 410)' : 'disabled'

const aboutOf = ({ run, job, status }: WebhookDelivery): string =>
  [
    run === null ? '-' : `#${run.number}`,
    ...(job === null ? [] : [job.name]),
    ...(status === null ? [] : [status]),
  ].join(' ')

const outcomeOf = ({ last }: WebhookDelivery): string => (last === null ? '-' : triedOf(last))

const triedOf = ({ took_ms: tookMs, response, problem }: NonNullable<WebhookDelivery['last']>): string =>
  tookMs === null ? 'no outcome' : `${response ?? problem ?? '-'} in ${tookMs} ms`
