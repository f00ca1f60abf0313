// Sandboxes on this machine for one command: the jailer as a child of this process, in a run directory of its own, so
// that two `mayfly run` and an installation never touch each other's nests. Everything ends with the channel between us.
import { existsSync } from 'node:fs'
import { chmod, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fault } from '../base/faults.ts'
import { silentLog } from '../base/log.ts'
import type { LocalSandboxes } from '../cli/index.ts'
import { measureSpec } from '../runner/index.ts'
import { channelOverIpc, createMeasure, findClass, openNamespaceDriver } from '../sandbox/index.ts'
import { type ChildProcess, randomBytes, spawn, systemClock } from '../sys/index.ts'

const readyMs = 20_000
const endMs = 30_000
const systemAuthorities = '/etc/ssl/certs/ca-certificates.crt'

export type LocalOptions = {
  /** What jobs may reach beyond the ordinary. */
  readonly privateRanges: readonly string[]
  readonly repositoryRoots?: readonly string[]
  readonly tools?: Readonly<Record<string, string>>
}

export const openLocalSandboxes = async (options: LocalOptions): Promise<LocalSandboxes> => {
  if (process.getuid?.() !== 0)
    throw fault('E_SANDBOX_UNAVAILABLE', {
      public: 'sandboxes need root on this machine for now: start it with sudo',
    })
  const name = Buffer.from(randomBytes(4)).toString('hex')
  const runDirectory = `/run/mayfly-run-${name}`
  // Jobs of other users pass through it on the way to their own nest; the mode must not depend on a umask.
  await mkdir(runDirectory)
  await chmod(runDirectory, 0o711)
  const jailer = startJailer({
    installation: `run-${name}`,
    runDirectory,
    runnerCommand: null,
    repositoryRoots: options.repositoryRoots ?? [],
    tools: options.tools ?? {},
    slots: 64,
    trustCa: existsSync(systemAuthorities) ? systemAuthorities : null,
  })
  const ended = new Promise<void>((resolve) => jailer.once('exit', () => resolve()))
  // Listening before the first message: what arrives earlier would be lost.
  const channel = channelOverIpc(jailer)
  const host = { stateDirectories: [runDirectory], sockets: [] }
  const measure = createMeasure({ clock: systemClock, host, spec: measureSpec })
  const driver = openNamespaceDriver({ channel, clock: systemClock, log: silentLog, measure })
  const close = async (): Promise<void> => {
    if (jailer.connected) await driver.close()
    channel.close()
    const timer = setTimeout(() => jailer.kill('SIGKILL'), endMs)
    await ended
    clearTimeout(timer)
    await rm(runDirectory, { recursive: true, force: true })
  }
  try {
    await ready(jailer)
    return {
      driver,
      classLimits: (word) => {
        const found = findClass(word)
        return found.ok ? found.class.limits : null
      },
      privateRanges: options.privateRanges,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Its own session: Ctrl-C is for us, and we end sandboxes in order. */
const startJailer = (config: unknown): ChildProcess => {
  const suffix = import.meta.filename.endsWith('.ts') ? 'ts' : 'js'
  const program = join(import.meta.dirname, `jailer.${suffix}`)
  const child = spawn(process.execPath, [program], {
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
const ready = (jailer: ChildProcess): Promise<void> =>
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
    jailer.once('exit', fail)
    jailer.stdout?.once('data', () => {
      clearTimeout(timer)
      jailer.off('exit', fail)
      resolve()
    })
  })

const reasonIn = (said: string): string => {
  const why = /"why":"((?:[^"\\]|\\.)*)"/.exec(said)?.[1]
  return why === undefined ? 'this machine cannot build sandboxes' : (JSON.parse(`"${why}"`) as string)
}
