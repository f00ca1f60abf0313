// Method and path of each API route the browser calls, as text: routes.ts itself would bring zod into the bundle.
// The `satisfies` compares every line with routes.ts, so a path that moves there does not compile here.
import type { RouteName, routes } from '../../protocol/api/routes.ts'

type Routes = typeof routes
type Lines = { readonly [N in RouteName]: `${Routes[N]['method']} ${Routes[N]['path']}` }

export const endpoints = {
  me: 'GET /api/v1/me',
  claimOptions: 'POST /api/v1/claim/passkey-options',
  claim: 'POST /api/v1/claim',
  signIn: 'POST /api/v1/sign-in',
  signInOptions: 'POST /api/v1/sign-in/passkey-options',
  signInPasskey: 'POST /api/v1/sign-in/passkey',
  signOut: 'POST /api/v1/sign-out',
  organisation: 'GET /api/v1/organisation',
  organisationSet: 'PATCH /api/v1/organisation',
  projects: 'GET /api/v1/projects',
  projectCreate: 'POST /api/v1/projects',
  project: 'GET /api/v1/projects/:project',
  projectSet: 'PATCH /api/v1/projects/:project',
  projectHook: 'GET /api/v1/projects/:project/hook-script',
  projectHookRotate: 'POST /api/v1/projects/:project/hook/rotate',
  projectRefs: 'POST /api/v1/projects/:project/refs',
  projectHostKeys: 'POST /api/v1/projects/:project/host-keys',
  secrets: 'GET /api/v1/projects/:project/secrets',
  secretPut: 'POST /api/v1/projects/:project/secrets',
  secretRevoke: 'POST /api/v1/projects/:project/secrets/:name/revoke',
  vaultKey: 'GET /api/v1/vault/key',
  signers: 'GET /api/v1/signers',
  signerEnroll: 'POST /api/v1/signers',
  deliveries: 'GET /api/v1/deliveries',
  schedules: 'GET /api/v1/projects/:project/schedules',
  scheduleAdd: 'POST /api/v1/projects/:project/schedules',
  scheduleSet: 'PATCH /api/v1/projects/:project/schedules/:schedule',
  scheduleRemove: 'DELETE /api/v1/projects/:project/schedules/:schedule',
  delivery: 'GET /api/v1/deliveries/:delivery',
  deliveryReplay: 'POST /api/v1/deliveries/:delivery/replay',
  runs: 'GET /api/v1/runs',
  runStart: 'POST /api/v1/runs',
  run: 'GET /api/v1/runs/:run',
  runCancel: 'POST /api/v1/runs/:run/cancel',
  runRerun: 'POST /api/v1/runs/:run/rerun',
  workflowCancel: 'POST /api/v1/workflows/:workflow/cancel',
  jobCancel: 'POST /api/v1/jobs/:job/cancel',
  jobRerun: 'POST /api/v1/jobs/:job/rerun',
  jobApprove: 'POST /api/v1/jobs/:job/approve',
  jobReject: 'POST /api/v1/jobs/:job/reject',
  attempt: 'GET /api/v1/attempts/:attempt',
  attemptLog: 'GET /api/v1/attempts/:attempt/log',
  attemptLogIndex: 'GET /api/v1/attempts/:attempt/log/index',
  runners: 'GET /api/v1/runners',
  tokens: 'GET /api/v1/tokens',
  tokenCreate: 'POST /api/v1/tokens',
  tokenRevoke: 'DELETE /api/v1/tokens/:token',
  sessions: 'GET /api/v1/sessions',
  sessionEnd: 'DELETE /api/v1/sessions/:session',
  sessionsEnd: 'POST /api/v1/sessions/end',
  members: 'GET /api/v1/members',
  memberChange: 'PATCH /api/v1/members/:member',
  memberSignOut: 'POST /api/v1/members/:member/sign-out',
  invitations: 'GET /api/v1/invitations',
  invitationCreate: 'POST /api/v1/invitations',
  invitationRevoke: 'DELETE /api/v1/invitations/:invitation',
  joinOptions: 'POST /api/v1/join/passkey-options',
  join: 'POST /api/v1/join',
  status: 'GET /api/v1/status',
  errors: 'GET /api/v1/errors',
} as const satisfies Partial<Lines>

export type Endpoint = keyof typeof endpoints

/** The one WebSocket of a tab (protocol/live.ts). */
export const livePath = '/api/v1/live'
