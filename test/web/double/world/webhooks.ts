// Webhooks of the double: one that is told, one that nobody hears any more, and what became of some messages.
import { fromBase64Url, toBase64Url, utf8 } from '../../../../src/base/bytes.ts'
import { parseId } from '../../../../src/base/ids.ts'
import type {
  Webhook,
  WebhookDelivery,
  WebhookDeliveryDetail,
  WebhookTry,
} from '../../../../src/protocol/api/webhooks.ts'
import { mayflyEvents } from '../../../../src/protocol/webhooks.ts'
import { sealWebhookSecret } from '../../../../src/seal/index.ts'
import { ago, idOf } from './ids.ts'

const key = 'whpk_QWRhIExvdmVsYWNlIHdyb3RlIHRoZSBmaXJzdCBvbmU='
const webhooks: readonly Webhook[] = [
  {
    ...{ id: idOf('whk', 1), name: 'chat', url: 'https://chat.example.org/hooks/9f2c?channel=builds' },
    ...{ format: 'standard', events: ['run.hold', 'run.finished'], disabled: null, public_key: key },
    ...{ created_at: ago(800_000), rotated_at: ago(3_000), overlap_until: ago(-83_400) },
  },
  {
    ...{ id: idOf('whk', 2), name: 'old board', url: 'https://board.example.org/' },
    ...{ format: 'cloudevents', events: [...mayflyEvents], disabled: 'gone', public_key: key },
    ...{ created_at: ago(900_000), rotated_at: null, overlap_until: null },
  },
]

const tried = (number: number, more: Partial<WebhookTry>): WebhookTry => ({
  ...{ number, at: ago(600 - number), took_ms: 48, response: 200, problem: null, answer: 'ok' },
  ...more,
})
const delivery = (n: number, more: Partial<WebhookDelivery>): WebhookDelivery => ({
  ...{
    id: idOf('msg', 100 - n),
    event: 'run.finished',
    at: ago(600 * n),
    state: 'delivered',
    status: 'failed',
  },
  ...{ run: { id: idOf('run', 412), number: 412 }, job: null, tries: 1, last: tried(1, {}), next_at: null },
  ...more,
})
const hostile = '<script>alert(1)</script> \u202edeniaga yrt\u0007\n{"error": "queue is full"}'
const deliveries: readonly WebhookDelivery[] = [
  delivery(1, {
    ...{ state: 'waiting', tries: 3, next_at: ago(-1_500) },
    last: tried(3, { response: 503, took_ms: 1_204, answer: hostile }),
  }),
  delivery(2, { event: 'ping', status: null, run: null }),
  delivery(3, {
    ...{ event: 'run.hold', status: 'on_hold', state: 'failed', tries: 10 },
    last: tried(10, { response: null, problem: 'timeout', took_ms: 15_002, answer: null }),
  }),
  delivery(4, {
    state: 'dropped',
    tries: 1,
    last: tried(1, { took_ms: null, response: null, answer: null }),
  }),
]
const older = Array.from({ length: 6 }, (_, i) =>
  delivery(5 + i, { event: i % 2 === 0 ? 'run.hold' : 'ping' }),
)
const body = JSON.stringify({ type: 'run.finished', timestamp: ago(600), data: { run: { number: 412 } } })

const detailOf = (one: WebhookDelivery): WebhookDeliveryDetail => ({
  ...one,
  body,
  list: Array.from({ length: one.tries }, (_, i) => tried(one.tries - i, one.last ?? {})).map((each, i) => ({
    ...each,
    number: one.tries - i,
  })),
})

const secretFor = async (webhook: Webhook, eph: unknown) => {
  const to = fromBase64Url(String(eph)) ?? new Uint8Array()
  const text = utf8('whsec_QWRhIExvdmVsYWNlIHdyb3RlIHRoZSBmaXJzdCBvbmU=')
  const sealed = await sealWebhookSecret(to, text, parseId('webhook', webhook.id)!)
  return { webhook, secret_sealed: toBase64Url(sealed ?? new Uint8Array()) }
}

/** To every request below `/webhooks`; null: there is no such thing. */
export const webhookAnswer = (
  line: string,
  given: Record<string, unknown>,
  query: URLSearchParams,
): unknown => {
  const [, id, deeper = ''] = /\/webhooks(?:\/([^/]+))?(\/.*)?$/.exec(line) ?? []
  const [first] = webhooks
  if (id === undefined) return line.startsWith('GET') ? listOf(webhooks) : addedOf(given)
  const found = webhooks.find((webhook) => webhook.id === id) ?? first
  if (found === undefined) return null
  if (deeper === '/rotate') return secretFor({ ...found, overlap_until: ago(-86_400) }, given.eph)
  if (deeper === '/test') return delivery(9, { event: 'ping', status: null, run: null })
  if (deeper === '/deliveries') return found === first ? deliveriesOf(query) : listOf([])
  const message = /^\/deliveries\/([^/]+)/.exec(deeper)?.[1]
  const told = deliveries.find((one) => one.id === message)
  if (message !== undefined) return told === undefined ? null : detailOf(told)
  if (line.startsWith('DELETE')) return {}
  const { enabled, ...changes } = given
  return {
    ...found,
    ...changes,
    ...(enabled === undefined ? {} : { disabled: enabled === true ? null : 'person' }),
  }
}

/** Two pages; what is filtered comes as one. */
const deliveriesOf = (query: URLSearchParams) => {
  const [state, event] = [query.get('state'), query.get('event')]
  if (state !== null || event !== null)
    return listOf(
      [...deliveries, ...older].filter(
        (one) => (state === null || one.state === state) && (event === null || one.event === event),
      ),
    )
  if (query.get('cursor') !== null) return listOf(older)
  return { items: deliveries, next_cursor: deliveries.at(-1)?.id ?? null }
}

const listOf = <T>(items: readonly T[]) => ({ items, next_cursor: null })

const addedOf = ({ name, url, format, events, eph }: Record<string, unknown>) =>
  secretFor(
    {
      ...{ id: idOf('whk', 3), name: String(name), url: String(url) },
      format: format as Webhook['format'],
      events: events as Webhook['events'],
      ...{ disabled: null, public_key: key, created_at: ago(0), rotated_at: null, overlap_until: null },
    },
    eph,
  )
