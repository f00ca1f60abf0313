// The root half's door (isolation.md §1.1), imported only by main/jailer.ts. `openJailer` prepares the host once;
// `serve` obeys one runner over one channel until that closes, then destroys everything it held. Nothing here reads
// what a job says.
import { chmodSync, mkdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { RandomBytes } from '../../base/clock.ts'
import { fault, isFault } from '../../base/faults.ts'
import type { Log } from '../../base/log.ts'
import { run } from '../../sys/index.ts'
import type { Channel } from '../channel.ts'
import { toolMs } from '../limits.ts'
import { loadProfile } from '../policy/seccomp.ts'
import { parseRequest, type Request } from '../verbs.ts'
import { caPath, prepareBase, skeletonOfNest } from './base.ts'
import { type Canaries, createCanaries } from './canaries.ts'
import { openGroups } from './cgroup.ts'
import { createSurveyor } from './gone.ts'
import { readHost, readVersions } from './host.ts'
import { openMaker } from './maker.ts'
import { createNests, type Nests, type Wall } from './nests.ts'
import { createGatewayNet, type GatewayNet } from './net.ts'
import { openProcessGroups } from './process-groups.ts'
import { openRecords, type Records } from './records.ts'
import { type Give, serveVerbs } from './served.ts'
import { resolveSource } from './sources.ts'
import { sweep } from './sweep.ts'
import { openUids, ownUid } from './uids.ts'

export type JailerConfig = {
  readonly installation: string
  readonly runDirectory: string
  readonly repositoryRoots: readonly string[]
  /** Where the installation keeps what no job may ever see: the isolation suite plants something there to look for. */
  readonly stateDirectories: readonly string[]
  /** Id → directory of the host, bound read-only. */
  readonly tools: Readonly<Record<string, string>>
  readonly trustCa: string | null
  /** How to start main/binder.ts. */
  readonly binder: readonly [file: string, ...args: string[]]
}

export type JailerDeps = { readonly config: JailerConfig; readonly random: RandomBytes; readonly log: Log }

export interface Jailer {
  /** One runner at a time; resolves when it is gone and all its nests are destroyed. */
  serve(channel: Channel): Promise<void>
  /** Leaves nothing behind that is not stuck. */
  close(): Promise<void>
}

export const openJailer = async (deps: JailerDeps): Promise<Jailer> => {
  const { config, log } = deps
  const host = readHost()
  if (!host.ok) throw fault('E_SANDBOX_UNAVAILABLE', { public: host.why, detail: host.fix ?? '' })
  // 1 byte: 0 would still start a piped core handler (isolation.md §2.3).
  await run('prlimit', ['--core=1:1', '--pid', String(process.pid)], { timeoutMs: toolMs })
  const directory = join(config.runDirectory, 'nest')
  const base = join(config.runDirectory, 'base')
  mkdirSync(directory, { recursive: true })
  chmodSync(directory, 0o711)
  const { rootless } = host
  if (rootless === null) refuseHiddenPath(directory)
  const binds = prepareBase(base, config.trustCa, rootless !== null)
  for (const profile of ['strict', 'userns'] as const)
    writeFileSync(join(base, `${profile}.bpf`), loadProfile(profile, host.arch), { mode: 0o600 })
  const groups =
    host.cgroups.kind === 'none'
      ? openProcessGroups()
      : openGroups(host.cgroups, `mayfly-${config.installation}`)
  const recordsDirectory = join(config.runDirectory, 'nest-records')
  const records = openRecords(recordsDirectory)
  const survey = createSurveyor()
  const maker = await openMaker(join(base, 'maker'), skeletonOfNest(rootless !== null))
  const network = createGatewayNet(config.binder)
  const seccompFile = (profile: 'strict' | 'userns') => join(base, `${profile}.bpf`)
  const wall = { rootless, masks: host.masks, caPath: caPath(config.trustCa), seccompFile }
  const nests = createNests({
    ...{ directory, maker, binds, groups, records, survey, network, wall, log, noswap: host.noswap },
    uids:
      rootless === null
        ? openUids(config.installation, new DataView(deps.random(4).buffer).getUint32(0))
        : ownUid(),
    newId: () => newId(deps.random, records),
  })
  const canaries = createCanaries(config, deps.random)
  canaries.clear()
  const parts: Parts = { ...deps, nests, network, wall, canaries, noswap: host.noswap }
  const sweepNow = () => sweep({ directory, groups, records, isHeld: nests.has })
  await sweepNow()
  const close = async () => {
    await nests.destroyAll()
    await network.close()
    await maker.close()
    await groups.release()
    rmSync(base, { recursive: true, force: true })
    // Only when empty: what is left in them is for the next life's sweep.
    for (const path of [directory, recordsDirectory]) removeIfEmpty(path)
  }
  return { serve: (channel) => serve(parts, sweepNow, channel), close }
}

type Parts = JailerDeps & {
  readonly nests: Nests
  readonly network: GatewayNet
  readonly wall: Wall
  readonly noswap: boolean
  readonly canaries: Canaries
}

const serve = (parts: Parts, sweepNow: () => Promise<unknown>, channel: Channel): Promise<void> =>
  new Promise((resolve) => {
    const { config, nests, log } = parts
    const tell = (message: unknown) => channel.send(message).catch(() => undefined)
    const verbs = serveVerbs({
      ...{ nests, network: parts.network, wall: parts.wall, noswap: parts.noswap },
      toolDirectory: (id) => toolDirectory(config, id),
      sourceDirectory: (root, path) => resolveSource(config.repositoryRoots, root, path),
      probe: async () => ({ ...readHost(), versions: await readVersions() }),
      sweep: sweepNow,
      canaries: parts.canaries,
      onCellExit: (nest, cell, exit) => void tell({ nest, cell, ...exit }),
    })
    const obey = async (request: Request) => {
      const give: Give = (part, set, handle) => channel.send({ call: request.call, part, set }, handle)
      try {
        // SAFE: the parser gave arguments of exactly this verb; TypeScript cannot follow the pairing.
        const value = await verbs[request.verb](request.with as never, give)
        await tell({ re: request.call, value: value ?? null })
      } catch (error) {
        // The runner gets the whole fault and says what it means; a nest that is being destroyed fails what is under way.
        log.debug('verb failed', { verb: request.verb, error })
        await tell({ re: request.call, fault: describeFault(error) })
      }
    }
    channel.onMessage((message, handle) => {
      handle?.close()
      const request = parseRequest(message)
      if (request.ok) return void obey(request.value)
      log.error('the runner sent what is no verb', { problems: request.problems.map((p) => p.message) })
      channel.close()
    })
    channel.onClose(() => {
      parts.canaries.clear()
      // The next runner gets listeners that nobody has a connection to.
      void nests
        .destroyAll()
        .finally(() => parts.network.close())
        .finally(resolve)
    })
  })

const describeFault = (error: unknown) =>
  isFault(error)
    ? { code: error.code, public: error.public, detail: error.detail }
    : { code: 'E_EXEC_FAILED', public: 'The sandbox could not be built', detail: String(error) }

const toolDirectory = (config: JailerConfig, id: string): string => {
  const directory = Object.hasOwn(config.tools, id) ? config.tools[id] : undefined
  if (directory === undefined) throw fault('E_SANDBOX_UNAVAILABLE', { detail: `no tool "${id}"` })
  return directory
}

const removeIfEmpty = (path: string): void => {
  try {
    rmdirSync(path)
  } catch {
    // Not empty, or gone.
  }
}

/** Cells are built by the nest's throw-away user, who must be able to walk there. */
const refuseHiddenPath = (directory: string): void => {
  for (let path = directory; path !== '/'; path = dirname(path))
    if ((statSync(path).mode & 0o001) === 0)
      throw fault('E_SANDBOX_UNAVAILABLE', {
        public: `other users cannot pass through ${path}`,
        detail: `chmod o+x ${path}`,
      })
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'
const newId = (random: RandomBytes, records: Records): string => {
  for (;;) {
    const id = [...random(8)].map((byte) => alphabet[byte & 31]).join('')
    if (!records.has(id)) return id
  }
}
