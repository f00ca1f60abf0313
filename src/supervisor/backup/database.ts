// PostgreSQL's own programs on the database of an installation, as its owner; the password stands in a file of theirs
// that is there for that long only.
import { chown, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fault } from '../../base/faults.ts'
import { run } from '../../sys/index.ts'
import { findBinaries, type Owner, ownerCommand } from '../postgres.ts'
import type { Command } from './parts.ts'

export type DatabasePlace = {
  /** Holds `cluster/` and `password`. */
  readonly dataDir: string
  readonly socketDir: string
  /** null: we are. */
  readonly owner: Owner | null
}

export type DatabasePrograms = {
  /** The command that dumps everything to its output. */
  readonly dump: Command
  /** The command that loads a dump from its input into the empty database. */
  readonly load: Command
  /** Rows as lines, columns divided by `|`. */
  readonly ask: (sql: string) => Promise<readonly string[]>
}

const askDeadlineMs = 60_000

export const withDatabase = async <T>(
  place: DatabasePlace,
  work: (programs: DatabasePrograms) => Promise<T>,
): Promise<T> => {
  const bin = await findBinaries(join(place.dataDir, 'cluster'))
  const passfile = join(place.dataDir, 'pgpass-backup')
  const password = (await readFile(join(place.dataDir, 'password'), 'utf8')).trim()
  await writeFile(passfile, `*:*:*:mayfly:${password}\n`, { mode: 0o600 })
  if (place.owner !== null) await chown(passfile, place.owner.uid, place.owner.gid)
  const command = (program: string, ...words: string[]): Command => ({
    ...ownerCommand(place.owner, [
      join(bin, program),
      ...['-h', place.socketDir, '-U', 'mayfly', '-w', '-d', 'mayfly'],
      ...words,
    ]),
    env: { PGPASSFILE: passfile },
  })
  try {
    return await work({
      dump: command('pg_dump', '--format=custom', '--no-owner', '--lock-wait-timeout=60s'),
      load: command('pg_restore', '--no-owner', '--exit-on-error', '--single-transaction'),
      ask: async (sql) => {
        const { file, args, env } = command(
          'psql',
          '-X',
          '-q',
          '-t',
          '-A',
          '-v',
          'ON_ERROR_STOP=1',
          '-c',
          sql,
        )
        const { code, stdout, stderr } = await run(file, args, { timeoutMs: askDeadlineMs, env: env ?? {} })
        if (code !== 0)
          throw fault('E_DATABASE', { public: 'The database did not answer', detail: stderr.toString() })
        return stdout.toString().split('\n').filter(Boolean)
      },
    })
  } finally {
    await rm(passfile, { force: true })
  }
}
