// A real jailer as a child of the test process, which is the runner half (as in `mayfly run`): of root, or of
// an ordinary user in a user namespace of its own.
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Channel, channelOverIpc } from '../../src/sandbox/index.ts'
import { type ChildProcess, inUserNamespace, spawn } from '../../src/sys/index.ts'

export const needsRoot = process.getuid?.() === 0 ? false : 'needs root to build namespaces'

export type StartedJailer = {
  readonly channel: Channel
  readonly child: ChildProcess
  readonly runDirectory: string
  readonly installation: string
  /** Resolves when the process is gone. */
  readonly exited: Promise<void>
  stop(): Promise<void>
}

export type JailerOptions = {
  readonly repositoryRoots?: readonly string[]
  readonly tools?: Readonly<Record<string, string>>
  /** Root starts it without root, as this user. */
  readonly uid?: number
  /** To start a second life of the same installation. */
  readonly like?: StartedJailer
}

/** A test that is killed from outside takes its jailer along: its line may be one that nobody closes for it. */
export const endingWithUs = (command: readonly string[]): readonly string[] => [
  ...['setpriv', '--pdeathsig', 'TERM', '--'],
  ...command,
]

const noPrivilege = ['--clear-groups', '--inh-caps=-all', '--bounding-set=-all', '--']
const program = new URL('../../src/main/jailer.ts', import.meta.url).pathname

export const startJailer = async (options: JailerOptions = {}): Promise<StartedJailer> => {
  const runDirectory = options.like?.runDirectory ?? (await mkdtemp(join(tmpdir(), 'mayfly-jailer-')))
  await chmod(runDirectory, 0o711)
  const installation = options.like?.installation ?? `t${process.pid}${runDirectory.slice(-6).toLowerCase()}`
  const command = endingWithUs([process.execPath, program])
  const { uid } = options
  if (uid !== undefined) await chown(runDirectory, uid, uid)
  const isRooted = process.getuid?.() === 0 && uid === undefined
  const start = isRooted ? command : inUserNamespace(command)
  const as = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, ...noPrivilege]
  const [file = '', ...args] = [...as, ...start]
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit', 'pipe', 'ipc'] })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const config = {
    ...{ installation, runDirectory, runnerCommand: null, slots: 2, trustCa: null },
    ...{ repositoryRoots: options.repositoryRoots ?? [], tools: options.tools ?? {}, stateDirectories: [] },
  }
  const pipe = child.stdio[3]
  if (pipe && 'end' in pipe) pipe.end(JSON.stringify(config))
  const channel = channelOverIpc(child)
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => resolve())
    void exited.then(() => reject(new Error('the jailer did not start')))
  })
  const stop = async () => {
    channel.close()
    await exited
    await rm(runDirectory, { recursive: true, force: true })
  }
  return { channel, child, runDirectory, installation, exited, stop }
}
