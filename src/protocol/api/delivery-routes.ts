// Routes of what source hosts sent.
import * as z from 'zod'
import { paging, type Route, route, sorting } from './route.ts'
import * as s from './shapes.ts'

export const deliveryRoutes = {
  deliveries: route({
    method: 'GET',
    path: '/api/v1/deliveries',
    access: 'run.view',
    summary: 'What source hosts sent and what came of it',
    query: z.strictObject({
      ...paging,
      ...sorting,
      project: z.string().optional(),
      verdict: s.deliveryVerdict.optional(),
      source: s.deliverySource.optional(),
      /** Full, or the name of a branch or tag. */
      ref: z.string().max(255).optional(),
      commit: z.string().max(64).optional(),
    }),
    answer: s.page(s.delivery),
  }),
  delivery: route({
    method: 'GET',
    path: '/api/v1/deliveries/:delivery',
    access: 'run.view',
    summary: 'One delivery: what was decided, and why',
    answer: s.delivery,
  }),
  deliveryReplay: route({
    method: 'POST',
    path: '/api/v1/deliveries/:delivery/replay',
    access: 'run.trigger',
    summary: 'Start a run of the commit that a delivery told of, once more',
    body: z.strictObject({}),
    answer: s.delivery,
  }),
} as const satisfies Record<string, Route>
