// Routes about people once somebody is in: sessions, members, invitations, and joining by one.
import { z } from 'zod'
import { paging, type Route, route } from './route.ts'
import * as s from './shapes.ts'

const none = z.object({})
const newcomer = { token: z.string().max(200), name: z.string().min(1).max(100), email: z.email().max(254) }

export const peopleRoutes = {
  sessions: route({
    method: 'GET',
    path: '/api/v1/sessions',
    access: 'session',
    summary: 'Where I am signed in',
    query: z.strictObject(paging),
    answer: s.page(s.session),
  }),
  sessionEnd: route({
    method: 'DELETE',
    path: '/api/v1/sessions/:session',
    access: 'session',
    summary: 'Sign out there',
    answer: none,
  }),
  sessionsEnd: route({
    method: 'POST',
    path: '/api/v1/sessions/end',
    access: 'session',
    summary: 'Sign out everywhere',
    body: z.strictObject({ keep_this: z.boolean().default(false) }),
    answer: z.object({ ended: z.number() }),
  }),
  passkeys: route({
    method: 'GET',
    path: '/api/v1/passkeys',
    access: 'session',
    summary: 'The passkeys I sign in with',
    query: z.strictObject(paging),
    answer: s.page(s.passkey),
  }),
  passkeyOptions: route({
    method: 'POST',
    path: '/api/v1/passkeys/options',
    access: 'session',
    summary: 'Start a further passkey',
    body: z.strictObject({}),
    answer: z.object({ options: z.record(z.string(), z.unknown()) }),
  }),
  passkeyAdd: route({
    method: 'POST',
    path: '/api/v1/passkeys',
    access: 'session',
    summary: 'Add a passkey to my account',
    body: s.passkeyInput,
    answer: s.passkey,
  }),
  passkeyRemove: route({
    method: 'DELETE',
    path: '/api/v1/passkeys/:passkey',
    access: 'session',
    summary: 'Remove one of my passkeys',
    answer: none,
  }),
  members: route({
    method: 'GET',
    path: '/api/v1/members',
    access: 'member.manage',
    summary: 'Members, their roles and when they were last seen',
    query: z.strictObject(paging),
    answer: s.page(s.member),
  }),
  memberChange: route({
    method: 'PATCH',
    path: '/api/v1/members/:member',
    access: 'member.manage',
    summary: 'Change a role, or disable a member',
    body: z.strictObject({ role: s.role.optional(), disabled: z.boolean().optional() }),
    answer: s.member,
  }),
  memberSignOut: route({
    method: 'POST',
    path: '/api/v1/members/:member/sign-out',
    access: 'member.manage',
    summary: 'End every session of a member',
    body: z.strictObject({}),
    answer: z.object({ ended: z.number() }),
  }),
  invitations: route({
    method: 'GET',
    path: '/api/v1/invitations',
    access: 'member.manage',
    summary: 'Invitations that are open',
    query: z.strictObject(paging),
    answer: s.page(s.invitation),
  }),
  invitationCreate: route({
    method: 'POST',
    path: '/api/v1/invitations',
    access: 'member.manage',
    summary: 'Invite somebody; the link is shown once',
    body: s.invitationInput,
    answer: s.invitationCreated,
    showsSecret: true,
  }),
  invitationRevoke: route({
    method: 'DELETE',
    path: '/api/v1/invitations/:invitation',
    access: 'member.manage',
    summary: 'Take an invitation back',
    answer: none,
  }),
  joinOptions: route({
    method: 'POST',
    path: '/api/v1/join/passkey-options',
    access: 'public',
    summary: 'Start a passkey for somebody invited',
    body: z.strictObject(newcomer),
    answer: z.object({ options: z.record(z.string(), z.unknown()) }),
  }),
  join: route({
    method: 'POST',
    path: '/api/v1/join',
    access: 'public',
    summary: 'Become a member with the link of an invitation',
    body: z.strictObject({
      ...newcomer,
      password: z.string().min(12).max(1024).optional(),
      passkey: z.record(z.string(), z.unknown()).optional(),
    }),
    answer: s.me,
  }),
} as const satisfies Record<string, Route>
