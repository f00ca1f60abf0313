// The routes of secrets and signers; part of the table in routes.ts.
import * as z from 'zod'
import { secretViews } from '../secret-views.ts'
import { paging, type Route, route } from './route.ts'
import * as s from './secrets.ts'
import { page } from './shapes.ts'

export const secretRoutes = {
  vaultKey: route({
    method: 'GET',
    path: '/api/v1/vault/key',
    access: 'secret.put',
    summary: 'The key that secrets are sealed to',
    answer: s.vaultKey,
  }),
  secrets: route({
    method: 'GET',
    path: '/api/v1/projects/:project/secrets',
    access: 'secret.meta',
    summary: 'The secrets of a project, never their values',
    query: z.strictObject({ ...paging, view: z.enum(secretViews).optional() }),
    answer: page(s.secret),
  }),
  secretsOfAll: route({
    method: 'GET',
    path: '/api/v1/secrets',
    access: 'secret.meta',
    summary: 'The secrets of all projects and contexts, or those of them that somebody should look at',
    ofAll: true,
    query: z.strictObject({ ...paging, view: z.enum(secretViews).optional() }),
    answer: page(s.ownedSecret),
  }),
  secretPut: route({
    method: 'POST',
    path: '/api/v1/projects/:project/secrets',
    access: 'secret.put',
    summary: 'Put a secret, or a new version of it: sealed to the vault under a signed statement',
    body: s.secretPut,
    answer: s.secret,
    onlySealed: true,
  }),
  secret: route({
    method: 'GET',
    path: '/api/v1/projects/:project/secrets/:name',
    access: 'secret.meta',
    summary: 'One secret, never its value',
    answer: s.secret,
  }),
  secretSet: route({
    method: 'POST',
    path: '/api/v1/projects/:project/secrets/:name/set',
    access: 'secret.put',
    summary: 'Disable or enable a secret, or change its dates, by a signed statement',
    body: s.secretSet,
    answer: s.secret,
  }),
  secretReach: route({
    method: 'GET',
    path: '/api/v1/projects/:project/secrets/:name/reach',
    access: 'secret.put',
    summary: 'Who and what can reach a secret, by the rules that judge each job',
    answer: s.secretReach,
  }),
  secretRevoke: route({
    method: 'POST',
    path: '/api/v1/projects/:project/secrets/:name/revoke',
    access: 'secret.revoke',
    summary: 'Revoke a secret: all its values are removed',
    body: s.secretRevoke,
    answer: s.secret,
  }),
  secretSignatures: route({
    method: 'GET',
    path: '/api/v1/projects/:project/secrets/:name/signatures',
    access: 'secret.put',
    summary: 'What was signed with a signing key, newest first',
    query: z.strictObject(paging),
    answer: page(s.secretSignature),
  }),
  signers: route({
    method: 'GET',
    path: '/api/v1/signers',
    access: 'signer.manage',
    summary: 'Whose statements the vault believes',
    query: z.strictObject(paging),
    answer: page(s.signer),
  }),
  signerEnroll: route({
    method: 'POST',
    path: '/api/v1/signers',
    access: 'signer.manage',
    summary: 'Enrol a key with a one-time code of the operator',
    body: s.signerInput,
    answer: s.signerEnrolled,
    provenAnew: true,
  }),
  signerRemove: route({
    method: 'POST',
    path: '/api/v1/signers/:signer/remove',
    access: 'signer.manage',
    summary: 'Remove a signer, by a statement of another',
    body: s.signerRemove,
    answer: z.object({}),
  }),
} as const satisfies Record<string, Route>
