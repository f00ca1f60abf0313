// A private ssh-agent for one cell: holds one deploy key, for two minutes, usable against the pinned host only, and
// reachable only through the socket we hand to that cell. Dies with it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { fault } from '../../base/faults.ts'
import type { Secret } from '../../base/secret.ts'
import { type ChildProcess, run, spawn } from '../../sys/index.ts'
import { agentKeySeconds, agentStartMs } from '../limits.ts'
import { hostAlias } from './git-scripts.ts'

export interface SshAgent {
  /** Joins a connection from inside the cell to the agent. */
  serve(connection: Socket): void
  close(): Promise<void>
}

export const openSshAgent = async (options: {
  /** A directory of ours; sockets there must stay below 107 bytes. */
  readonly directory: string
  readonly key: Secret<string>
  /** Lines `<name> <type> <base64>`. */
  readonly hostKeys: readonly string[]
}): Promise<SshAgent> => {
  const home = await mkdtemp(join(options.directory, 'agent-'))
  const socket = join(home, 's')
  const child = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] })
  const close = async () => {
    child.kill('SIGKILL')
    await rm(home, { recursive: true, force: true })
  }
  try {
    await started(child)
    await addKey(home, socket, options)
  } catch (error) {
    await close()
    throw fault('E_EXEC_FAILED', { detail: 'ssh-agent for a deploy key', cause: error })
  }
  return {
    serve: (connection) => {
      const agent = connect(socket)
      const ignore = () => undefined
      pipeline(connection, agent, ignore)
      pipeline(agent, connection, ignore)
    },
    close,
  }
}

/** The agent names its socket on stdout as soon as it listens. */
const started = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer')), agentStartMs)
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`exit ${code}`)))
    child.stdout?.once('data', () => {
      clearTimeout(timer)
      resolve()
    })
  })

const addKey = async (
  home: string,
  socket: string,
  options: { readonly key: Secret<string>; readonly hostKeys: readonly string[] },
): Promise<void> => {
  const hosts = join(home, 'hosts')
  await writeFile(hosts, `${options.hostKeys.map(underAlias).join('\n')}\n`)
  const args = ['-q', '-t', String(agentKeySeconds), '-H', hosts, '-h', hostAlias, '-']
  const added = await run('ssh-add', args, {
    env: { SSH_AUTH_SOCK: socket, HOME: home },
    input: options.key.reveal('to the private agent, by pipe'),
    timeoutMs: agentStartMs,
  })
  if (added.code !== 0) throw new Error(`ssh-add: ${added.stderr.toString().slice(0, 500)}`)
}

/** `<any name> <type> <base64>` as a line for the one name we use. */
export const underAlias = (line: string): string =>
  `${hostAlias} ${line.trim().split(/\s+/).slice(-2).join(' ')}`
