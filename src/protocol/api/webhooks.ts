// Webhooks out in the HTTP API: the targets of a project and what they were told.
import * as z from 'zod'
import { eventsOf, senderOverlapSecondsMax, webhookEvents, webhookFormats } from '../webhooks.ts'
import { status } from './shapes.ts'

const name = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]*$/)
const url = z.string().min(8).max(2000)
const event = z.enum(webhookEvents)
const format = z.enum(webhookFormats)
const eph = z.string().length(43)

export const webhook = z.object({
  id: z.string(),
  name: z.string(),
  url: z.string(),
  format,
  events: z.array(event),
  /** Why it is told nothing: a person said so, or it answered 410. */
  disabled: z.enum(['person', 'gone']).nullable(),
  /** Checks the signatures `v1a` (Ed25519). */
  public_key: z.string(),
  created_at: z.string(),
  rotated_at: z.string().nullable(),
  /** Until then the keys of before sign as well. */
  overlap_until: z.string().nullable(),
})
export type Webhook = z.infer<typeof webhook>

export const webhookInput = z
  .strictObject({
    name,
    url,
    format: format.default('standard'),
    /** Left out: all of the format. */
    events: z.array(event).min(1).max(webhookEvents.length).optional(),
    /** The X25519 key that its secret is sealed to. */
    eph,
  })
  .refine(
    ({ format, events = [] }) => events.every((each) => eventsOf(format).includes(each)),
    'an event that this format does not have',
  )
export type WebhookInput = z.infer<typeof webhookInput>

/** What is left out stays. */
export const webhookChange = z
  .strictObject({
    name: name.optional(),
    url: url.optional(),
    events: z.array(event).min(1).max(webhookEvents.length).optional(),
    enabled: z.boolean().optional(),
  })
  .refine((changes) => Object.keys(changes).length > 0, 'nothing to change')
export type WebhookChange = z.infer<typeof webhookChange>

export const webhookRotation = z.strictObject({
  eph,
  /** For so long the keys of before sign as well; 0: they are gone at once. Default: a day; in the form of CircleCI 0, and nothing else. */
  overlap_seconds: z.number().int().min(0).max(senderOverlapSecondsMax).optional(),
})
export type WebhookRotation = z.infer<typeof webhookRotation>

/** `secret_sealed`: shown once, to whoever has the private half of `eph`. */
export const webhookCreated = z.object({ webhook, secret_sealed: z.string() })
export type WebhookCreated = z.infer<typeof webhookCreated>

export const webhookDeliveryStates = ['waiting', 'delivered', 'failed', 'dropped'] as const

export const webhookTry = z.object({
  number: z.number(),
  at: z.string(),
  /** null: under way, or the server ended meanwhile. */
  took_ms: z.number().nullable(),
  response: z.number().nullable(),
  /** Why there is no response. */
  problem: z.string().nullable(),
  /** The first bytes of the answer, written by whoever answered. */
  answer: z.string().nullable(),
})
export type WebhookTry = z.infer<typeof webhookTry>

export const webhookDelivery = z.object({
  /** The `webhook-id`: the same for every try. */
  id: z.string(),
  event: z.string(),
  at: z.string(),
  state: z.enum(webhookDeliveryStates),
  /** Of what it is about, then. */
  status: status.nullable(),
  run: z.object({ id: z.string(), number: z.number() }).nullable(),
  job: z.object({ id: z.string(), name: z.string() }).nullable(),
  tries: z.number(),
  last: webhookTry.nullable(),
  next_at: z.string().nullable(),
})
export type WebhookDelivery = z.infer<typeof webhookDelivery>

/** `body`: as it is sent; null before the first try. `list`: the last tries, newest first. */
export const webhookDeliveryDetail = webhookDelivery.extend({
  body: z.string().nullable(),
  list: z.array(webhookTry),
})
export type WebhookDeliveryDetail = z.infer<typeof webhookDeliveryDetail>
