// Routes of webhooks out: thin calls of the use cases in server/webhooks/.
import type { Webhooks } from '../../use-cases.ts'
import type { Handlers } from '../binder.ts'
import { pageOf } from '../paging.ts'

export type WebhookRoutes = Extract<keyof Handlers, `webhook${string}`>

export const webhookHandlers = (webhooks: Webhooks): Pick<Handlers, WebhookRoutes> => ({
  webhooks: async ({ actor, params, query }) =>
    pageOf((await webhooks.list(actor.scope, params.project)).items, query, ({ id }) => id),
  webhookAdd: ({ actor, params, body }) => webhooks.add(actor, params.project, body),
  webhook: ({ actor, params }) => webhooks.find(actor.scope, params),
  webhookSet: ({ actor, params, body, expect }) => webhooks.set(actor, params, body, expect),
  webhookRemove: async ({ actor, params, expect }) => {
    await webhooks.remove(actor, params, expect)
    return {}
  },
  webhookRotate: ({ actor, params, body }) => webhooks.rotate(actor, params, body),
  webhookTest: ({ actor, params }) => webhooks.test(actor, params),
  webhookDeliveries: ({ actor, params, query }) => webhooks.deliveries(actor.scope, params, query),
  webhookDelivery: ({ actor, params }) => webhooks.delivery(actor.scope, params),
  webhookRedeliver: ({ actor, params }) => webhooks.redeliver(actor, params),
})
