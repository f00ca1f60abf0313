// The runner program: started without privileges by the jailer, which is its parent and builds its walls. Settings on
// descriptor 3, verbs to the jailer over Node's IPC channel. Phases: 1 settings and keys  2 driver, proven to work
// 3 session with the server  4 on SIGTERM: no more work, attempts end, everything closed in reverse.
import { createPrivateKey, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fromBase64Url } from '../base/bytes.ts'
import { fault, isFault } from '../base/faults.ts'
import { builtInClass } from '../protocol/resource-class.ts'
import type { RunnerFacts } from '../protocol/runner-wire.ts'
import {
  createCarryOut,
  createCompilers,
  createFetchers,
  createKnownPlans,
  createPackStore,
  createRequests,
  createSourceReaders,
  type Isolation,
  keepMeasured,
  measureSpec,
  nextSession,
  notMeasuredYet,
  openSession,
} from '../runner/index.ts'
import { channelOverIpc, classes, createMeasure, type Driver, openNamespaceDriver } from '../sandbox/index.ts'
import { importVerifyKey } from '../seal/index.ts'
import {
  compileEarly,
  createLog,
  ensureDirectory,
  handBackWhenQuiet,
  randomBytes,
  systemClock,
} from '../sys/index.ts'
import { compilerId } from './compiler-id.ts'
import { parseRunnerConfig, type RunnerConfig } from './runner.config.ts'

// Node would open its inspector on SIGUSR1; a handler of our own prevents that.
process.on('SIGUSR1', () => undefined)
process.umask(0o077)

const log = createLog('runner')
const probeMs = 20_000
const version = '0.1.0'
/** A repository has to fit into the ramdisk of the sandbox that fetches it. */
const fetchLimits = classes.small.limits
/** Words a job may use for its class: ours and the dialects' (sandbox/policy/classes.ts). */
const classWords = ['tiny', 'small', 'medium', 'medium+', 'large', 'xlarge', '2xlarge', '2xlarge+']

const oneUserText =
  'rootless: vault, server, database and runner are one user: who takes over one of them reads the files of all, keys included'

const readConfig = (): RunnerConfig => {
  const parsed = parseRunnerConfig(readFileSync(3, 'utf8'))
  if (parsed.ok) return Object.freeze(parsed.value)
  throw fault('E_CONFIG_INVALID', { public: parsed.problems.map(({ message }) => message).join('; ') })
}

const readKeys = async (config: RunnerConfig) => {
  const own = createPrivateKey(readFileSync(config.runner.keyFile))
  const vault = await importVerifyKey(fromBase64Url(config.vaultSignKey) ?? new Uint8Array())
  if (own.asymmetricKeyType !== 'ed25519' || vault === null)
    throw fault('E_CONFIG_INVALID', { public: 'a key of the runner cannot be used' })
  return { sign: (message: Uint8Array) => sign(null, message, own), vaultSignKey: vault }
}

const openDriver = async (config: RunnerConfig) => {
  const channel = channelOverIpc(process)
  // Without its jailer a runner can do nothing, and the jailer has destroyed what there was.
  channel.onClose(() => process.exit(0))
  const host = { stateDirectories: [config.dataDir], sockets: [] }
  const measure = createMeasure({ clock: systemClock, host, spec: measureSpec })
  const rootless = config.rootless === true
  const driver = openNamespaceDriver({ channel, clock: systemClock, log, measure, rootless })
  const probe = await driver.probe(AbortSignal.timeout(probeMs))
  if (!probe.ok) throw fault('E_SANDBOX_UNAVAILABLE', { public: probe.why, detail: probe.fix ?? '' })
  // Filled in the background: the first job takes what is there.
  const wants = [
    { net: 'gateway', count: config.slots, limits: classes.small.limits },
    { net: 'none', count: 1, limits: fetchLimits },
  ] as const
  for (const want of wants)
    driver
      .prepare?.({ image: 'host', shape: 'user', ...want })
      .catch((error: unknown) => log.warn('no sandboxes could be prepared', { error }))
  return { driver, weak: [...probe.notes, ...(rootless ? [oneUserText] : [])] }
}

const factsOf = (
  config: RunnerConfig,
  driver: Driver,
  compiler: string | null,
  { tier, measuredAt, stops, weak }: Isolation,
): RunnerFacts => ({
  version,
  ...(compiler === null ? {} : { compiler }),
  driver: driver.name,
  ...{ tier, measuredAt, stops },
  images: driver.can.images,
  egress: driver.can.egress,
  slots: config.slots,
  classes: classWords,
  weak,
})

const directories = async (config: RunnerConfig) => {
  const spool = join(config.dataDir, 'spool')
  const agents = join(config.dataDir, 'agents')
  // What an earlier life left here belongs to attempts that are over.
  for (const path of [spool, agents]) {
    await rm(path, { recursive: true, force: true })
    await ensureDirectory(path)
  }
  return { spool, agents }
}

const start = async (): Promise<void> => {
  const config = readConfig()
  const keys = await readKeys(config)
  const { spool, agents } = await directories(config)
  const { driver, weak } = await openDriver(config)
  const tool = config.compileTool ?? 'release'
  const compilers = createCompilers({ driver, limits: classes.tiny.limits, tool, log })
  const sources = {
    ...{ driver, log, limits: fetchLimits },
    privateRanges: config.sources.allow,
    agentDirectory: agents,
  }
  const readers = createSourceReaders(sources)
  // A sandbox of no attempt that is not proven gone ends the taking of work, whatever is measured afterwards.
  const walls = { found: notMeasuredYet, isStuck: false }
  const onStuck = () => {
    walls.isStuck = true
    tell()
  }
  const keepMs = 1_000 * config.sources.keepSeconds
  const fetchers = createFetchers({ ...sources, clock: systemClock, keepMs, onStuck })
  const packs = createPackStore({ clock: systemClock })
  const carryOut = createCarryOut({
    ...{ ...sources, clock: systemClock, compilers, readers, fetchers, packs },
    knownPlans: createKnownPlans(),
    vaultSignKey: keys.vaultSignKey,
    isolation: config.isolation ?? 'rootless',
    egressRanges: config.egress.allow,
  })
  const common = { runner: config.runner.id, clock: systemClock, randomBytes }
  const requests = createRequests({ ...config.server, ...common, sign: keys.sign })
  const compiler = await compilerId(import.meta.url)
  const describe = (found: Isolation) =>
    factsOf(config, driver, compiler, { ...found, weak: [...weak, ...found.weak] })
  const session = openSession({
    ...{ ...keys, ...common, requests, carryOut, log, spoolDirectory: spool },
    session: await nextSession(config.dataDir),
    boot: Buffer.from(randomBytes(16)).toString('base64url'),
    slots: config.slots,
    classes: [builtInClass, ...classWords],
    facts: describe(notMeasuredYet),
  })
  const tell = () => session.describe(describe(walls.found), walls.found.holds && !walls.isStuck)
  const onMeasured = (found: Isolation) => {
    walls.found = found
    tell()
    // Its start is over with the first of them.
    compileEarly()
  }
  const measuring = keepMeasured({ ...{ driver, log, randomBytes }, onMeasured })
  handBackWhenQuiet()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void session.stop())
  log.info('runner begins', { runner: config.runner.id, slots: config.slots })
  await session.ended.finally(async () => {
    packs.close()
    await measuring.close()
    await Promise.all([compilers, readers, fetchers].map((waiting) => waiting.close()))
    await driver.close()
  })
}

start().then(
  () => process.exit(0),
  (error: unknown) => {
    log.error('the runner has ended', { error })
    process.exit(isFault(error) ? error.row.exit : 70)
  },
)
