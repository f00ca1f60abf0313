// A project, a receiver and what sends to it, in one process over a real database and vault: for the tests of server/webhooks/.
import assert from 'node:assert/strict'
import { after } from 'node:test'
import { fromBase64Url, toBase64Url, utf8Decode } from '../../src/base/bytes.ts'
import { parseId } from '../../src/base/ids.ts'
import { silentLog } from '../../src/base/log.ts'
import type { WebhookCreated, WebhookInput } from '../../src/protocol/api/webhooks.ts'
import { generateSealingKey, type KeyPair, openWebhookSecret } from '../../src/seal/index.ts'
import { parseOpened, type Reach, resolveName } from '../../src/server/webhooks/reach.ts'
import { claimDue, type SendDeps, sendOne } from '../../src/server/webhooks/send.ts'
import { createWebhooks } from '../../src/server/webhooks/webhooks.ts'
import { addHookedProject } from './hooked-project.ts'
import { openParts } from './parts.ts'
import { openReceiver } from './webhook-receiver.ts'

/** When it is said so, in milliseconds from now. */
export const createMovableClock = () => {
  const state = { ahead: 0 }
  return {
    now: () => Date.now() + state.ahead,
    monotonicMs: () => performance.now(),
    pass: (ms: number) => {
      state.ahead += ms
    },
  }
}

export const secretOf = async (key: KeyPair, { webhook, secret_sealed }: WebhookCreated): Promise<string> => {
  const secret = await openWebhookSecret(key, fromBase64Url(secret_sealed)!, parseId('webhook', webhook.id)!)
  return utf8Decode(secret!)!
}

export type WebhookWorld = Awaited<ReturnType<typeof openWebhookWorld>>

export const openWebhookWorld = async () => {
  const parts = await openParts()
  const clock = createMovableClock()
  const receiver = await openReceiver()
  after(() => receiver.close())
  const project = await addHookedProject(parts, 'web')
  const reach: Reach = { opened: parseOpened([receiver.allow]), resolve: resolveName, authorities: null }
  const webhooks = createWebhooks({ ...parts, clock, reach })
  const stopping = new AbortController()
  const send: SendDeps = {
    ...{ db: parts.db, vault: parts.vault, clock, log: silentLog, version: 'test', reach },
    ...{ serverUrl: () => 'http://localhost:8420', stopping: stopping.signal, random: () => 0 },
  }
  return {
    ...{ parts, clock, receiver, project, webhooks, send, stopping },
    add: async (name: string, more: Partial<WebhookInput> = {}) => {
      const key = await generateSealingKey()
      const input = { name, url: receiver.url, format: 'standard' as const, eph: toBase64Url(key.publicKey) }
      const made = await webhooks.add(parts.actor, 'web', { ...input, ...more })
      return { ...made, secret: await secretOf(key, made), named: { project: 'web', webhook: name } }
    },
    /** What is due, sent. */
    sendDue: async (deps: Partial<SendDeps> = {}) => {
      const claimed = await claimDue(send, { count: 100 })
      await Promise.all(claimed.map((each) => sendOne({ ...send, ...deps }, each)))
      return claimed
    },
    deliveries: async (webhook: string) =>
      (await webhooks.deliveries(parts.scope, { project: 'web', webhook }, { limit: 100 })).items,
    last: async (webhook: string) => {
      const [delivery] = (await webhooks.deliveries(parts.scope, { project: 'web', webhook }, { limit: 1 }))
        .items
      assert.ok(delivery)
      return delivery
    },
  }
}
