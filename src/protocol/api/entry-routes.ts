// Routes of who comes in: claim, sign-in and sign-out, and the tokens that come in for a person.
import * as z from 'zod'
import { paging, type Route, route } from './route.ts'
import * as s from './shapes.ts'

const none = z.object({})
const newOwner = { token: z.string().max(200), name: z.string().min(1).max(100), email: z.email().max(254) }

export const entryRoutes = {
  me: route({
    method: 'GET',
    path: '/api/v1/me',
    access: 'public',
    summary: 'Who am I, and is this installation claimed',
    answer: s.me,
  }),
  claimOptions: route({
    method: 'POST',
    path: '/api/v1/claim/passkey-options',
    access: 'public',
    summary: 'Start a passkey for the owner',
    body: z.strictObject(newOwner),
    answer: z.object({ options: z.record(z.string(), z.unknown()) }),
  }),
  claim: route({
    method: 'POST',
    path: '/api/v1/claim',
    access: 'public',
    summary: 'Become the owner with the one-time link',
    body: z.strictObject({
      ...newOwner,
      password: z.string().min(12).max(1024).optional(),
      passkey: z.record(z.string(), z.unknown()).optional(),
    }),
    answer: s.me,
  }),
  signIn: route({
    method: 'POST',
    path: '/api/v1/sign-in',
    access: 'public',
    summary: 'Sign in with a password',
    body: z.strictObject({ email: z.string().max(254), password: z.string().max(1024) }),
    answer: s.me,
  }),
  signInOptions: route({
    method: 'POST',
    path: '/api/v1/sign-in/passkey-options',
    access: 'public',
    summary: 'Start a passkey sign-in',
    body: z.strictObject({}),
    answer: z.object({ challenge: z.string(), options: z.record(z.string(), z.unknown()) }),
  }),
  signInPasskey: route({
    method: 'POST',
    path: '/api/v1/sign-in/passkey',
    access: 'public',
    summary: 'Finish a passkey sign-in',
    body: z.strictObject({ challenge: z.string(), passkey: z.record(z.string(), z.unknown()) }),
    answer: s.me,
  }),
  proofOptions: route({
    method: 'POST',
    path: '/api/v1/proof/options',
    access: 'session',
    summary: 'Start proving anew that it is me',
    body: z.strictObject({}),
    answer: z.object({
      /** null: I have no passkey. */
      passkey: z.object({ challenge: z.string(), options: z.record(z.string(), z.unknown()) }).nullable(),
      password: z.boolean(),
    }),
  }),
  proof: route({
    method: 'POST',
    path: '/api/v1/proof',
    access: 'session',
    summary: 'Prove anew that it is me; the session goes on under another cookie',
    body: z.union([
      z.strictObject({ password: z.string().max(1024) }),
      z.strictObject({ challenge: z.string().max(200), passkey: z.record(z.string(), z.unknown()) }),
    ]),
    answer: none,
    takesCredential: true,
  }),
  signOut: route({
    method: 'POST',
    path: '/api/v1/sign-out',
    access: 'session',
    summary: 'End this session',
    body: z.strictObject({}),
    answer: none,
  }),

  tokens: route({
    method: 'GET',
    path: '/api/v1/tokens',
    access: 'token.own',
    summary: 'My API tokens',
    query: z.strictObject(paging),
    answer: s.page(s.token),
  }),
  tokenCreate: route({
    method: 'POST',
    path: '/api/v1/tokens',
    access: 'token.own',
    summary: 'Make an API token; shown once',
    body: s.tokenInput,
    answer: s.tokenCreated,
    showsSecret: true,
    provenAnew: true,
  }),
  tokenRevoke: route({
    method: 'DELETE',
    path: '/api/v1/tokens/:token',
    access: 'token.own',
    summary: 'Revoke a token',
    answer: none,
    provenAnew: true,
  }),
} as const satisfies Record<string, Route>
