// The HTTP API as data: method, path, the verb that authorises it, input and output shapes. The router, OpenAPI,
// the access tests, the web and the CLI all read this table; server/http binds a handler to each entry. A file for each area.
import type * as z from 'zod'
import { admissionRoutes } from './admission-routes.ts'
import { auditRoutes } from './audit-routes.ts'
import { contextRoutes } from './context-routes.ts'
import { deliveryRoutes } from './delivery-routes.ts'
import { entryRoutes } from './entry-routes.ts'
import { identityRoutes } from './identity-routes.ts'
import { logRoutes } from './log-routes.ts'
import { peopleRoutes } from './people-routes.ts'
import { projectRoutes } from './project-routes.ts'
import { proposalRoutes } from './proposal-routes.ts'
import type { Route } from './route.ts'
import { runRoutes } from './run-routes.ts'
import { scheduleRoutes } from './schedule-routes.ts'
import { secretRoutes } from './secret-routes.ts'
import { storedRoutes } from './stored-routes.ts'
import { systemRoutes } from './system-routes.ts'
import { webhookRoutes } from './webhook-routes.ts'

export type { Access, Route } from './route.ts'

export const routes = {
  ...entryRoutes,
  ...projectRoutes,
  ...peopleRoutes,
  ...admissionRoutes,
  ...contextRoutes,
  ...secretRoutes,
  ...proposalRoutes,
  ...identityRoutes,
  ...scheduleRoutes,
  ...deliveryRoutes,
  ...webhookRoutes,
  ...runRoutes,
  ...storedRoutes,
  ...logRoutes,
  ...auditRoutes,
  ...systemRoutes,
} as const satisfies Record<string, Route>

export type RouteName = keyof typeof routes
export type AnswerOf<N extends RouteName> = z.output<(typeof routes)[N]['answer']>
export type BodyOf<N extends RouteName> = (typeof routes)[N] extends { body: infer B extends z.ZodType }
  ? z.input<B>
  : undefined
