// The private PostgreSQL of one installation (platform.md §2): a child of ours, on a Unix socket only, with a
// random password, owned by an unprivileged user. It dies with us and survives kill -9 of us cleanly (pdeathsig).
import { existsSync, readdirSync } from 'node:fs'
import { chmod, chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RandomBytes } from '../base/clock.ts'
import { fault } from '../base/faults.ts'
import type { Log } from '../base/log.ts'
import { type ChildProcess, giveFile, readFileOf, run, spawn, writeFileDurably } from '../sys/index.ts'
import { makeOwnDirectory } from './left-behind.ts'

export type Owner = { readonly uid: number; readonly gid: number }

export type Postgres = {
  readonly socketDir: string
  readonly user: 'mayfly'
  readonly database: 'mayfly'
  /** 0600 for the owner; the password is never in argv or environment. */
  readonly passwordFile: string
  /** Resolves when the process ends, for whatever reason. */
  readonly ended: Promise<void>
  readonly pid: number
  close(): Promise<void>
}

export type PostgresOptions = {
  /** Holds `cluster/` and `password`; made when absent. */
  readonly dataDir: string
  /** A directory of at most 90 bytes, so that the socket's path stays under 107. */
  readonly socketDir: string
  /** PostgreSQL refuses root: the user it runs as. null when we are not root. */
  readonly owner: Owner | null
  readonly log: Log
  readonly randomBytes: RandomBytes
  /** Only for throw-away databases of tests: trades durability for start time. */
  readonly fsync?: boolean
  /** Ends the waiting, for as long as recovery may take, and what was started. */
  readonly signal?: AbortSignal
}

/** Until it answers at all. */
const startDeadlineMs = 60_000
/** Until it takes anybody: after a crash it reads its log first, and says so when asked. */
const recoveryDeadlineMs = 15 * 60_000
const stopDeadlineMs = 15_000
/** Of a database of hundreds of gigabytes, on a slow disk. */
const removeDeadlineMs = 15 * 60_000

/** Makes the cluster when there is none, starts it and waits until it answers. */
export const openPostgres = async (options: PostgresOptions): Promise<Postgres> => {
  const cluster = join(options.dataDir, 'cluster')
  const passwordFile = join(options.dataDir, 'password')
  await prepareDirectories(options)
  const bin = await findBinaries(cluster)
  if (!existsSync(cluster)) await createCluster(options, { bin, cluster, passwordFile })
  await predecessorGone(cluster, options.signal)
  const { child, said } = startServer(options, { bin, cluster })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  try {
    await waitUntilReady(options, { bin, child, said })
  } catch (error) {
    if (options.signal?.aborted) await stopServer(child, ended)
    else child.kill('SIGKILL')
    throw error
  }
  return {
    socketDir: options.socketDir,
    user: 'mayfly',
    database: 'mayfly',
    passwordFile,
    ended,
    pid: child.pid ?? 0,
    close: () => stopServer(child, ended),
  }
}

/** The directory of server binaries that fit the cluster's major version, or the newest installed one. */
export const findBinaries = async (cluster: string): Promise<string> => {
  const root = '/usr/lib/postgresql'
  const majors = existsSync(root)
    ? readdirSync(root).filter((name) => existsSync(join(root, name, 'bin/postgres')))
    : []
  if (existsSync(join(cluster, 'PG_VERSION'))) {
    const major = (await readFile(join(cluster, 'PG_VERSION'), 'utf8')).trim()
    if (majors.includes(major)) return join(root, major, 'bin')
    throw fault('E_PACKAGES_MISSING', {
      public: `The data was written by PostgreSQL ${major}, whose programs are not installed: apt-get install postgresql-${major}`,
    })
  }
  const newest = majors.map(Number).sort((a, b) => b - a)[0]
  if (newest === undefined || newest < 15)
    throw fault('E_PACKAGES_MISSING', {
      public: 'PostgreSQL 15 or later is not installed: apt-get install postgresql-15',
    })
  return join(root, String(newest), 'bin')
}

/**
 * One that was started by a supervisor which was killed dies with it, but takes a moment to write down what it has; until then
 * it holds the cluster, and answers in place of the next one.
 */
const predecessorGone = async (cluster: string, signal: AbortSignal | undefined): Promise<void> => {
  const begin = performance.now()
  for (let pid = await holderOf(cluster); pid !== null; pid = await holderOf(cluster)) {
    refuseAborted(signal)
    if (performance.now() - begin > startDeadlineMs)
      throw fault('E_DATABASE', {
        public: `Another PostgreSQL (process ${pid}) holds the data of this installation and does not end`,
      })
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const refuseAborted = (signal: AbortSignal | undefined): void => {
  if (signal?.aborted) throw fault('E_DATABASE', { public: 'The database was stopped before it was ready' })
}

/** The living server of this cluster; null: none, or only its file is left. */
const holderOf = async (cluster: string): Promise<number | null> => {
  const file = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number.parseInt(file, 10)
  if (!(pid > 0)) return null
  // A number that some other program has by now has another command line.
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return command.split('\0').includes(cluster) ? pid : null
}

const prepareDirectories = async ({ dataDir, socketDir, owner }: PostgresOptions): Promise<void> => {
  for (const directory of [dataDir, socketDir]) {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await chmod(directory, 0o700)
    if (owner !== null) await chown(directory, owner.uid, owner.gid)
  }
}

type Places = { readonly bin: string; readonly cluster: string; readonly passwordFile: string }

/** `initdb` into a temporary directory, then rename: a crash never leaves half a cluster under the real name. */
const createCluster = async (
  options: PostgresOptions,
  { bin, cluster, passwordFile }: Places,
): Promise<void> => {
  const password = Buffer.from(options.randomBytes(24)).toString('base64url')
  await writeFileDurably(passwordFile, `${password}\n`)
  if (options.owner !== null) await giveFile(passwordFile, options.owner)
  const fresh = `${cluster}.new`
  await removeAs(options.owner, fresh)
  const args = [
    '-D',
    fresh,
    '-U',
    'mayfly',
    '-A',
    'scram-sha-256',
    '--pwfile',
    passwordFile,
    '-E',
    'UTF8',
    '--locale=C',
    '-k',
  ]
  const made = await asOwner(options, join(bin, 'initdb'), options.fsync === false ? [...args, '-N'] : args)
  if (made.code !== 0) throw notCreated(made.stderr)
  await rename(fresh, cluster)
}

const settings = (options: PostgresOptions): Record<string, string> => ({
  listen_addresses: '',
  unix_socket_directories: options.socketDir,
  unix_socket_permissions: '0700',
  max_connections: '40',
  shared_buffers: '48MB',
  max_wal_size: '512MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'warning',
  ...(options.fsync === false ? throwAway : {}),
})

/** One cluster has the databases of many servers. */
const throwAway = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '100' }

const notCreated = (said: Buffer) =>
  fault('E_DATABASE', { public: `The database could not be created\n${lastWords(said.toString())}`.trim() })

/** What PostgreSQL says last is why. */
const lastWords = (text: string): string => text.trim().split('\n').slice(-5).join('\n')

type Started = {
  readonly child: ChildProcess
  /** What it said last. */
  readonly said: () => string
}

const startServer = (
  options: PostgresOptions,
  { bin, cluster }: { bin: string; cluster: string },
): Started => {
  const flags = Object.entries(settings(options)).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const { file, args } = ownerCommand(options.owner, [join(bin, 'postgres'), '-D', cluster, ...flags])
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true })
  child.on('error', (error) => options.log.error('database did not start', { error }))
  let words = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    const text = chunk.toString()
    words = (words + text).slice(-2000)
    options.log.debug('database says', { text: text.slice(0, 2000) })
  })
  return { child, said: () => lastWords(words) }
}

/** Readiness by PostgreSQL's own `pg_isready`, then the database itself on the first start. */
const waitUntilReady = async (
  options: PostgresOptions,
  { bin, child, said }: Started & { readonly bin: string },
): Promise<void> => {
  const begin = performance.now()
  let deadlineMs = startDeadlineMs
  for (;;) {
    const about = ['-q', '-h', options.socketDir, '-U', 'mayfly']
    const { code } = await run(join(bin, 'pg_isready'), about, { timeoutMs: 5000 })
    if (code === 0) break
    refuseAborted(options.signal)
    if (code === isStarting) deadlineMs = recoveryDeadlineMs
    if (child.exitCode !== null || child.signalCode !== null || performance.now() - begin > deadlineMs)
      throw fault('E_DATABASE', {
        public: `The database did not start\n${said()}`.trim(),
        detail: `exit ${child.exitCode} ${child.signalCode}`,
      })
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await createDatabase(options, bin)
}

/** pg_isready(1): it answers, and refuses. */
const isStarting = 1

const createDatabase = (options: PostgresOptions, bin: string): Promise<void> =>
  withPassword(options, async (passfile) => {
    const psql = (database: string, sql: string) =>
      run(
        join(bin, 'psql'),
        ['-X', '-q', '-t', '-A', '-h', options.socketDir, '-U', 'mayfly', '-d', database, '-c', sql],
        { timeoutMs: 10_000, env: { PGPASSFILE: passfile } },
      )
    const found = await psql('postgres', "select 1 from pg_database where datname = 'mayfly'")
    const created =
      found.stdout.toString().trim() === '1' ? found : await psql('postgres', 'create database mayfly')
    if (created.code !== 0) throw notCreated(created.stderr)
  })

/**
 * A file with the password for PostgreSQL's programs, which we and the owner can read, for as long as `work` lasts. In a directory
 * of ours alone: where the owner may write, he could have put a link, through which root would write or read what is not his.
 */
export const withPassword = async <T>(
  { dataDir, owner }: Pick<PostgresOptions, 'dataDir' | 'owner'>,
  work: (passfile: string) => Promise<T>,
): Promise<T> => {
  const uid = owner?.uid ?? process.getuid?.() ?? 0
  const password = (await readFileOf(join(dataDir, 'password'), { uid })).trim()
  const directory = await makeOwnDirectory('pgpass')
  try {
    await chmod(directory, 0o711)
    const passfile = join(directory, 'pgpass')
    await writeFile(passfile, `*:*:*:mayfly:${password}\n`, { mode: 0o600, flag: 'wx' })
    return await work(passfile)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** SIGINT is PostgreSQL's fast shutdown; SIGQUIT its immediate one, which loses nothing that was committed. */
const stopServer = async (child: ChildProcess, ended: Promise<void>): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGINT')
  const late = setTimeout(() => child.kill('SIGQUIT'), stopDeadlineMs)
  await ended
  clearTimeout(late)
}

const asOwner = (options: PostgresOptions, file: string, args: readonly string[]) => {
  const command = ownerCommand(options.owner, [file, ...args])
  return run(command.file, command.args, { timeoutMs: 60_000 })
}

/** All that is below it, as its owner: who may write there could put a link in the way of root, however closely that looked before. */
export const removeAs = async (owner: Owner | null, directory: string): Promise<void> => {
  const { file, args } = ownerCommand(owner, ['rm', '-rf', '--', directory])
  await run(file, args, { timeoutMs: removeDeadlineMs })
}

/** As the owner, with nothing of root left, ending cleanly when we die. */
export const ownerCommand = (
  owner: Owner | null,
  command: readonly string[],
): { file: string; args: readonly string[] } => {
  const drop =
    owner === null
      ? []
      : [
          `--reuid=${owner.uid}`,
          `--regid=${owner.gid}`,
          '--clear-groups',
          '--inh-caps=-all',
          '--bounding-set=-all',
        ]
  return { file: 'setpriv', args: [...drop, '--no-new-privs', '--pdeathsig', 'INT', '--', ...command] }
}
