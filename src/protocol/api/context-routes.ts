// The routes of contexts and their secrets; part of the table in routes.ts.
import * as z from 'zod'
import { secretViews } from '../secret-views.ts'
import * as c from './contexts.ts'
import { paging, type Route, route } from './route.ts'
import * as s from './secrets.ts'
import { page } from './shapes.ts'

export const contextRoutes = {
  contexts: route({
    method: 'GET',
    path: '/api/v1/contexts',
    access: 'secret.meta',
    summary: 'Named sets of secrets, and which jobs may use them',
    ofAll: true,
    query: z.strictObject(paging),
    answer: page(c.context),
  }),
  contextCreate: route({
    method: 'POST',
    path: '/api/v1/contexts',
    access: 'context.manage',
    summary: 'Make a context, under a signed statement',
    ofAll: true,
    body: c.contextPut,
    answer: c.context,
  }),
  context: route({
    method: 'GET',
    path: '/api/v1/contexts/:context',
    access: 'secret.meta',
    summary: 'One context, by id or name',
    ofAll: true,
    answer: c.context,
    versioned: true,
  }),
  contextSet: route({
    method: 'PATCH',
    path: '/api/v1/contexts/:context',
    access: 'context.manage',
    summary: 'Change which jobs may use a context, under a signed statement',
    ofAll: true,
    body: c.contextPut,
    answer: c.context,
  }),
  contextDelete: route({
    method: 'POST',
    path: '/api/v1/contexts/:context/delete',
    access: 'context.manage',
    summary: 'Delete a context with all its secrets, under a signed statement',
    ofAll: true,
    body: c.contextDelete,
    answer: c.context,
  }),
  contextSecrets: route({
    method: 'GET',
    path: '/api/v1/contexts/:context/secrets',
    access: 'secret.meta',
    summary: 'The secrets of a context, never their values',
    ofAll: true,
    query: z.strictObject({ ...paging, view: z.enum(secretViews).optional() }),
    answer: page(s.secret),
  }),
  contextSecretPut: route({
    method: 'POST',
    path: '/api/v1/contexts/:context/secrets',
    access: 'secret.put',
    summary:
      'Put a secret of a context, or a new version of it: sealed to the vault under a signed statement',
    ofAll: true,
    body: s.secretPut,
    answer: s.secret,
    onlySealed: true,
  }),
  contextSecret: route({
    method: 'GET',
    path: '/api/v1/contexts/:context/secrets/:name',
    access: 'secret.meta',
    summary: 'One secret of a context, never its value',
    ofAll: true,
    answer: s.secret,
  }),
  contextSecretSet: route({
    method: 'POST',
    path: '/api/v1/contexts/:context/secrets/:name/set',
    access: 'secret.put',
    summary: 'Disable or enable a secret of a context, or change its dates, by a signed statement',
    ofAll: true,
    body: s.secretSet,
    answer: s.secret,
  }),
  contextSecretReach: route({
    method: 'GET',
    path: '/api/v1/contexts/:context/secrets/:name/reach',
    access: 'secret.put',
    summary: 'Who and what can reach a secret of a context, by the rules that judge each job',
    ofAll: true,
    answer: s.secretReach,
  }),
  contextSecretRevoke: route({
    method: 'POST',
    path: '/api/v1/contexts/:context/secrets/:name/revoke',
    access: 'secret.revoke',
    summary: 'Revoke a secret of a context: all its values are removed',
    ofAll: true,
    body: s.secretRevoke,
    answer: s.secret,
  }),
  contextSecretSignatures: route({
    method: 'GET',
    path: '/api/v1/contexts/:context/secrets/:name/signatures',
    access: 'secret.put',
    summary: 'What was signed with a signing key of a context, newest first',
    ofAll: true,
    query: z.strictObject(paging),
    answer: page(s.secretSignature),
  }),
} as const satisfies Record<string, Route>
