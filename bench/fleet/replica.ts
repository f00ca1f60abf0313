// A second server of the same installation: the same program with the same settings, on the same database, vault and objects,
// with ports and an operator's socket of its own. Nobody starts it again when it is killed.
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { logPathFlags, serverConfig } from '../../src/supervisor/configs.ts'
import { ensureIdentity } from '../../src/supervisor/identity.ts'
import { ensureSettings, type Layout } from '../../src/supervisor/index.ts'
import { startProgram } from '../../src/supervisor/programs.ts'
import { ensureUsers } from '../../src/supervisor/users.ts'
import { type ChildProcess, randomBytes, systemClock } from '../../src/sys/index.ts'
import { freePort } from '../../test/support/installation.ts'

export type Replica = {
  readonly pid: number
  readonly port: number
  readonly runnerPort: number
  readonly kill: () => Promise<void>
  /** As its supervisor would. */
  readonly close: () => Promise<void>
}

export type ReplicaOptions = {
  readonly layout: Layout
  /** Of both. */
  readonly publicUrl: string
  readonly localRepositories: readonly string[]
}

const readyMs = 60_000
const lastWords = 20

export const startReplica = async (options: ReplicaOptions): Promise<Replica> => {
  const { layout } = options
  const users = await ensureUsers(layout)
  const directory = join(layout.data, 'app', (await readdir(join(layout.data, 'app')))[0] ?? '')
  const programs = { node: join(directory, 'tool/node'), directory }
  const [port, runnerPort] = [await freePort(), await freePort()]
  const config = await configOf(options, { users, programs, port, runnerPort })
  const child = startProgram(programs, 'server', {
    ...{ config, owner: users?.server ?? null, withoutNetwork: false, nodeFlags: logPathFlags },
  })
  await untilReady(child)
  const end = async (signal: 'SIGKILL' | 'SIGTERM') => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
  return {
    ...{ pid: child.pid ?? 0, port, runnerPort },
    kill: () => end('SIGKILL'),
    close: () => end('SIGTERM'),
  }
}

type Own = {
  readonly users: Awaited<ReturnType<typeof ensureUsers>>
  readonly programs: Parameters<typeof startProgram>[0]
  readonly port: number
  readonly runnerPort: number
}

const configOf = async (
  { layout, publicUrl, localRepositories }: ReplicaOptions,
  { users, programs, port, runnerPort }: Own,
): Promise<unknown> => {
  const settings = await ensureSettings(layout, () => {})
  const identity = await ensureIdentity({ layout, users, clock: systemClock, randomBytes })
  const config = serverConfig({
    ...{ layout, port, runnerPort, publicUrl, localRepositories, identity, programs },
    organisation: settings.organisation,
    egressDefault: settings.egress.default,
    telemetry: { metrics: {}, traces: settings.traces },
    doors: settings,
    webhooks: { allow: settings.webhooks.allow, authorities: settings.trust.ca },
    retention: settings.retention,
  })
  const operator = join(layout.run, 'operator/replica.sock')
  return { ...config, sockets: { ...config.sockets, operator } }
}

/** Its log is read on, so that it never waits for us. */
const untilReady = async (child: ChildProcess): Promise<void> => {
  const said: string[] = []
  const ready = Promise.withResolvers<void>()
  const fail = (why: string) => ready.reject(new Error(`a second server ${why}:\n${said.join('\n')}`))
  const timer = setTimeout(() => fail('was not ready in time'), readyMs)
  const onExit = () => fail('ended')
  child.once('exit', onExit)
  for (const stream of [child.stdout, child.stderr])
    if (stream !== null)
      createInterface({ input: stream }).on('line', (line) => {
        said.push(line.slice(0, 1_000))
        if (said.length > lastWords) said.shift()
        if (line.startsWith('{"ready":true')) ready.resolve()
      })
  try {
    await ready.promise
  } finally {
    clearTimeout(timer)
    child.off('exit', onExit)
  }
}
