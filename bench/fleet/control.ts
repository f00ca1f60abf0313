// What the fleet simulation stands on: the real `mayfly up` without a runner of its own (its own one is revoked), perhaps with a
// second server beside it, projects, and as many enrolled virtual runners as wanted, in processes of their own.
import { type ChildProcess, fork } from 'node:child_process'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { toBase64Url } from '../../src/base/bytes.ts'
import { formatId, uuid7 } from '../../src/base/ids.ts'
import { findLayout } from '../../src/supervisor/index.ts'
import { randomBytes, requestUnix } from '../../src/sys/index.ts'
import { createRepository } from '../../test/support/git-host.ts'
import {
  freePort,
  openInstallation,
  type TestInstallation,
  waitFor,
} from '../../test/support/installation.ts'
import { openState, type State } from '../../test/support/installation-state.ts'
import { type Balancer, openBalancer } from './balancer.ts'
import { type Replica, startReplica } from './replica.ts'
import type { FleetSettings } from './runners.ts'
import { type Project, spreadProjects } from './share.ts'
import { type Call, openTenants, type Tenants } from './tenants.ts'

export type Control = {
  readonly installation: TestInstallation
  readonly state: State
  /** Of the server, on loopback. */
  readonly metricsPort: number
  /** That each job of the fleet prints. */
  readonly linesPerSecond: number
  /** As the operator. */
  readonly call: Call
  readonly tenants: Tenants
  readonly projects: readonly Project[]
  /** The second server, if there is one. */
  readonly replica: Replica | null
  /** Opens so many virtual runners in one process; they take no work until told to. */
  readonly openFleet: (wanted: FleetWish) => Promise<Fleet>
  readonly close: () => Promise<void>
}

export type FleetWish = Omit<FleetSettings, 'server' | 'vaultSignKey' | 'runners' | 'directory'> & {
  readonly runners: number
}

export type Fleet = {
  readonly pid: number
  readonly tell: (word: 'work') => void
  readonly kill: () => void
  readonly close: () => Promise<void>
}

export type ControlOptions = {
  readonly projects: number
  readonly organisations: number
  readonly replicas: 1 | 2
  readonly linesPerSecond: number
}

export const openControl = async (directory: string, options: ControlOptions): Promise<Control> => {
  await using opened = new AsyncDisposableStack()
  const base = await openServers(directory, options.replicas, opened)
  const { installation, call, runnerUrl } = base
  const state = openState(installation)
  opened.defer(() => state.close())
  const { url } = installation
  const tenants = await openTenants({ operator: call, state, url }, options.organisations)
  const projects = spreadProjects(options.projects, tenants.ids)
  await makeProjects(tenants, projects, join(directory, 'repositories'))
  const server = { url: runnerUrl, spkiSha256: await pinOf(Number(new URL(runnerUrl).port)) }
  const stack = opened.move()
  return {
    ...{ ...base, state, tenants, projects, linesPerSecond: options.linesPerSecond },
    openFleet: async ({ runners: count, ...wish }) => {
      const enrolled = await Promise.all(
        Array.from({ length: count }, () => enrol(layoutOf(installation).vaultAdminSocket, call)),
      )
      const settings = { ...wish, server, directory: join(directory, 'spool') }
      return startFleet({
        ...settings,
        vaultSignKey: enrolled[0]?.vsign ?? '',
        runners: enrolled.map(({ runner }) => runner),
      })
    },
    close: () => stack.disposeAsync(),
  }
}

/** Two stand behind a balancer, which then is what runners, people and programs know. */
const openServers = async (
  directory: string,
  replicas: ControlOptions['replicas'],
  opened: AsyncDisposableStack,
): Promise<
  Pick<Control, 'installation' | 'metricsPort' | 'call' | 'replica'> & { readonly runnerUrl: string }
> => {
  const metricsPort = await freePort()
  const servers: { readonly port: number; readonly runnerPort: number }[] = []
  const balance = async (portOf: (server: (typeof servers)[number]) => number): Promise<Balancer> => {
    const balancer = await openBalancer(() => servers.map(portOf))
    opened.defer(() => balancer.close())
    return balancer
  }
  const isAlone = replicas === 1
  const publicUrl = isAlone ? null : urlOf('http', (await balance(({ port }) => port)).port)
  const installation = await openWithoutRunner(directory, { metricsPort, publicUrl })
  opened.defer(() => installation.close())
  const layout = layoutOf(installation)
  const call: Call = async <T>(method: 'GET' | 'POST', path: string, body?: unknown) => {
    const socketPath = layout.operatorSocket
    const about = body === undefined ? {} : { body }
    const answer = await requestUnix({ socketPath, method, path, timeoutMs: 30_000, ...about })
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body as T
  }
  const common = { installation, metricsPort, call }
  if (publicUrl === null)
    return { ...common, replica: null, runnerUrl: urlOf('https', installation.runnerPort) }
  const localRepositories = [join(installation.data, 'sample'), join(directory, 'repositories')]
  const replica = await startReplica({ layout, publicUrl, localRepositories })
  opened.defer(() => replica.close())
  servers.push(installation, replica)
  const { port } = await balance(({ runnerPort }) => runnerPort)
  return { ...common, replica, runnerUrl: urlOf('https', port) }
}

const urlOf = (scheme: 'http' | 'https', port: number): string => `${scheme}://127.0.0.1:${port}`

const layoutOf = ({ data }: Pick<TestInstallation, 'data'>) =>
  findLayout({ data, environment: {}, isRoot: true, uid: 0 })

const makeProjects = async (
  { callAs }: Tenants,
  projects: readonly Project[],
  repositories: string,
): Promise<void> => {
  const { bare } = await createRepository(repositories, 'played', { 'a.txt': 'a' })
  for (const { name, organisation } of projects) {
    const eph = Buffer.alloc(32, 9).toString('base64url')
    const source = { kind: 'local', path: bare }
    await callAs(organisation)('POST', '/api/v1/projects', { name, source, default_branch: 'main', eph })
  }
}

const openWithoutRunner = async (
  directory: string,
  { metricsPort, publicUrl }: { readonly metricsPort: number; readonly publicUrl: string | null },
): Promise<TestInstallation> => {
  const args = ['--no-sample', '--local-repos', join(directory, 'repositories')]
  const metrics = `metrics: { port: ${metricsPort} }\n`
  const settings = publicUrl === null ? metrics : `${metrics}public_url: ${publicUrl}\n`
  const first = await openInstallation({ args, data: join(directory, 'data'), keepData: true, settings })
  const { operatorSocket, vaultAdminSocket } = layoutOf(first)
  const runner = await waitFor('the runner of this machine', async () => {
    const path = '/api/v1/runners'
    const { body } = await requestUnix({ socketPath: operatorSocket, method: 'GET', path, timeoutMs: 5_000 })
    return (body as { readonly items: readonly { readonly id: string }[] }).items[0]?.id
  })
  const path = '/v1/runner.revoke'
  await requestUnix({
    socketPath: vaultAdminSocket,
    method: 'POST',
    path,
    body: { runner },
    timeoutMs: 5_000,
  })
  await first.close()
  return first.restart()
}

/** The server's key is what runners know it by. */
const pinOf = async (port: number): Promise<string> => {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const spki = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' })
  socket.destroy()
  return createHash('sha256')
    .update(spki ?? '')
    .digest('base64url')
}

const enrol = async (socketPath: string, call: Call) => {
  const id = formatId('runner', uuid7(Date.now(), randomBytes(10)))
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = toBase64Url(publicKey.export({ type: 'spki', format: 'der' }).subarray(-32))
  const scope = { org: '*', projects: '*', tierMax: 'protected' }
  const body = { runner: id, publicKey: raw, ...scope }
  const path = '/v1/runner.enroll'
  const answer = await requestUnix({ socketPath, method: 'POST', path, body, timeoutMs: 20_000 })
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`)
  await call('POST', '/api/v1/operator/runners', { id, name: id.slice(-12), public_key: raw })
  const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { runner: { id, privateKeyPem }, vsign: (answer.body as { readonly vsign: string }).vsign }
}

const startFleet = async (settings: FleetSettings): Promise<Fleet> => {
  const child = fork(join(import.meta.dirname, 'runners.ts'), { stdio: 'inherit' })
  child.send(settings)
  await Promise.race([once(child, 'message'), failedStart(child)])
  return {
    pid: child.pid ?? 0,
    tell: (word) => void (child.connected && child.send(word)),
    kill: () => void child.kill('SIGKILL'),
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.send('stop')
      await ended
    },
  }
}

const failedStart = async (child: ChildProcess): Promise<never> => {
  const [code] = await once(child, 'exit')
  throw new Error(`virtual runners ended with ${code}`)
}
