// Sessions, members and invitations, as the operator sees them on the installation's own machine.

import { fault } from '../../base/faults.ts'
import { connect } from '../api/connect.ts'
import { inertText } from '../inert.ts'
import { writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

type Json = { readonly json?: boolean }
export type Role = 'owner' | 'developer' | 'viewer'

const print = (around: Surroundings, flags: Json, value: unknown, words: () => void): number => {
  if (flags.json) around.stdout.write(`${JSON.stringify(value)}\n`)
  else words()
  return 0
}

export const listSessions = async (around: Surroundings, flags: Json): Promise<number> => {
  const page = await (await connect(around)).all('sessions', {})
  return print(around, flags, page, () =>
    writeTable(
      around.stdout,
      ['ID', 'WHO', 'BY', 'WITH', 'SINCE', 'LAST SEEN'],
      page.items.map((each) => [
        ...[
          each.id,
          each.user.name,
          each.how ?? '-',
          each.browser ?? '-',
          each.created_at,
          each.last_seen_at,
        ],
      ]),
    ),
  )
}

export const endSessions = async (
  around: Surroundings,
  flags: Json & { readonly all?: boolean },
  id: string | undefined,
): Promise<number> => {
  const api = await connect(around)
  if (id === undefined && flags.all !== true)
    throw fault('E_INPUT', { public: 'name a session, or say --all' })
  const answer =
    id === undefined
      ? await api.call('sessionsEnd', { body: { keep_this: false } })
      : { ended: 1, ...(await api.call('sessionEnd', { params: { session: id } })) }
  return print(around, flags, answer, () => around.stdout.write(inertText`${answer.ended} ended\n`))
}

export const listMembers = async (around: Surroundings, flags: Json): Promise<number> => {
  const page = await (await connect(around)).all('members', {})
  return print(around, flags, page, () =>
    writeTable(
      around.stdout,
      ['ID', 'NAME', 'E-MAIL', 'ROLE', 'SESSIONS', 'LAST SEEN'],
      page.items.map((each) => [
        ...[each.id, each.name, each.email, each.disabled ? `${each.role}, disabled` : each.role],
        ...[String(each.sessions), each.last_seen_at ?? 'never'],
      ]),
    ),
  )
}

const change =
  (body: (word: string) => { role?: Role; disabled?: boolean }) =>
  async (around: Surroundings, flags: Json, member: string, word = ''): Promise<number> => {
    const changed = await (await connect(around)).call('memberChange', {
      params: { member },
      body: body(word),
    })
    return print(around, flags, changed, () =>
      around.stdout.write(
        inertText`${changed.name}: ${changed.role}${changed.disabled ? ', disabled' : ''}\n`,
      ),
    )
  }

// SAFE: the server refuses a word that is no role.
export const setRole = change((word) => ({ role: word as Role }))
export const disableMember = change(() => ({ disabled: true }))
export const enableMember = change(() => ({ disabled: false }))

export const signOutMember = async (around: Surroundings, flags: Json, member: string): Promise<number> => {
  const answer = await (await connect(around)).call('memberSignOut', { params: { member }, body: {} })
  return print(around, flags, answer, () => around.stdout.write(inertText`${answer.ended} sessions ended\n`))
}

export const invite = async (
  around: Surroundings,
  flags: Json & { readonly role: Role; readonly days: string },
): Promise<number> => {
  const api = await connect(around)
  const made = await api.call('invitationCreate', { body: { role: flags.role, days: Number(flags.days) } })
  around.stderr.write(
    inertText`A ${made.invitation.role} by this link, once, until ${made.invitation.expires_at}:\n`,
  )
  return print(around, flags, made, () => around.stdout.write(inertText`${made.url}\n`))
}

export const listInvitations = async (around: Surroundings, flags: Json): Promise<number> => {
  const page = await (await connect(around)).all('invitations', {})
  return print(around, flags, page, () =>
    writeTable(
      around.stdout,
      ['ID', 'ROLE', 'BY', 'UNTIL'],
      page.items.map((each) => [each.id, each.role, each.created_by, each.expires_at]),
    ),
  )
}

export const uninvite = async (around: Surroundings, flags: Json, invitation: string): Promise<number> => {
  await (await connect(around)).call('invitationRevoke', { params: { invitation } })
  return print(around, flags, {}, () => around.stdout.write('taken back\n'))
}
