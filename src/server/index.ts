// The door of the server: everything put together from its settings, opened in order, closed in reverse.
//   1. the database, brought to this version   2. vault, objects, keys   3. use cases   4. who may ask, live updates
//   5. the doors: people, operator, runners     6. the claim link, what is tidied, and what begins because of the time
import { createPrivateKey, sign } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Clock, RandomBytes } from '../base/clock.ts'
import { fault } from '../base/faults.ts'
import type { Log } from '../base/log.ts'
import type { Secret } from '../base/secret.ts'
import type { Sign } from '../seal/index.ts'
import { type Access, createAccess, keepOrganisation } from './access/access.ts'
import { parseSite, type Site } from './access/site.ts'
import { createAnsweredRequests } from './answered-requests.ts'
import { createAuditLog } from './audit/audit-log.ts'
import { createCompare } from './compare/compare-runs.ts'
import { type CompileProgram, createAskCompiler } from './compile-process.ts'
import type { ServerConfig } from './config.ts'
import { createAdmissions } from './contexts/admissions.ts'
import { createContexts } from './contexts/contexts.ts'
import { type Database, openDatabase } from './db/database.ts'
import { migrate } from './db/migrate.ts'
import { type Backups, createBackups } from './health/backups.ts'
import { type ClockWatch, createClockWatch } from './health/clock-watch.ts'
import { createHealth, type Health } from './health/health.ts'
import type { Handlers } from './http/binder.ts'
import { peopleHandlers } from './http/handlers/people.ts'
import { secretHandlers } from './http/handlers/secrets.ts'
import { type Lint, systemHandlers } from './http/handlers/system.ts'
import { webhookHandlers } from './http/handlers/webhooks.ts'
import { type UseCases, workHandlers } from './http/handlers/work.ts'
import { createOperatorApp, createPeopleApp, type HttpDeps } from './http/http.ts'
import { noSite, openStaticSite } from './http/static-site.ts'
import { createIdentity } from './identity/identity.ts'
import { createDeliveries } from './intake/deliveries.ts'
import { createIntake } from './intake/intake.ts'
import { openIntakeClock } from './intake/intake-clock.ts'
import { createRefusedCalls } from './intake/refused-calls.ts'
import type { Retention } from './limits.ts'
import { createLint } from './lint.ts'
import { createLive } from './live/live.ts'
import { createFreshFrames, type FreshFrames } from './logs/fresh-frames.ts'
import { createLogs } from './logs/logs.ts'
import { pruneFrames } from './logs/prune.ts'
import { createWatchers, type Watchers } from './logs/watchers.ts'
import { createNewId, type NewId } from './new-id.ts'
import { openFsStore } from './objects/fs-store.ts'
import type { ObjectStore } from './objects/store.ts'
import { listenOnSocket } from './operator-socket.ts'
import { createCheckOrb } from './orbs/check.ts'
import { createOrbs } from './orbs/orbs.ts'
import { createProjects } from './projects/projects.ts'
import { openRunnerListener } from './runners/open.ts'
import { createRunners } from './runners/runners.ts'
import { createJustBegun } from './runs/just-begun.ts'
import { createPlaces, type Places } from './runs/places.ts'
import { createRuns } from './runs/runs.ts'
import { createSchedules } from './schedules/schedules.ts'
import { copyFromVault } from './secrets/copies.ts'
import { createSecrets } from './secrets/secrets.ts'
import { createTwoPerson } from './secrets/two-person.ts'
import { createArtifacts } from './stored/artifacts.ts'
import { createTests } from './stored/tests.ts'
import { type Meter, noMeter } from './telemetry/meter.ts'
import { createMetrics, type Metrics } from './telemetry/metrics.ts'
import { openTelemetry } from './telemetry/open.ts'
import { tidyRows } from './tidy.ts'
import { createVaultClient, type VaultClient } from './vault-client.ts'
import { parseOpened, type Reach, resolveName } from './webhooks/reach.ts'
import { openSender } from './webhooks/sender.ts'
import { createWebhooks } from './webhooks/webhooks.ts'

export { type ServerConfig, serverConfig } from './config.ts'
export { createPinoLog } from './pino-log.ts'

export type ServerDeps = {
  readonly clock: Clock
  readonly randomBytes: RandomBytes
  readonly log: Log
  readonly version: string
  readonly compiler: CompileProgram & { readonly id: string | null }
  /** The program that looks through logs, as a file. */
  readonly logSearch: string
}

export type Server = {
  readonly port: number
  readonly runnerPort: number
  /** The one-time link that makes the owner; null when there is one. */
  readonly claimUrl: Secret<string> | null
  close(): Promise<void>
}

const tidyEveryMs = 10 * 60_000

export const startServer = async (config: ServerConfig, deps: ServerDeps): Promise<Server> => {
  await using opened = new AsyncDisposableStack()
  const counted = config.metrics === null ? null : createMetrics()
  const meter = counted?.meter ?? noMeter
  const store = await openStore(config, { ...deps, meter }, opened)
  const parts = await openParts(config, { ...deps, meter }, { ...store, opened })
  const port = await openDoors(config, parts, opened)
  const runnerPort = await openRunnerDoor(config, { ...deps, meter }, { ...parts, opened })
  await openTelemetryOf(config, deps, { ...parts, counted, opened })
  const claimUrl = await parts.access.claim.issue(null)
  opened.defer(tidyUp(parts, config.retention, deps.log))
  const intakeClock = openIntakeClock({ ...parts, db: parts.database.db, log: deps.log })
  opened.defer(() => intakeClock.close())
  const sender = openSender({
    ...deps,
    ...parts,
    serverUrl: () => parts.http.site().url,
    random: Math.random,
  })
  opened.defer(() => sender.close())
  deps.log.info('server ready', { port, runnerPort, claimed: claimUrl === null, version: deps.version })
  const stack = opened.move()
  return { port, runnerPort, claimUrl, close: () => stack.disposeAsync() }
}

/** From time to time; nothing depends on it. What the vault knows more is asked once, and again while it is away. Returns how to stop. */
const tidyUp = (
  { access, database, objects, vault, watchers, clockWatch }: Parts,
  retention: Retention,
  log: Log,
): (() => void) => {
  let isCopied = false
  const copy = async () => {
    if (!isCopied) await copyFromVault({ db: database.db, vault })
    isCopied = true
  }
  const tidy = async () => {
    // Of what is stored twice, whatever the clock says.
    await pruneFrames(database.db, watchers.all())
    if (clockWatch.isSettled()) {
      await access.sweep()
      await tidyRows({ db: database.db, objects }, retention)
    }
    await copy()
  }
  const warn = (error: unknown) => log.warn('not tidied up', { error })
  copy().catch(warn)
  const timer = setInterval(() => {
    tidy().catch(warn)
  }, tidyEveryMs)
  return () => clearInterval(timer)
}

type Opened = { readonly opened: AsyncDisposableStack }
type Store = {
  readonly database: Database
  readonly vault: VaultClient
  readonly objects: ObjectStore
}

type Metered = ServerDeps & { readonly meter: Meter }

const openStore = async (
  config: ServerConfig,
  { log, randomBytes, clock, meter }: Metered,
  opened: AsyncDisposableStack,
): Promise<Store> => {
  const database = await openDatabase(config.database, log)
  opened.defer(() => database.close())
  await migrate({ connection: database.connection, directory: config.migrationsDir, log })
  const vault = createVaultClient({ socket: config.sockets.vault, meter })
  opened.defer(() => vault.close())
  const objects = await openFsStore({ directory: config.objectsDir, randomBytes, clock })
  return { database, vault, objects }
}

type Parts = Store &
  UseCases & {
    readonly access: Access
    readonly newId: NewId
    readonly places: Places
    readonly watchers: Watchers
    readonly fresh: FreshFrames
    readonly setPort: (port: number) => void
    readonly http: HttpDeps
    readonly reach: Reach
    readonly clockWatch: ClockWatch
  }

const openParts = async (
  config: ServerConfig,
  deps: Metered,
  { database, vault, objects, opened }: Store & Opened,
): Promise<Parts> => {
  const { db, keyed } = database
  const newId = createNewId(deps)
  const { site, setPort } = createSite(config)
  const organisation = await keepOrganisation(db, {
    id: newId('organisation'),
    name: config.organisation.name,
  })
  const access = createAccess({ ...deps, db, keyed, newId, site, organisation })
  const watchers = createWatchers()
  const fresh = createFreshFrames(watchers)
  const places = createPlaces(newId)
  const askCompiler = createAskCompiler(deps.compiler)
  const shared = {
    ...{ ...deps, database, vault, objects, newId, places, watchers, fresh, serverUrl: () => site().url },
    compiler: deps.compiler.id,
    justBegun: createJustBegun(database),
  }
  const tests = createTests(shared)
  const reach = await reachOf(config)
  const work: UseCases = {
    ...createCompare({ database, tests }),
    runs: createRuns(shared),
    projects: createProjects({ ...shared, localRepositoryRoots: config.localRepositoryRoots }),
    deliveries: createDeliveries(shared),
    schedules: createSchedules(shared),
    orbs: createOrbs({ ...shared, checkOrb: createCheckOrb(askCompiler) }),
    logs: createLogs(shared),
    artifacts: createArtifacts({ ...shared, retention: config.retention }),
    tests,
    runners: createRunners(shared),
    secrets: createSecrets(shared),
    twoPerson: createTwoPerson(shared),
    identity: createIdentity(shared),
    contexts: createContexts(shared),
    admissions: createAdmissions(shared),
    webhooks: createWebhooks({ ...shared, reach }),
    audit: createAuditLog(shared),
  }
  const clockWatch = createClockWatch(deps)
  opened.defer(() => clockWatch.close())
  const refusedCalls = createRefusedCalls({ db, log: deps.log })
  opened.defer(() => refusedCalls.close())
  const backups = createBackups(db)
  const health = createHealth({
    ...{ ...deps, db, clockWatch, backups, runners: work.runners, rosterFile: config.rosterFile },
    vault: { health: () => vault.call('health', {}) },
    directories: [config.dataDir, config.objectsDir],
  })
  const live = createLive({ access, ...work, log: deps.log })
  opened.defer(() => live.close())
  const http: HttpDeps = {
    ...deps,
    access,
    live,
    site,
    handlers: handlersOf(deps, access, { ...work, live, health, backups, lint: createLint(askCompiler) }),
    answered: createAnsweredRequests({ db, log: deps.log }),
    issuers: work.identity,
    intake: { ...createIntake(shared), refused: refusedCalls.note },
    pages: config.webDir === null ? noSite : await openStaticSite(config.webDir),
    securityTxt: config.securityTxt,
    trustedProxies: config.http.trustedProxies,
  }
  return {
    ...{ database, vault, objects, newId, places, watchers, fresh, clockWatch },
    ...work,
    ...{ access, reach, setPort, http },
  }
}

const handlersOf = (
  { version }: ServerDeps,
  access: Access,
  work: Parameters<typeof workHandlers>[0] & {
    readonly health: Health
    readonly backups: Backups
    readonly lint: Lint
  },
): Handlers => ({
  ...peopleHandlers({ access, version }),
  ...workHandlers(work),
  ...secretHandlers(work),
  ...systemHandlers(work),
  ...webhookHandlers(work.webhooks),
})

/** Where people reach us: known at once from the settings, or as soon as the port is. */
const createSite = ({ http }: ServerConfig) => {
  let site = http.publicUrl === undefined ? null : parseSite(http.publicUrl)
  return {
    site: (): Site => {
      if (site === null) throw new Error('the address of this server is asked for before it listens')
      return site
    },
    setPort: (port: number) => {
      site ??= parseSite(`http://localhost:${port}`)
    },
  }
}

const openDoors = async (
  config: ServerConfig,
  { http, setPort }: Parts,
  opened: AsyncDisposableStack,
): Promise<number> => {
  const people = await createPeopleApp(http)
  opened.defer(() => people.close())
  const port = await listen(people, config.http)
  setPort(port)
  const operator = await createOperatorApp(http)
  opened.defer(() => operator.close())
  await listenOnSocket(operator, config.sockets.operator)
  return port
}

const listen = async (
  app: FastifyInstance,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<number> => {
  try {
    await app.listen({ host, port })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
    throw fault('E_PORT_TAKEN', { public: `Port ${port} is taken. Choose another one with --port.`, cause })
  }
  // SAFE: a TCP listener that has started has an address and a port.
  return (app.server.address() as AddressInfo).port
}

const openRunnerDoor = async (
  { runner, ticketKeyFile, egressDefault }: ServerConfig,
  deps: Metered,
  parts: Parts & Opened,
): Promise<number> => {
  const listener = await openRunnerListener({
    ...deps,
    port: runner.port,
    ...(runner.host === undefined ? {} : { host: runner.host }),
    key: await readFile(runner.keyFile, 'utf8'),
    cert: await readFile(runner.certFile, 'utf8'),
    database: parts.database,
    vault: parts.vault,
    objects: parts.objects,
    watchers: parts.watchers,
    fresh: parts.fresh,
    ticketKey: await readTicketKey(ticketKeyFile),
    serverUrl: () => parts.http.site().url,
    egressDefault,
    newId: parts.newId,
    places: parts.places,
  })
  parts.opened.defer(() => listener.close())
  return listener.port
}

const openTelemetryOf = (
  { metrics, traces }: ServerConfig,
  deps: ServerDeps,
  { counted, opened, ...parts }: Parts & Opened & { readonly counted: Metrics | null },
): Promise<void> =>
  openTelemetry(
    {
      ...{ ...deps, ...parts, traces, site: parts.http.site },
      metrics: metrics === null || counted === null ? null : { port: metrics.port, counted },
      liveConnections: () => parts.http.live.connections(),
    },
    opened,
  )

const reachOf = async ({ webhooks }: ServerConfig): Promise<Reach> => ({
  opened: parseOpened(webhooks.allow),
  resolve: resolveName,
  authorities: webhooks.authoritiesFile === null ? null : await readFile(webhooks.authoritiesFile, 'utf8'),
})

/** PKCS #8 in PEM, as the supervisor wrote it. */
const readTicketKey = async (path: string): Promise<Sign> => {
  const key = createPrivateKey(await readFile(path))
  if (key.asymmetricKeyType !== 'ed25519')
    throw fault('E_CONFIG_INVALID', { detail: `${path} is not an Ed25519 key` })
  return (message) => sign(null, message, key)
}
