// PostgreSQL's own programs on the database of an installation, as its owner; the password stands in a file of theirs
// that is there for that long only.
import { join } from 'node:path'
import { fault } from '../../base/faults.ts'
import { objectsStayLock } from '../../protocol/objects-stay.ts'
import { giveFile, run, spawn } from '../../sys/index.ts'
import { findBinaries, type Owner, ownerCommand, withPassword } from '../postgres.ts'
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
  /** No object is removed meanwhile; rejects when that was not so all the time. */
  readonly whileObjectsStay: <T>(work: () => Promise<T>) => Promise<T>
  /** Rows as lines, columns divided by `|`. */
  readonly ask: (sql: string) => Promise<readonly string[]>
}

const askDeadlineMs = 60_000
/** Keys of millions of logs. An answer that was cut would be another one. */
const answerBytesMax = 256 * 1024 * 1024
/** Objects may be being removed in this moment. */
const keepDeadlineMs = 10 * 60_000

const plain = ['-X', '-q', '-t', '-A', '-v', 'ON_ERROR_STOP=1']

export const withDatabase = async <T>(
  place: DatabasePlace,
  work: (programs: DatabasePrograms) => Promise<T>,
): Promise<T> => {
  const bin = await findBinaries(join(place.dataDir, 'cluster'))
  return withPassword(place, async (passfile) => {
    if (place.owner !== null) await giveFile(passfile, place.owner)
    const command = (program: string, ...words: string[]): Command => ({
      ...ownerCommand(place.owner, [
        join(bin, program),
        ...['-h', place.socketDir, '-U', 'mayfly', '-w', '-d', 'mayfly'],
        ...words,
      ]),
      env: { PGPASSFILE: passfile },
    })
    return work({
      dump: command('pg_dump', '--format=custom', '--no-owner', '--lock-wait-timeout=60s'),
      load: command('pg_restore', '--no-owner', '--exit-on-error', '--single-transaction'),
      whileObjectsStay: (work) => whileObjectsStay(command('psql', ...plain), work),
      ask: async (sql) => {
        const { file, args, env } = command('psql', ...plain, '-c', sql)
        const bounds = { timeoutMs: askDeadlineMs, limitBytes: answerBytesMax }
        const { code, stdout, stderr } = await run(file, args, { ...bounds, env: env ?? {} })
        if (code !== 0)
          throw fault('E_DATABASE', { public: 'The database did not answer', detail: stderr.toString() })
        if (stdout.length >= answerBytesMax)
          throw fault('E_DATABASE', { public: 'The database names more than can be looked for' })
        return stdout.toString().split('\n').filter(Boolean)
      },
    })
  })
}

/** By a session that waits: its end, also that of this process, lets go. */
const whileObjectsStay = async <T>({ file, args, env }: Command, work: () => Promise<T>): Promise<T> => {
  const child = spawn(file, args, {
    stdio: ['pipe', 'pipe', 'ignore'],
    ...(env === undefined ? {} : { env }),
  })
  const ended = new Promise<false>((resolve) => {
    for (const event of ['exit', 'error']) child.once(event, () => resolve(false))
  })
  const said = new Promise<true>((resolve) => child.stdout?.once('data', () => resolve(true)))
  const within = async <A>(ms: number, answer: Promise<A>): Promise<A> => {
    const late = setTimeout(() => child.kill('SIGKILL'), ms)
    return answer.finally(() => clearTimeout(late))
  }
  child.stdin?.on('error', () => undefined)
  child.stdin?.write(`select 'here' from pg_advisory_lock_shared(${objectsStayLock});\n`)
  if (!(await within(keepDeadlineMs, Promise.race([said, ended])))) throw away()
  /** Whether it was held all the time: that a session was lost is noticed by whoever asks for something. */
  const letGo = async (): Promise<boolean> => {
    child.stdin?.end("select 'here';\n")
    await within(askDeadlineMs, ended)
    return child.exitCode === 0
  }
  const done = await work().catch(async (error: unknown) => {
    await letGo()
    throw error
  })
  if (!(await letGo())) throw away()
  return done
}

const away = () =>
  fault('E_DATABASE', { public: 'The database went away while a backup was made: make another one' })
