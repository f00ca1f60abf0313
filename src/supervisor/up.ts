// `mayfly up`: from a clone to a running installation, and down again. The numbered phases:
// 1 look at the machine  2 packages and users  3 directories, programs, keys  4 database and vault
// 5 server  6 jailer and runner  7 the sample project, once  8 watch until told to stop, then undo in reverse.
import { chmod, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import type { Clock, RandomBytes } from '../base/clock.ts'
import { fault } from '../base/faults.ts'
import type { Log } from '../base/log.ts'
import { findNoUserNamespaces } from '../sys/index.ts'
import { refuseHalfRestored } from './backup/restore.ts'
import { type Child, keepChild } from './children.ts'
import { jailerConfig, logPathFlags, runnerConfig, serverConfig, vaultConfig } from './configs.ts'
import { makeDataDirectories, makeSocketDirectories } from './directories.ts'
import { enrolAtServer, enrolAtVault, revokedText } from './enrol.ts'
import { ensureIdentity, type Identity } from './identity.ts'
import { keepDatabase } from './keep-database.ts'
import type { Layout } from './layout.ts'
import { callVaultAdmin } from './operator.ts'
import { ensurePackages, productPackages } from './packages.ts'
import { findFreePort } from './ports.ts'
import { installPrograms, type Programs, startProgram } from './programs.ts'
import { openRoster, type RosterWriter } from './roster.ts'
import { findSupervisor } from './running.ts'
import { prepareSample, runSample } from './sample.ts'
import { ensureSettings, type Settings } from './settings.ts'
import { firstSignerCode } from './signer-code.ts'
import { ensureUsers, type Users } from './users.ts'

export type UpOptions = {
  readonly layout: Layout
  readonly port: number
  readonly runnerPort: number
  /** Directories below which projects may name local repositories. */
  readonly localRepositories: readonly string[]
  readonly withSample: boolean
  /** The clone or release we run from: its build, the Node that runs us, the sample project. */
  readonly from: { readonly build: string; readonly node: string; readonly sample: string }
}

export type UpDeps = {
  readonly clock: Clock
  readonly randomBytes: RandomBytes
  readonly log: Log
  /** One line of progress for a person. */
  readonly say: (line: string) => void
  /** Aborted when the person wants it to stop. */
  readonly signal: AbortSignal
}

export type Installation = {
  readonly address: string
  /** null once somebody owns it. */
  readonly claimUrl: string | null
  /** Enrols the first signer of the vault; null once there is one. */
  readonly signerCode: string | null
  readonly healthyAfterMs: number
  close(): Promise<void>
}

/** What runs, by name; stopped in this order, so that nobody loses the one it still speaks to. */
const stopOrder = ['jailer', 'server', 'vault', 'database', 'lock'] as const
type Running = Map<(typeof stopOrder)[number], () => Promise<void>>

/** Starts everything; on failure everything that was started is stopped before the fault is thrown. */
export const up = async (options: UpOptions, deps: UpDeps): Promise<Installation> => {
  const running: Running = new Map()
  const close = async () => {
    for (const name of stopOrder) {
      await running
        .get(name)?.()
        .catch((error) => deps.log.error('could not stop', { name, error }))
      running.delete(name)
    }
  }
  try {
    return { ...(await start(options, deps, running)), close }
  } catch (error) {
    await close()
    throw error
  }
}

const start = async (
  options: UpOptions,
  deps: UpDeps,
  running: Running,
): Promise<Omit<Installation, 'close'>> => {
  const { layout } = options
  const begin = deps.clock.monotonicMs()
  refuseWithoutNamespaces(layout)
  if (layout.isRoot) await checkReach(layout.data)
  refuseHalfRestored(layout)
  await takeLock(layout, running)
  await findFreePort(options.port, '--port')
  await findFreePort(options.runnerPort, '--runner-port')
  await ensurePackages(productPackages, { isRoot: layout.isRoot, say: deps.say })
  const users = await ensureUsers(layout)
  if (!layout.isRoot) deps.say(rootlessText)
  await makeDataDirectories(layout, users)
  await makeSocketDirectories(layout, users)
  const programs = await installPrograms(options.from, layout.data)
  const settings = await ensureSettings(layout, deps.say)
  const identity = await ensureIdentity({ layout, users, clock: deps.clock, randomBytes: deps.randomBytes })
  const roster = openRoster({ path: layout.roster, clock: deps.clock, log: deps.log })
  const parts = { options, deps, running, users, programs, settings, identity, roster }
  // Two chains side by side: the runner waits for the server by itself.
  deps.say('starting database, vault, server and runner …')
  const [{ server, takesRunner }, vsign] = await bothStarted(
    startDatabase(parts).then(() => startServer(parts)),
    startVault(parts).then(async (key) => {
      if (key !== null) await startJailer(parts, key)
      return key
    }),
  )
  const hasRunner = takesRunner && vsign !== null
  if (!hasRunner) deps.say(revokedText(layout))
  const address = publicUrl(options, settings)
  const healthyAfterMs = deps.clock.monotonicMs() - begin
  if (options.withSample && hasRunner) await runSample({ layout, say: deps.say, signal: deps.signal })
  return {
    address,
    claimUrl: typeof server.ready.claimUrl === 'string' ? server.ready.claimUrl : null,
    signerCode: await firstSignerCode(layout),
    healthyAfterMs,
  }
}

/** Waits for both, also when one fails: what the other started must be there to be stopped. */
const bothStarted = async <A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> => {
  await Promise.allSettled([a, b])
  return Promise.all([a, b])
}

type Parts = {
  readonly options: UpOptions
  readonly deps: UpDeps
  readonly running: Running
  /** null: without root all are one. */
  readonly users: Users | null
  readonly programs: Programs
  readonly settings: Settings
  readonly identity: Identity
  readonly roster: RosterWriter
}

/** The service users must be able to walk to the data directory: said before anything is made. */
const checkReach = async (data: string): Promise<void> => {
  const parents = dirname(data)
    .split('/')
    .map((_, i, parts) => `/${parts.slice(1, i + 1).join('/')}`)
  for (const path of parents) {
    const entry = await stat(path).catch(() => null)
    if (entry !== null && (entry.mode & 0o001) === 0)
      throw fault('E_MACHINE_NOT_READY', {
        public: `The service users cannot reach ${data}: ${path} is closed to them. Choose another --data, or: chmod o+x ${path}`,
      })
  }
}

/** Two supervisors over one data directory would be two truths; a stale file of a killed one is taken over. */
const takeLock = async (layout: Layout, running: Running): Promise<void> => {
  await mkdir(layout.run, { recursive: true, mode: 0o711 })
  await chmod(layout.run, 0o711)
  const pid = await findSupervisor(layout)
  if (pid !== null && pid !== process.pid)
    throw fault('E_ALREADY_RUNNING', {
      public: `This installation already runs (process ${pid}). Stop it with: mayfly down`,
    })
  await writeFile(layout.lock, `${process.pid}\n`, { mode: 0o644 })
  running.set('lock', () => removeRunDirectory(layout))
}

/** Everything below is made anew by the next start; but of nests that could not be ended, that start has to know. */
const removeRunDirectory = async ({ run, lock }: Layout): Promise<void> => {
  const stuck = await readdir(join(run, 'nest-records')).catch(() => [])
  // SAFE: nests are mounted in namespaces of their own, and without a record there is none: nothing is mounted below.
  await rm(stuck.length === 0 ? run : lock, { recursive: true, force: true })
}

const startDatabase = async ({ options, deps, running, users, roster }: Parts): Promise<void> => {
  const database = await keepDatabase({
    ...deps,
    layout: options.layout,
    owner: users?.server ?? null,
    roster,
  })
  running.set('database', () => database.close())
}

/** Answers the public key that the vault signs with; null when it does not take the runner of this machine. */
const startVault = async (parts: Parts): Promise<string | null> => {
  const { options, users, programs, settings, identity } = parts
  const pinned: { vsign: string | null } = { vsign: null }
  await keep(parts, 'vault', {
    start: () =>
      startProgram(programs, 'vault', {
        config: vaultConfig(options.layout, identity, oidcBase(options, settings)),
        owner: users?.vault ?? null,
        withoutNetwork: true,
        nodeFlags: ['--disable-proto=delete', '--disallow-code-generation-from-strings', '--no-addons'],
      }),
    // A vault that was restarted has a new epoch but keeps what is pinned; pinning again is idempotent.
    onReady: async () => {
      await callVaultAdmin(options.layout, 'ticketkey.set', { publicKey: identity.ticketPublicKey })
      pinned.vsign = await enrolAtVault(options.layout, identity)
    },
  })
  return pinned.vsign
}

const startServer = async (parts: Parts): Promise<{ server: Child; takesRunner: boolean }> => {
  const { options, users, programs, settings, identity } = parts
  const enrolled = { runner: false }
  const server = await keep(parts, 'server', {
    start: () =>
      startProgram(programs, 'server', {
        config: serverConfig({
          layout: options.layout,
          port: options.port,
          runnerPort: options.runnerPort,
          publicUrl: publicUrl(options, settings),
          organisation: settings.organisation,
          localRepositories: repositoryRoots(options),
          egressDefault: settings.egress.default,
          webhooks: { allow: settings.webhooks.allow, authorities: settings.trust.ca },
          retention: settings.retention,
          telemetry: settings,
          identity,
          programs,
        }),
        owner: users?.server ?? null,
        withoutNetwork: false,
        nodeFlags: logPathFlags,
      }),
    onReady: async () => {
      enrolled.runner = await enrolAtServer(options.layout, identity)
    },
  })
  return { server, takesRunner: enrolled.runner }
}

const startJailer = async (parts: Parts, vsign: string): Promise<void> => {
  const { options, users, programs, settings, identity } = parts
  const slots = settings.slots ?? Math.max(2, availableParallelism())
  const runner = runnerConfig({
    layout: options.layout,
    runnerPort: options.runnerPort,
    settings,
    identity,
    slots,
    vsign,
  })
  await prepareSample(options.layout, programs)
  await keep(parts, 'jailer', {
    start: () =>
      startProgram(programs, 'jailer', {
        config: jailerConfig({
          layout: options.layout,
          identity,
          programs,
          runnerUser: users?.runner ?? null,
          repositoryRoots: repositoryRoots(options),
          slots,
          runner,
          settings,
        }),
        owner: null,
        withoutNetwork: false,
        withNamespace: !options.layout.isRoot,
      }),
  })
}

/** Vault and jobs are kept apart by them; who is not root has nothing else. */
const refuseWithoutNamespaces = ({ isRoot }: Layout): void => {
  const forbidden = findNoUserNamespaces(isRoot)
  if (forbidden !== null) throw fault('E_MACHINE_NOT_READY', { public: `${forbidden.why}; ${forbidden.fix}` })
}

const rootlessText =
  'without root: all its programs run as you, and memory and processor of jobs are limited only in a control group that was delegated to you (mayfly doctor says more)'

/** Each of them says four times within this that it does not stand still (sys/heartbeat.ts): their turns are far shorter. */
const beatMs = 20_000

const keep = async (
  { deps, running, roster }: Parts,
  name: 'jailer' | 'server' | 'vault',
  part: {
    start: () => ReturnType<typeof startProgram>
    onReady?: (ready: Record<string, unknown>) => Promise<void>
  },
): Promise<Child> => {
  const child = await keepChild({
    name,
    ...part,
    beatMs,
    log: deps.log,
    onState: (state) => roster.note(name, state),
    onLine: (line) => deps.log.info('says', { part: name, line: line.slice(0, 2000) }),
  })
  running.set(name, () => child.close())
  return child
}

/** Number 0 is where the sample lies; the operator's own follow. */
const repositoryRoots = (options: UpOptions): readonly string[] => [
  join(options.layout.data, 'sample'),
  ...options.localRepositories,
]

const publicUrl = (options: UpOptions, settings: Settings): string =>
  settings.public_url ?? `http://localhost:${options.port}`

const oidcBase = (options: UpOptions, settings: Settings): string =>
  (settings.oidc.base ?? publicUrl(options, settings)).replace(/\/+$/, '')
