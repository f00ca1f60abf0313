// The installation under test: the real `mayfly up` on a data directory of its own, its projects by path and over a real
// sshd, and a client with a token of its own. It can be stopped and started again on the same data.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type * as z from 'zod'
import type { Runner, tokenCreated } from '../src/protocol/api/shapes.ts'
import { findLayout } from '../src/supervisor/index.ts'
import { requestUnix } from '../src/sys/index.ts'
import { type GitHost, openGitHost } from '../test/support/git-host.ts'
import { freePort, repository, runCli } from '../test/support/installation.ts'
import { addLocalProject, addSshProject, type BenchProject, sshAddress } from './add-project.ts'
import { type Client, openClient } from './client.ts'
import { startClock } from './clock.ts'
import { type Usage, usageOf } from './processes.ts'
import { type ProjectKind, projectFiles } from './projects.ts'
import type { Printing } from './pushes.ts'
import { putSecrets, releasesOf } from './put-secrets.ts'

export type BenchInstallation = {
  /** Running with so many slots: started, or started again when it runs with another number. */
  readonly up: (slots: number) => Promise<Running>
  readonly down: () => Promise<void>
  /** null while it is down. */
  readonly usage: () => Usage | null
  /** Made once; it must be up. */
  readonly project: (kind: ProjectKind, transport: 'path' | 'ssh') => Promise<BenchProject>
  /** So many secrets of a project, for jobs on its default branch. */
  readonly putSecrets: (project: BenchProject, count: number) => void
  /** How often they were released. */
  readonly releases: (project: BenchProject) => number
  /** On the same sshd, but no project: for baselines. */
  readonly sshRepository: (name: string) => Promise<Printing>
  readonly close: () => Promise<void>
}

export type Running = {
  readonly slots: number
  readonly client: Client
  /** More clients with a token each for a hundred of them: one credential may have no more connections. */
  readonly openClients: (count: number) => Promise<readonly Client[]>
  /** Process start → healthy, its runner connected. */
  readonly startMs: number
  readonly pid: number
}

type Places = {
  readonly data: string
  readonly settings: string
  readonly operatorSocket: string
  /** Below it projects may be local repositories. */
  readonly repositories: string
  readonly port: number
  readonly runnerPort: number
}

/** What a person starts; it becomes the program itself, so the process is the supervisor. */
export const launcher = join(repository, 'mayfly')
const startDeadlineMs = 120_000
const lookEveryMs = 5

export type InstallationOptions = {
  /** Where it sends traces of its runs. */
  readonly traces?: string
  /** The launcher that is started, if not that of this repository. */
  readonly launcher?: string
}

export const openBenchInstallation = async (
  directory: string,
  options: InstallationOptions = {},
): Promise<BenchInstallation> => {
  const places = await choosePlaces(directory)
  const gitHost = await openGitHost()
  const projects = new Map<string, Promise<BenchProject>>()
  let running: (Running & { readonly child: ChildProcess }) | null = null
  const down = async () => {
    if (running === null) return
    const { client, child } = running
    running = null
    client.close()
    await stop(child)
  }
  return {
    up: async (slots) => {
      if (running?.slots === slots) return running
      await down()
      await writeSettings(places, { slots, gitHost, traces: options.traces })
      running = await start(places, slots, options.launcher ?? launcher)
      return running
    },
    down,
    usage: () => (running === null ? null : usageOf(running.pid)),
    project: (kind, transport) => {
      const name = `${kind}-${transport}`
      const cli = (...words: readonly string[]) => runCliOrThrow(places.data, words)
      const making =
        projects.get(name) ??
        (transport === 'path'
          ? addLocalProject({ cli, repositories: places.repositories, name, kind })
          : addSshProject({ cli, gitHost, name, kind, operatorSocket: places.operatorSocket }))
      projects.set(name, making)
      return making
    },
    putSecrets: ({ name }, count) => putSecrets({ data: places.data, home: directory, project: name }, count),
    releases: ({ name }) => releasesOf({ data: places.data, home: directory, project: name }),
    sshRepository: async (name) => ({
      repository: await gitHost.createRepository(name, projectFiles('jobs-1')),
      push: sshAddress(gitHost, name),
    }),
    close: async () => {
      await down()
      await gitHost.close()
    },
  }
}

const choosePlaces = async (directory: string): Promise<Places> => {
  const data = join(directory, 'data')
  const repositories = join(directory, 'repositories')
  await mkdir(repositories)
  const { settings, operatorSocket } = findLayout({ data, isRoot: true, uid: 0, environment: {} })
  return {
    data,
    settings,
    operatorSocket,
    repositories,
    port: await freePort(),
    runnerPort: await freePort(),
  }
}

const writeSettings = async (
  places: Places,
  { slots, gitHost, traces }: { slots: number; gitHost: GitHost; traces: string | undefined },
): Promise<void> => {
  await mkdir(dirname(places.settings), { recursive: true })
  const sources = `slots: ${slots}\nsources:\n  allow: ['127.0.0.1:${gitHost.port}']\n`
  await writeFile(
    places.settings,
    traces === undefined ? sources : `${sources}traces:\n  endpoint: ${traces}\n`,
  )
}

const start = async (
  places: Places,
  slots: number,
  program: string,
): Promise<Running & { readonly child: ChildProcess }> => {
  const since = Date.now()
  const elapsed = startClock()
  const child = spawnUp(places, program)
  try {
    const url = await announcedUrl(child)
    await waitForRunner(places.operatorSocket, since)
    const startMs = elapsed()
    const client = await openClient(url, makeToken(places.data))
    const openClients = (count: number) => openMany(url, places.data, count)
    return { slots, client, openClients, startMs, pid: child.pid ?? 0, child }
  } catch (error) {
    await stop(child)
    throw error
  }
}

export const clientsPerToken = 100
const handshakesAtOnce = 16

/** For so many clients. */
export const makeTokens = (data: string, clients: number): readonly string[] =>
  Array.from({ length: Math.ceil(clients / clientsPerToken) }, () => makeToken(data))

export const openMany = async (url: string, data: string, count: number): Promise<readonly Client[]> => {
  const tokens = makeTokens(data, count)
  const clients: Client[] = []
  while (clients.length < count) {
    const next = Array.from({ length: Math.min(handshakesAtOnce, count - clients.length) }, (_, i) =>
      openClient(url, tokens[Math.floor((clients.length + i) / clientsPerToken)] ?? ''),
    )
    clients.push(...(await Promise.all(next)))
  }
  return clients
}

const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGINT')
  await once(child, 'exit')
}

/** As a person would, but without the sample project. */
const spawnUp = (places: Places, program: string): ChildProcess => {
  const ports = ['--port', `${places.port}`, '--runner-port', `${places.runnerPort}`]
  const args = ['up', '--data', places.data, ...ports, '--local-repos', places.repositories, '--no-sample']
  return spawn('sh', [program, ...args], { cwd: '/' })
}

const announcedUrl = (child: ChildProcess): Promise<string> => {
  let said = ''
  return new Promise((resolve, reject) => {
    const fail = () => reject(new Error(`mayfly up did not start:\n${said}`))
    const timer = setTimeout(fail, startDeadlineMs)
    child.once('exit', fail)
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk) => {
        said += String(chunk)
        const found = /Mayfly is up at (\S+)/.exec(said)?.[1]
        if (found === undefined) return
        clearTimeout(timer)
        child.off('exit', fail)
        resolve(found)
      })
  })
}

/** Connected since this start, not remembered from the one before. */
const waitForRunner = async (socketPath: string, since: number): Promise<void> => {
  const elapsed = startClock()
  while (elapsed() < startDeadlineMs) {
    const answer = await requestUnix({ socketPath, method: 'GET', path: '/api/v1/runners', timeoutMs: 5_000 })
    const { items } = answer.body as { items: readonly Runner[] }
    if (items.some(({ status, last_seen_at: at }) => status === 'online' && Date.parse(at ?? '') >= since))
      return
    await sleep(lookEveryMs)
  }
  throw new Error('the runner did not connect')
}

const scopes = ['project.view', 'run.view', 'log.read', 'run.trigger', 'run.cancel', 'runner.view']

export const makeToken = (data: string, wanted: readonly string[] = scopes): string => {
  const flags = wanted.flatMap((scope) => ['--scope', scope])
  const made = runCliOrThrow(data, ['token', 'create', 'bench', '--json', ...flags])
  return (JSON.parse(made) as z.infer<typeof tokenCreated>).secret
}

const runCliOrThrow = (data: string, words: readonly string[]): string => {
  const { code, stdout, stderr } = runCli(data, words)
  if (code !== 0) throw new Error(`mayfly ${words.join(' ')} ended with ${code}: ${stderr}`)
  return stdout
}
