// A private ssh-agent of the runner: the keys never enter a sandbox, only what asks for signatures does, through a socket that
// the driver binds into a cell. Dies with it. What comes from inside is hostile: of the agent's own protocol it may list
// keys, ask for a signature and say which host it talks to; everything else is answered with a failure, here.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { fault } from '../base/faults.ts'
import type { Secret } from '../base/secret.ts'
import { type ChildProcess, run, spawn } from '../sys/index.ts'
import { agentFilter } from './agent-filter.ts'
import { agentStartMs } from './limits.ts'

export interface SshAgent {
  /** False when it is no private key that an agent can hold, or is for no host. */
  add(key: AgentKey): Promise<boolean>
  /** Fingerprints of the keys in the order in which they were added, in both ways of writing them. */
  fingerprints(): Promise<readonly Fingerprint[]>
  /** Joins a connection from inside a cell to the agent. */
  serve(connection: Socket): void
  close(): Promise<void>
}

export type AgentKey = {
  readonly key: Secret<string>
  /** Lines of known_hosts, at least one: it signs for these hosts only. */
  readonly hosts: readonly string[]
  readonly seconds: number
}

/** `SHA256:…` and `aa:bb:…`. */
export type Fingerprint = { readonly sha256: string; readonly md5: string }

/** `directory`: of ours; sockets there must stay below 107 bytes. */
export const openSshAgent = async (directory: string): Promise<SshAgent> => {
  const home = await mkdtemp(join(directory, 'agent-'))
  const socket = join(home, 's')
  // Without `-P` whoever reaches the socket could have it load libraries of this machine.
  const child = spawn('ssh-agent', ['-D', '-P', 'none', '-a', socket], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const close = async () => {
    child.kill('SIGKILL')
    await rm(home, { recursive: true, force: true })
  }
  try {
    await started(child)
  } catch (cause) {
    await close()
    throw fault('E_EXEC_FAILED', { detail: 'ssh-agent', cause })
  }
  const env = { SSH_AUTH_SOCK: socket, HOME: home }
  const list = async (how: 'sha256' | 'md5') => {
    const said = await run('ssh-add', ['-l', '-E', how], { env, timeoutMs: agentStartMs })
    return said.code === 0 ? fingerprintsIn(said.stdout.toString()) : []
  }
  return {
    add: async ({ key, hosts, seconds }) => {
      // SAFE: ssh-add without a host would have it sign for all of them.
      if (hosts.length === 0) return false
      await writeFile(join(home, 'hosts'), `${hosts.join('\n')}\n`)
      const names = new Set(hosts.map((line) => line.split(' ')[0] ?? ''))
      const to = [...names].flatMap((name) => ['-h', name])
      const args = ['-q', '-t', String(seconds), '-H', join(home, 'hosts'), ...to, '-']
      const text = key.reveal('to the private agent, by pipe')
      // A key whose last line does not end as the others do is none to OpenSSH.
      const input = `${text.replaceAll('\r\n', '\n').trimEnd()}\n`
      const added = await run('ssh-add', args, { env, input, timeoutMs: agentStartMs })
      return added.code === 0
    },
    fingerprints: async () => {
      const [sha256, md5] = await Promise.all([list('sha256'), list('md5')])
      return sha256.map((text, at) => ({ sha256: text, md5: (md5[at] ?? '').replace(/^MD5:/, '') }))
    },
    serve: (connection) => {
      const agent = connect(socket)
      const ignore = () => undefined
      pipeline(connection, agentFilter(), agent, ignore)
      pipeline(agent, connection, ignore)
    },
    close,
  }
}

/** `256 SHA256:… comment (ED25519)`, a line for each key. */
const fingerprintsIn = (said: string): readonly string[] =>
  said.split('\n').flatMap((line) => /^\d+ (\S+) /.exec(line)?.[1] ?? [])

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
