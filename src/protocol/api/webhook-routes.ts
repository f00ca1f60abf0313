// The routes of webhooks out; part of the table in routes.ts. Addresses may hold what lets somebody in, so only those who
// set them see them.
import * as z from 'zod'
import { pingEvent, webhookEvents } from '../webhooks.ts'
import { paging, type Route, route } from './route.ts'
import { page } from './shapes.ts'
import * as s from './webhooks.ts'

export const webhookRoutes = {
  webhooks: route({
    method: 'GET',
    path: '/api/v1/projects/:project/webhooks',
    access: 'project.manage',
    summary: 'Who is told of what happens in a project',
    query: z.strictObject(paging),
    answer: page(s.webhook),
  }),
  webhookAdd: route({
    method: 'POST',
    path: '/api/v1/projects/:project/webhooks',
    access: 'project.manage',
    summary: 'Tell another target; its secret comes sealed, once',
    body: s.webhookInput,
    answer: s.webhookCreated,
    showsSecret: true,
    provenAnew: true,
  }),
  webhook: route({
    method: 'GET',
    path: '/api/v1/projects/:project/webhooks/:webhook',
    access: 'project.manage',
    summary: 'One target of webhooks, by id or name',
    answer: s.webhook,
    versioned: true,
  }),
  webhookSet: route({
    method: 'PATCH',
    path: '/api/v1/projects/:project/webhooks/:webhook',
    access: 'project.manage',
    summary: 'Change a target, by id or name; disable or enable it',
    body: s.webhookChange,
    answer: s.webhook,
    provenAnew: true,
  }),
  webhookRemove: route({
    method: 'DELETE',
    path: '/api/v1/projects/:project/webhooks/:webhook',
    access: 'project.manage',
    summary: 'Remove a target with its deliveries, by id or name',
    answer: z.object({}),
  }),
  webhookRotate: route({
    method: 'POST',
    path: '/api/v1/projects/:project/webhooks/:webhook/rotate',
    access: 'project.manage',
    summary: 'Give a target new keys; those of before sign as well for a while',
    body: s.webhookRotation,
    answer: s.webhookCreated,
    showsSecret: true,
    provenAnew: true,
  }),
  webhookTest: route({
    method: 'POST',
    path: '/api/v1/projects/:project/webhooks/:webhook/test',
    access: 'project.manage',
    summary: 'Send a ping',
    body: z.strictObject({}),
    answer: s.webhookDelivery,
  }),
  webhookDeliveries: route({
    method: 'GET',
    path: '/api/v1/projects/:project/webhooks/:webhook/deliveries',
    access: 'project.manage',
    summary: 'What a target was told, newest first',
    query: z.strictObject({
      ...paging,
      state: z.enum(s.webhookDeliveryStates).optional(),
      event: z.enum([...webhookEvents, pingEvent]).optional(),
    }),
    answer: page(s.webhookDelivery),
  }),
  webhookDelivery: route({
    method: 'GET',
    path: '/api/v1/projects/:project/webhooks/:webhook/deliveries/:message',
    access: 'project.manage',
    summary: 'One delivery: what was sent, and every try',
    answer: s.webhookDeliveryDetail,
  }),
  webhookRedeliver: route({
    method: 'POST',
    path: '/api/v1/projects/:project/webhooks/:webhook/deliveries/:message/redeliver',
    access: 'project.manage',
    summary: 'Send a delivery once more, with the same id and body',
    body: z.strictObject({}),
    answer: s.webhookDelivery,
  }),
} as const satisfies Record<string, Route>
