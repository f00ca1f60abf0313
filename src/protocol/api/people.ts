// People and what they prove it with, as the API shows them: tokens, sessions, passkeys, members, invitations. Used as part
// of shapes.ts.
import * as z from 'zod'

const time = z.string()
const id = z.string()

export const token = z.object({
  id,
  name: z.string(),
  prefix: z.string(),
  scopes: z.array(z.string()),
  /** What it is limited to; null: nothing. */
  projects: z.array(z.object({ id, name: z.string() })).nullable(),
  created_at: time,
  expires_at: time,
  last_used_at: time.nullable(),
})
export type Token = z.infer<typeof token>
export const tokenInput = z.strictObject({
  name: z.string().min(1).max(64),
  scopes: z.array(z.string()).min(1).max(32),
  /** By id or name; left out: all of them. */
  projects: z.array(z.string().min(1).max(64)).min(1).max(50).optional(),
  days: z.number().int().min(1).max(365).default(90),
})
/** The only time the token itself is shown. */
export const tokenCreated = z.object({ token, secret: z.string() })

export const role = z.enum(['owner', 'developer', 'viewer'])

export const session = z.object({
  id,
  /** The one that asks. */
  current: z.boolean(),
  user: z.object({ id, name: z.string() }),
  /** `passkey` or `password`. */
  how: z.string().nullable(),
  /** `Firefox on Linux`. */
  browser: z.string().nullable(),
  /** Where it began: an address, of IPv6 its network. */
  address: z.string().nullable(),
  created_at: time,
  last_seen_at: time,
  expires_at: time,
})
export type Session = z.infer<typeof session>

/** How pages are drawn for somebody, in every browser of theirs. */
export const preferences = z.object({
  /** A name of the IANA list; null: that of the browser. */
  time_zone: z.string().nullable(),
  /** null: as the language writes it. */
  clock_hours: z.union([z.literal(12), z.literal(24)]).nullable(),
  /** false: single letters do nothing (WCAG 2.1.4). */
  letter_keys: z.boolean(),
})
export type Preferences = z.infer<typeof preferences>
export const preferencesInput = z.strictObject({
  time_zone: z.string().min(1).max(64).nullable().optional(),
  clock_hours: z
    .union([z.literal(12), z.literal(24)])
    .nullable()
    .optional(),
  letter_keys: z.boolean().optional(),
})

/** A view of the list of runs that somebody saved. `query` as it stands in the address: `status=failed&since=7d`. */
export const runView = z.object({ id, name: z.string(), query: z.string() })
export type RunView = z.infer<typeof runView>
export const runViewInput = z.strictObject({
  name: z.string().trim().min(1).max(64),
  query: z
    .string()
    .max(2000)
    .regex(/^[\x21-\x7e]*$/),
})

/** When somebody came, how, with what and from where. */
export const signInFacts = z.object({
  at: time,
  how: z.string(),
  browser: z.string().nullable(),
  address: z.string(),
})

/** What somebody signs in with. */
export const passkey = z.object({
  id,
  /** null: the first one, which was not named. */
  name: z.string().nullable(),
  created_at: time,
  last_used_at: time.nullable(),
})
export type Passkey = z.infer<typeof passkey>
export const passkeyInput = z.strictObject({
  name: z.string().trim().min(1).max(64),
  passkey: z.record(z.string(), z.unknown()),
})

export const member = z.object({
  id,
  name: z.string(),
  email: z.string(),
  role,
  disabled: z.boolean(),
  /** What they sign in with. */
  factors: z.object({ passkeys: z.number(), password: z.boolean() }),
  sessions: z.number(),
  created_at: time,
  last_seen_at: time.nullable(),
})
export type Member = z.infer<typeof member>

/** What an owner sets of one, and whom it is about: it changes when somebody changes it, not with each request of theirs. */
export const memberSettings = member.omit({ factors: true, sessions: true, last_seen_at: true })

export const invitation = z.object({ id, role, created_by: z.string(), created_at: time, expires_at: time })
export type Invitation = z.infer<typeof invitation>
export const invitationInput = z.strictObject({
  role: role.default('developer'),
  days: z.number().int().min(1).max(30).default(7),
})
/** The only time the link is shown. */
export const invitationCreated = z.object({ invitation, url: z.string() })
