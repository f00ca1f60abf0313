// Routes about the installation itself: is everything up, its backups, what its errors mean, and compiling text without
// running it.
import { fault } from '../../../base/faults.ts'
import { parseId } from '../../../base/ids.ts'
import type { AnswerOf } from '../../../protocol/api/routes.ts'
import type { BackupNote, Backups } from '../../health/backups.ts'
import { forStrangers, type Health } from '../../health/health.ts'
import type { Orbs } from '../../use-cases.ts'
import type { Handlers } from '../binder.ts'
import { errorKinds } from '../error-kinds.ts'
import { pageOf } from '../paging.ts'

export type SystemRoutes = 'status' | 'errors' | 'lint' | 'operatorBackups' | 'operatorBackupNote'

/** Compiles hostile text away from the server's own memory and thread, with a deadline. */
export type Lint = (wish: {
  readonly files: Readonly<Record<string, string>>
  /** Sources by exact id. */
  readonly orbs: Readonly<Record<string, string>>
  /** Say of every construct what became of it. */
  readonly isReport: boolean
}) => Promise<AnswerOf<'lint'>>

export const systemHandlers = (deps: {
  readonly health: Health
  readonly backups: Backups
  readonly lint: Lint
  readonly orbs: Pick<Orbs, 'sources'>
}): Pick<Handlers, SystemRoutes> => ({
  status: async ({ actor }) => {
    const status = await deps.health.look()
    return actor === null ? forStrangers(status) : status
  },
  operatorBackups: async ({ query }) => pageOf(await deps.backups.list(), query, ({ id }) => id),
  operatorBackupNote: ({ actor, body }) => {
    const note = backupNote(body)
    return body.verified ? deps.backups.noteVerified(actor, note) : deps.backups.noteMade(actor, note)
  },
  errors: async ({ query }) => pageOf(errorKinds, query, ({ code }) => code),
  lint: async ({ actor, body: { files, report } }) => {
    const { items } = await deps.orbs.sources(actor.scope)
    const orbs = Object.fromEntries(items.map(({ id, text }) => [id, text]))
    return deps.lint({ files, orbs, isReport: report === true })
  },
})

const backupNote = (body: { id: string; made_at: string; bytes: number }): BackupNote => {
  if (parseId('backup', body.id) === null) throw fault('E_INPUT', { public: 'That is no id of a backup' })
  return { id: body.id, madeAt: body.made_at, bytes: body.bytes }
}
