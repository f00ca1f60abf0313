// Sessions, members, invitations and tokens of the double.
import type {
  Invitation,
  Me,
  Member,
  Passkey,
  Preferences,
  RunView,
  Session,
  Token,
} from '../../../../src/protocol/api/shapes.ts'
import { ago, idOf } from './ids.ts'

const sessionOf = (n: number, browser: string | null, how: string, seen: number): Session => ({
  ...{
    id: idOf('ses', n),
    current: n === 1,
    browser,
    how,
    address: n === 3 ? null : '198.51.100.7',
    user: { id: idOf('usr', 1), name: 'Ada Lovelace' },
  },
  ...{ created_at: ago(86_400), last_seen_at: ago(seen), expires_at: ago(-86_400 * 6) },
})
export const preferences: Preferences = { time_zone: null, clock_hours: null, letter_keys: true }
export const lastSignIn: NonNullable<Me['user']>['last_sign_in'] = {
  ...{ at: ago(90_000), how: 'passkey', browser: 'Safari on iOS', address: '198.51.100.7' },
}
export const views: readonly RunView[] = [
  { id: idOf('viw', 1), name: 'Red on main', query: 'status=failed&branch=main' },
  { id: idOf('viw', 2), name: 'This week', query: 'since=7d' },
]
export const passkeys: readonly Passkey[] = [
  { id: 'a'.repeat(32), name: null, created_at: ago(86_400 * 90), last_used_at: ago(86_400) },
  { id: 'b'.repeat(32), name: 'Key ring', created_at: ago(86_400 * 3), last_used_at: null },
]
export const sessions: readonly Session[] = [
  sessionOf(1, 'Firefox on Linux', 'passkey', 5),
  sessionOf(2, 'Safari on iOS', 'passkey', 7_200),
  sessionOf(3, null, 'password', 30_000),
]
const memberOf = (n: number, name: string, role: Member['role'], more: Partial<Member> = {}): Member => ({
  ...{ id: idOf('usr', n), name, email: `${name.split(' ')[0]?.toLowerCase()}@example.org`, role },
  ...{ disabled: false, factors: { passkeys: 2, password: false }, sessions: 3 },
  ...{ created_at: ago(86_400 * 90), last_seen_at: ago(60), ...more },
})
export const members: readonly Member[] = [
  memberOf(1, 'Ada Lovelace', 'owner'),
  memberOf(2, 'Grace Hopper', 'developer', { factors: { passkeys: 0, password: true }, sessions: 1 }),
  memberOf(3, 'Somebody with a very long name that does not fit', 'viewer', {
    ...{ disabled: true, sessions: 0, last_seen_at: null },
  }),
]
export const invitations: readonly Invitation[] = [
  {
    ...{ id: idOf('inv', 1), role: 'developer', created_by: idOf('usr', 1) },
    ...{ created_at: ago(3_600), expires_at: ago(-86_400 * 6) },
  },
]
export const tokens: readonly Token[] = [
  {
    id: idOf('tok', 1),
    name: 'release script',
    prefix: 'mfp_3kq9',
    scopes: ['project.view', 'run.view', 'run.trigger'],
    projects: [{ id: idOf('prj', 1), name: 'web' }],
    created_at: ago(86_400 * 20),
    expires_at: ago(-86_400 * 70),
    last_used_at: ago(3_600),
  },
  {
    id: idOf('tok', 2),
    name: 'laptop',
    prefix: 'mfp_9x2m',
    scopes: ['run.view', 'log.read'],
    projects: null,
    created_at: ago(86_400 * 100),
    expires_at: ago(86_400),
    last_used_at: null,
  },
]
