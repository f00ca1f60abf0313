// `mayfly up`, from a machine that is prepared (prepare.ts) to a running installation, and down again. The numbered phases:
// 3 settings and keys  4 database and vault  5 server  6 jailer and runner  7 the sample project, once
// 8 watch until told to stop, then undo in reverse.
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { type Child, keepChild } from './children.ts'
import { jailerConfig, logPathFlags, runnerConfig, serverConfig, vaultConfig } from './configs.ts'
import { enrolAtServer, enrolAtVault, revokedText } from './enrol.ts'
import { ensureIdentity, type Identity } from './identity.ts'
import { keepDatabase } from './keep-database.ts'
import { releaseLock } from './lock.ts'
import { requireNamedFiles } from './named-files.ts'
import { callVaultAdmin } from './operator.ts'
import { findFreeMetricsPort } from './ports.ts'
import type { Prepared, UpDeps, UpOptions } from './prepare.ts'
import { type Programs, startProgram } from './programs.ts'
import { openRoster, type RosterWriter } from './roster.ts'
import { prepareSample, runSample } from './sample.ts'
import { ensureSettings, type Settings, securityTxtWords } from './settings.ts'
import { firstSignerCode } from './signer-code.ts'
import type { Users } from './users.ts'

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
export const up = async (options: UpOptions, deps: UpDeps, prepared: Prepared): Promise<Installation> => {
  const running: Running = new Map([['lock', () => releaseLock(options.layout)]])
  const close = async () => {
    for (const name of stopOrder) {
      await running
        .get(name)?.()
        .catch((error) => deps.log.error('could not stop', { name, error }))
      running.delete(name)
    }
  }
  try {
    return { ...(await start(options, deps, prepared, running)), close }
  } catch (error) {
    await close()
    throw error
  }
}

const start = async (
  options: UpOptions,
  deps: UpDeps,
  { users, programs, begunAt }: Prepared,
  running: Running,
): Promise<Omit<Installation, 'close'>> => {
  const { layout } = options
  const settings = await ensureSettings(layout, deps.say)
  await requireNamedFiles(settings, { layout, owner: users?.server ?? null })
  await findFreeMetricsPort(settings, layout)
  const unserved = securityTxtWords(settings, deps.clock.now())
  if (unserved !== null) deps.say(unserved)
  const identity = await ensureIdentity({ layout, users, clock: deps.clock, randomBytes: deps.randomBytes })
  const roster = openRoster({
    ...{ path: layout.roster, clock: deps.clock, log: deps.log },
    metricsPort: settings.metrics.port ?? null,
  })
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
  const healthyAfterMs = deps.clock.now() - begunAt
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
          doors: settings,
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

export const publicUrl = (options: Pick<UpOptions, 'port'>, settings: Settings): string =>
  settings.public_url ?? `http://localhost:${options.port}`

export const oidcBase = (options: Pick<UpOptions, 'port'>, settings: Settings): string =>
  (settings.oidc.base ?? publicUrl(options, settings)).replace(/\/+$/, '')
