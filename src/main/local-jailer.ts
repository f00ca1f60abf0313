// The jailer of one command on this machine, as a child of this process. On its own here, because it is started before
// the rest of the program is loaded: it takes as long as that. Whoever starts it closes it.
import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fault } from '../base/faults.ts'
import { type ChildProcess, findNoUserNamespaces, inUserNamespace, randomBytes, spawn } from '../sys/index.ts'

const readyMs = 20_000
const endMs = 30_000
const systemAuthorities = '/etc/ssl/certs/ca-certificates.crt'

export type LocalJailerOptions = {
  readonly repositoryRoots?: readonly string[]
  readonly tools?: Readonly<Record<string, string>>
  /** XDG_RUNTIME_DIR; of no use to root. */
  readonly runtime?: string | undefined
}

export interface LocalJailer {
  readonly child: ChildProcess
  /** Its own, so that two `mayfly run` and an installation never touch each other's nests. */
  readonly runDirectory: string
  /** It is this user in a user namespace, not root. */
  readonly rootless: boolean
  /** Rejects in words when this machine cannot build sandboxes. */
  readonly ready: Promise<void>
  /** It ends when the line to it closes; resolves when everything of it is gone. */
  close(): Promise<void>
}

export const startLocalJailer = (options: LocalJailerOptions = {}): LocalJailer => {
  const isRoot = process.getuid?.() === 0
  const forbidden = findNoUserNamespaces(isRoot)
  if (forbidden !== null)
    throw fault('E_SANDBOX_UNAVAILABLE', { public: `${forbidden.why}; ${forbidden.fix}` })
  const name = Buffer.from(randomBytes(4)).toString('hex')
  const runDirectory = isRoot
    ? `/run/mayfly-run-${name}`
    : join(ownRunDirectory(options.runtime), `mayfly-run-${name}`)
  mkdirSync(runDirectory, { mode: 0o700 })
  // Jobs of other users pass through it on the way to their own nest; the mode must not depend on a umask.
  if (isRoot) chmodSync(runDirectory, 0o711)
  const child = spawnJailer(isRoot, {
    installation: `run-${name}`,
    runDirectory,
    runnerCommand: null,
    repositoryRoots: options.repositoryRoots ?? [],
    stateDirectories: [],
    tools: options.tools ?? {},
    slots: 64,
    trustCa: existsSync(systemAuthorities) ? systemAuthorities : null,
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const ready = untilReady(child)
  // Whoever uses it hears of a failure; whoever has failed before that does not.
  ready.catch(() => undefined)
  return {
    ...{ child, runDirectory, rootless: !isRoot, ready },
    close: async () => {
      if (child.connected) child.disconnect()
      const timer = setTimeout(() => child.kill('SIGKILL'), endMs)
      await ended
      clearTimeout(timer)
      await rm(runDirectory, { recursive: true, force: true })
    },
  }
}

/** What the system made for this person and removes with his last session; else the place for what is temporary. */
const ownRunDirectory = (runtime: string | undefined): string =>
  runtime !== undefined && statSync(runtime, { throwIfNoEntry: false })?.uid === process.getuid?.()
    ? runtime
    : tmpdir()

/** Its own session: Ctrl-C is for us, and we end sandboxes in order. */
const spawnJailer = (isRoot: boolean, config: unknown): ChildProcess => {
  const suffix = import.meta.filename.endsWith('.ts') ? 'ts' : 'js'
  const program = join(import.meta.dirname, `jailer.${suffix}`)
  const command = [process.execPath, program]
  const [file = '', ...args] = isRoot ? command : inUserNamespace(command)
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'ipc'],
    detached: true,
  })
  const pipe = child.stdio[3]
  if (pipe !== null && pipe !== undefined && 'end' in pipe) {
    pipe.on('error', () => undefined)
    pipe.end(JSON.stringify(config))
  }
  return child
}

/** One JSON line on stdout; what it says instead when it cannot is a JSON line of its log. */
const untilReady = (jailer: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    const words: Buffer[] = []
    const fail = () => {
      clearTimeout(timer)
      const said = Buffer.concat(words).toString('utf8')
      reject(fault('E_SANDBOX_UNAVAILABLE', { public: reasonIn(said), detail: said.slice(-2_000) }))
    }
    const timer = setTimeout(fail, readyMs)
    jailer.stderr?.on('data', (chunk: Buffer) => words.push(chunk))
    jailer.once('error', fail)
    // Not at its exit: what it said may still be on its way.
    jailer.once('close', fail)
    jailer.stdout?.once('data', () => {
      clearTimeout(timer)
      jailer.off('close', fail)
      resolve()
    })
  })

const reasonIn = (said: string): string => {
  const why = /"why":"((?:[^"\\]|\\.)*)"/.exec(said)?.[1]
  return why === undefined ? 'this machine cannot build sandboxes' : (JSON.parse(`"${why}"`) as string)
}
