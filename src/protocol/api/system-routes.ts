// Routes of the installation: runners, its state, the catalogue of errors, lint, and what only the operator may ask.
import * as z from 'zod'
import { paging, type Route, route } from './route.ts'
import * as s from './shapes.ts'

export const systemRoutes = {
  runners: route({
    method: 'GET',
    path: '/api/v1/runners',
    access: 'runner.view',
    summary: 'Runners of this installation',
    ofAll: true,
    query: z.strictObject(paging),
    answer: s.page(s.runner),
  }),
  status: route({
    method: 'GET',
    path: '/api/v1/status',
    access: 'public',
    summary: 'Is everything up',
    answer: s.systemStatus,
  }),
  errors: route({
    method: 'GET',
    path: '/api/v1/errors',
    access: 'public',
    summary: 'What every error code means',
    query: z.strictObject(paging),
    answer: s.page(s.errorKind),
  }),
  lint: route({
    method: 'POST',
    path: '/api/v1/lint',
    access: 'session',
    summary: 'Compile text without running it',
    body: s.lintRequest,
    answer: z.object({
      ok: z.boolean(),
      problems: z.array(s.problem),
      constructs: z.array(s.construct).optional(),
    }),
  }),

  /** The operator's own verbs, on the local socket only. */
  operatorClaimLink: route({
    method: 'POST',
    path: '/api/v1/operator/claim-link',
    access: 'operator',
    summary: 'A new claim link while unclaimed',
    body: z.strictObject({}),
    answer: z.object({ claimed: z.boolean(), url: z.string().nullable() }),
    showsSecret: true,
  }),
  operatorEnroll: route({
    method: 'POST',
    path: '/api/v1/operator/runners',
    access: 'operator',
    summary: 'Enrol a runner by its public key',
    body: z.strictObject({ id: z.string(), name: z.string().max(64), public_key: z.string().max(64) }),
    answer: s.runner,
  }),
  operatorBackups: route({
    method: 'GET',
    path: '/api/v1/operator/backups',
    access: 'operator',
    summary: 'Backups that were made, newest first',
    query: z.strictObject(paging),
    answer: s.page(s.backup),
  }),
  operatorBackupNote: route({
    method: 'POST',
    path: '/api/v1/operator/backups',
    access: 'operator',
    summary: 'Note that a backup was made or proven',
    body: z.strictObject({
      id: z.string().max(64),
      made_at: z.iso.datetime(),
      bytes: z.number().int().min(1),
      verified: z.boolean(),
    }),
    answer: s.backup,
  }),
} as const satisfies Record<string, Route>
