// What the fleet simulation stands on: the real `mayfly up` without a runner of its own (its own one is revoked), projects,
// and as many enrolled virtual runners as wanted, in processes of their own.
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
import type { FleetSettings } from './runners.ts'

export type Control = {
  readonly installation: TestInstallation
  readonly state: State
  /** Of the server, on loopback. */
  readonly metricsPort: number
  /** That each job of the fleet prints. */
  readonly linesPerSecond: number
  readonly call: <T>(method: 'GET' | 'POST', path: string, body?: unknown) => Promise<T>
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

export const openControl = async (
  directory: string,
  { projects, linesPerSecond }: { readonly projects: readonly string[]; readonly linesPerSecond: number },
): Promise<Control> => {
  const metricsPort = await freePort()
  const installation = await openWithoutRunner(directory, metricsPort)
  const layout = findLayout({ data: installation.data, environment: {}, isRoot: true, uid: 0 })
  const call: Control['call'] = async <T>(method: 'GET' | 'POST', path: string, body?: unknown) => {
    const socketPath = layout.operatorSocket
    const about = body === undefined ? {} : { body }
    const answer = await requestUnix({ socketPath, method, path, timeoutMs: 30_000, ...about })
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body as T
  }
  const { bare } = await createRepository(join(directory, 'repositories'), 'played', { 'a.txt': 'a' })
  for (const name of projects) {
    const eph = Buffer.alloc(32, 9).toString('base64url')
    const source = { kind: 'local', path: bare }
    await call('POST', '/api/v1/projects', { name, source, default_branch: 'main', eph })
  }
  const { runnerPort } = installation
  const state = openState(installation)
  const server = { url: `https://127.0.0.1:${runnerPort}`, spkiSha256: await pinOf(runnerPort) }
  return {
    ...{ installation, call, state, metricsPort, linesPerSecond },
    openFleet: async ({ runners: count, ...wish }) => {
      const enrolled = await Promise.all(
        Array.from({ length: count }, () => enrol(layout.vaultAdminSocket, call)),
      )
      const settings = { ...wish, server, directory: join(directory, 'spool') }
      return startFleet({
        ...settings,
        vaultSignKey: enrolled[0]?.vsign ?? '',
        runners: enrolled.map(({ runner }) => runner),
      })
    },
    close: async () => {
      await state.close()
      await installation.close()
    },
  }
}

const openWithoutRunner = async (directory: string, metricsPort: number): Promise<TestInstallation> => {
  const args = ['--no-sample', '--local-repos', join(directory, 'repositories')]
  const settings = `metrics: { port: ${metricsPort} }\n`
  const first = await openInstallation({ args, data: join(directory, 'data'), keepData: true, settings })
  const { operatorSocket, vaultAdminSocket } = findLayout({
    ...{ data: first.data, environment: {}, isRoot: true, uid: 0 },
  })
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

const enrol = async (socketPath: string, call: Control['call']) => {
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
