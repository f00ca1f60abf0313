// The programs of one installation: copied root-owned to <data>/app/<version> (a clone under a private home is
// unreadable to service users) and started from there, each with its own user, no privileges and its part of the
// settings on descriptor 3.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { type ChildProcess, handBackFlags, inUserNamespace, run, spawn } from '../sys/index.ts'
import type { Owner } from './postgres.ts'

export type Programs = {
  readonly node: string
  /** Holds `<program>.js`, `web/`, `migrations/`, `sample/`. */
  readonly directory: string
}

/** What a release consists of, in the build directory it was made in. */
const parts =
  /^(web|migrations|(supervisor|server|vault|jailer|runner|compile|log-search|binder)(-[A-Z0-9]+)?\.js(\.map)?)$/i

/** A disk that is busy with something else takes its time. */
const syncDeadlineMs = 60_000

/** Copies the build when this version is not there yet, and removes versions that are not in use any more. */
export const installPrograms = async (
  from: { build: string; node: string; sample: string },
  data: string,
): Promise<Programs> => {
  const names = (await readdir(from.build)).filter((name) => parts.test(name)).sort()
  const version = await digestOf([...names.map((name) => join(from.build, name)), from.sample, from.node])
  const directory = join(data, 'app', version)
  if (!existsSync(directory)) {
    const fresh = `${directory}.new`
    await rm(fresh, { recursive: true, force: true })
    await mkdir(fresh, { recursive: true, mode: 0o755 })
    for (const name of names) await cp(join(from.build, name), join(fresh, name), { recursive: true })
    await cp(from.sample, join(fresh, 'sample'), { recursive: true })
    await mkdir(join(fresh, 'tool'), { mode: 0o755 })
    await cp(from.node, join(fresh, 'tool/node'))
    await cp(join(from.build, 'compile.js'), join(fresh, 'tool/compile.js'))
    await openToAll(fresh)
    await chmod(join(fresh, 'tool/node'), 0o755)
    // The name is never on the disk before all that it stands for: a version that is there is not copied again.
    await run('sync', ['-f', fresh], { timeoutMs: syncDeadlineMs })
    await rename(fresh, directory)
  }
  for (const old of await readdir(join(data, 'app')))
    if (old !== version) await rm(join(data, 'app', old), { recursive: true, force: true })
  return { node: join(directory, 'tool/node'), directory }
}

/** Service users and jobs read it, whatever the umask of the clone was. */
const openToAll = async (path: string): Promise<void> => {
  const entry = await lstat(path)
  const isProgram = entry.isDirectory() || (entry.mode & 0o100) !== 0
  await chmod(path, isProgram ? 0o755 : 0o644)
  if (entry.isDirectory()) for (const name of await readdir(path)) await openToAll(join(path, name))
}

/** Content for what we wrote; name, size and time for the runtime, which is large and comes from a package. */
const digestOf = async (paths: readonly string[]): Promise<string> => {
  const hash = createHash('sha256')
  for (const path of paths) await hashInto(hash, path)
  return hash.digest('hex').slice(0, 16)
}

const hashInto = async (hash: ReturnType<typeof createHash>, path: string): Promise<void> => {
  const entry = await lstat(path)
  hash.update(`${path.split('/').at(-1)}\0`)
  if (entry.isDirectory())
    for (const name of (await readdir(path)).sort()) await hashInto(hash, join(path, name))
  else if (entry.size > 32 * 1024 * 1024) hash.update(`${entry.size} ${entry.mtimeMs}`)
  else hash.update(await readFile(path))
}

export type StartOptions = {
  readonly config: unknown
  /** null: stay who we are (the jailer keeps root; without root nobody can change). */
  readonly owner: Owner | null
  /** Without root: every capability over a user namespace of its own, for the jailer. */
  readonly withNamespace?: boolean
  /** An empty network namespace of its own: for the vault. */
  readonly withoutNetwork: boolean
  readonly nodeFlags?: readonly string[]
  /** `ipc` gives the child Node's channel. */
  readonly argv0?: string
}

/** Each thread that allocates would get an arena of its own, which keeps what it once held: 8 MiB of the server's at rest. */
const programEnvironment = { MALLOC_ARENA_MAX: '2' }

/** The unit settings of trust-model.md §1, applied by hand because PID 1 may not be systemd. */
export const startProgram = (programs: Programs, program: string, options: StartOptions): ChildProcess => {
  const isRoot = process.getuid?.() === 0
  const inner = [
    // The jailer sets a limit of its own that nobody but root could raise again.
    ...(options.withNamespace ? [] : ['prlimit', '--core=0:0', '--']),
    'setpriv',
    ...(isRoot ? dropPrivileges(options.owner) : ['--no-new-privs']),
    '--pdeathsig',
    'TERM',
    '--',
    programs.node,
    ...handBackFlags,
    ...(options.nodeFlags ?? []),
    join(programs.directory, `${program}.js`),
  ]
  const own = isRoot ? [] : ['--user', '--map-current-user']
  const outer = options.withoutNetwork ? ['unshare', ...own, '--net', '--', ...inner] : inner
  const command = options.withNamespace ? inUserNamespace(inner) : outer
  // A session of its own: Ctrl-C in a terminal is for the supervisor, which stops its programs in order.
  const child = spawn(command[0] ?? '', command.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
    env: programEnvironment,
  })
  const config = child.stdio[3] as Writable
  // The child may be gone before it has read its settings; its exit is what gets reported.
  config.on('error', () => undefined)
  config.end(JSON.stringify(options.config))
  return child
}

const dropPrivileges = (owner: Owner | null): readonly string[] =>
  owner === null
    ? []
    : [
        `--reuid=${owner.uid}`,
        `--regid=${owner.gid}`,
        '--clear-groups',
        '--no-new-privs',
        '--inh-caps=-all',
        '--bounding-set=-all',
      ]
