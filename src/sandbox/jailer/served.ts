// The verbs, served: each takes arguments that already passed the closed schema (verbs.ts) and does the root work in
// nests.ts and cells.ts. Handles go out through `give`, before the reply of the call.
import { chmodSync, chownSync, mkdirSync, renameSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fault } from '../../base/faults.ts'
import { backgroundSet, cellsPerNestMax, setsBatch, setsPerNestMax } from '../limits.ts'
import { type Parcel, type RawHandle, rawHandleOf } from '../pipes.ts'
import type { HandlePart, VerbArguments, VerbName } from '../verbs.ts'
import type { CellWant } from './anchor.ts'
import type { NetHandle } from './bind.ts'
import type { Canaries } from './canaries.ts'
import { type CellPlan, cellCommand, cellOptions } from './cell-options.ts'
import { type Cell, type CellExit, signalSession } from './cells.ts'
import { hold, openForReading, openForWriting, openWriteOnly } from './fifos.ts'
import { closePipes, type Nest, type Nests, planCell, type Wall } from './nests.ts'
import type { GatewayNet, NetLink } from './net.ts'
import { stepPath, stepsPlace } from './scripts.ts'

export type Give = (part: HandlePart, set: number, handle: RawHandle) => Promise<void>

export type ServedDeps = {
  readonly nests: Nests
  readonly network: GatewayNet
  readonly wall: Wall
  readonly noswap: boolean
  readonly toolDirectory: (id: string) => string
  readonly sourceDirectory: (root: number, path: string) => string
  readonly probe: () => Promise<unknown>
  readonly sweep: () => Promise<unknown>
  readonly canaries: Canaries
  readonly onCellExit: (nest: string, cell: number, exit: CellExit) => void
}

type Served = {
  readonly [V in VerbName]: (args: VerbArguments[V], give: Give) => Promise<unknown>
}

export const serveVerbs = (deps: ServedDeps): Served => {
  const { nests } = deps
  return {
    'host.probe': () => deps.probe(),
    'nest.prepare': (args, give) => prepareNest(deps, args, give),
    'nest.bind': async ({ nest, limits }) => nests.bind(nests.get(nest), limits),
    'nest.usage': async ({ nest }) => nests.usage(nests.get(nest)),
    'nest.destroy': ({ nest, unused }) => nests.destroy(nests.get(nest), unused),
    'net.listen': async ({ ports }, give) => giveListeners(await deps.network.listen(ports), give),
    'net.cut': ({ nest }) => nests.cut(nests.get(nest)),
    'set.open': ({ nest, kind }, give) => openSet(nests.get(nest), kind, give),
    'set.stdin': ({ nest, set }, give) => openStdin(nests.get(nest), set, give),
    'job.socket': async ({ nest: id, kind }, give) => {
      const nest = nests.get(id)
      if (nest.jobSockets.has(kind))
        throw fault('E_EXEC_FAILED', { detail: 'the job has this socket already' })
      nest.jobSockets.add(kind)
      await handOver(give, 'socket', 0, await listenFor(nest, join(nest.view, 'sets/job'), kind))
    },
    'step.signal': async ({ nest, pid, signal }) => {
      const { cells, group } = nests.get(nest)
      const cell = cells.get(0)
      if (cell) signalSession(cell.pid, group.processes(), pid, `SIG${signal}`)
    },
    'cell.start': (args, give) => startOwnCell(deps, args, give),
    'cell.have': async ({ nest, cell }) => nests.get(nest).cells.get(cell)?.unblock(),
    'cell.signal': async ({ nest, cell, signal }) => nests.get(nest).cells.get(cell)?.signal(signal),
    sweep: () => deps.sweep(),
    'canaries.plant': async () => deps.canaries.plant(),
    'canaries.clear': async () => deps.canaries.clear(),
  }
}

/** The nest with its job cell, which waits for the first order on its stdin, and with the set of its first step. */
const prepareNest = async (
  deps: ServedDeps,
  { limits, net, seccomp, tools }: VerbArguments['nest.prepare'],
  give: Give,
) => {
  const found = tools.map(({ object, at }) => ({ directory: deps.toolDirectory(object), at }))
  const nest = await deps.nests.prepare({ limits, net, seccomp, tools: found }, async (pipes, view) => {
    try {
      for (const part of ['in', 'out'] as const) await give(part, 0, pipes[part].handle)
    } finally {
      closePipes(pipes)
    }
    await giveSet(view, 1, give)
  })
  void nest.cells.get(0)?.exited.then((exit) => deps.onCellExit(nest.id, 0, exit))
  const [link] = nest.links
  return { nest: nest.id, address: link?.jobAddress ?? null, noswap: deps.noswap }
}

type CellParts = Pick<CellWant, 'stdio' | 'command' | 'netPath'> & {
  /** Directory below the nest that appears as /run/mayfly. */
  readonly sets: string
  readonly own?: string
  readonly sources: CellPlan['sources']
}

const startIn = async (deps: ServedDeps, nest: Nest, number: number, parts: CellParts): Promise<Cell> => {
  const { stdio, command, netPath } = parts
  const plan: CellPlan = {
    ...planCell(deps.wall, nest),
    sets: join(nest.directory, parts.sets),
    own: parts.own === undefined ? null : join(nest.directory, parts.own),
    steps: deps.wall.rootless === null ? null : join(nest.directory, `steps/${number}`),
    withoutNetwork: netPath === null,
    ...{ sources: parts.sources, blocked: true },
  }
  const want = { options: cellOptions(plan), command, stdio, netPath, blocked: true }
  const cell = await nest.anchor.startCell(number, want)
  nest.cells.set(number, cell)
  void cell.exited.then((exit) => deps.onCellExit(nest.id, number, exit))
  return cell
}

const handOver = async (give: Give, part: HandlePart, set: number, parcel: Parcel): Promise<void> => {
  try {
    await give(part, set, parcel.handle)
  } finally {
    parcel.close()
  }
}

const giveListeners = async (listeners: readonly NetHandle[], give: Give): Promise<void> => {
  try {
    for (const { proto, port, handle } of listeners) await give(`${proto}:${port}`, 0, handle)
  } finally {
    for (const { handle } of listeners) handle.close()
  }
}

/** The runner's ends of the FIFOs of one step of the job cell: the next in the foreground, or one more beside it. */
const openSet = async (
  nest: Nest,
  kind: 'foreground' | 'background',
  give: Give,
): Promise<{ set: number }> => {
  const set = kind === 'foreground' ? nest.nextSet++ : nest.nextBackground++
  if (nest.nextSet > setsPerNestMax || nest.nextBackground > backgroundSet + setsPerNestMax)
    throw fault('E_EXEC_FAILED', { public: 'the job has too many steps' })
  await makeSets(nest, set)
  await giveSet(nest.view, set, give)
  return { set }
}

const giveSet = async (view: string, set: number, give: Give): Promise<void> => {
  const directory = setDirectory(view, set)
  await handOver(give, 'out', set, openForReading(join(directory, 'out')))
  await handOver(give, 'err', set, openForReading(join(directory, 'err')))
  await handOver(give, 'pro', set, openForWriting(join(directory, 'pro')))
}

/**
 * The anchor obeys one order at a time: whoever asks later finds the FIFOs made. One set is always ahead, because the
 * loop opens the FIFOs of the next step as soon as this one ends.
 */
const makeSets = (nest: Nest, set: number): Promise<void> => {
  if (set >= backgroundSet) return makeFifos(nest, [`sets/job/${set}`])
  if (set + 1 >= nest.setsMade) {
    const names = Array.from({ length: setsBatch }, (_, i) => `sets/job/${nest.setsMade + i}`)
    nest.setsMade += setsBatch
    nest.setsReady = makeFifos(nest, names)
  }
  return nest.setsReady
}

/** Owned by root and open to the nest's one user, who reaches them only through his own /run/mayfly. */
const makeFifos = (nest: Nest, sets: readonly string[]): Promise<void> => {
  for (const set of sets) {
    makeDirectory(nest, set, 0o755)
    if (isOwnUser(nest.uid)) symlinkSync(stepsOf(set), join(nest.view, set, 's'))
    else makeDirectory(nest, `${set}/s`, 0o777)
  }
  return nest.anchor.ask(`fifos ${sets.join(' ')}`)
}

/** Without root the job is whom we are ourselves: what is made needs no other owner, nor could it have one. */
const isOwnUser = (uid: number): boolean => uid === process.getuid?.()

/** As the cell sees it: of a job cell each step has its own, a cell of its own has one step. */
const stepsOf = (set: string): string =>
  `/${stepsPlace}${set.startsWith('sets/job/') ? set.slice('sets/job'.length) : ''}`

/** SAFE: below directories that no job can change. */
const makeDirectory = (nest: Nest, name: string, mode: number, uid: number | null = null): void => {
  const path = join(nest.view, name)
  try {
    // Not `recursive`: where the anchor is gone, and its directory in /proc with it, Node tries that for ever.
    mkdirSync(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw fault('E_SANDBOX_LOST', { detail: `there is no ${path}`, cause: error })
    if (code !== 'EEXIST') throw error
  }
  chmodSync(path, mode)
  if (uid !== null && !isOwnUser(uid)) chownSync(path, uid, uid)
}

const openStdin = async (nest: Nest, set: number, give: Give): Promise<void> => {
  if (set >= nest.nextSet && set >= nest.nextBackground)
    throw fault('E_EXEC_FAILED', { detail: `set ${set} was not opened` })
  await handOver(give, 'in', set, openForWriting(join(setDirectory(nest.view, set), 'in')))
}

const setDirectory = (view: string, set: number): string => join(view, 'sets/job', String(set))

/** A cell of its own for one step; it waits for `cell.have`. */
const startOwnCell = async (
  deps: ServedDeps,
  args: VerbArguments['cell.start'],
  give: Give,
): Promise<{ cell: number; address: string | null }> => {
  const nest = deps.nests.get(args.nest)
  if (nest.cells.size > cellsPerNestMax) throw fault('E_EXEC_FAILED', { detail: 'too many cells at once' })
  const number = nest.nextCell++
  const clean = args.files === 'clean'
  if (clean) makeHome(nest, number)
  await makeFifos(nest, [`sets/${number}`])
  if (isOwnUser(nest.uid)) makeDirectory(nest, `steps/${number}`, 0o700)
  const sources = await bindSources(deps, nest, number, args.sources)
  const set = join(nest.view, 'sets', String(number))
  const link = args.net === 'own' && nest.links.size > 0 ? await addLink(deps, nest) : undefined
  const [jobLink] = nest.links
  const outputs = (['out', 'err'] as const).map((part) => [part, openForReading(join(set, part))] as const)
  const inside = (part: string) => `sets/${number}/${part}`
  const stdio = { in: args.stdin ? inside('in') : '/dev/null', out: inside('out'), err: inside('err') }
  const inputs = args.stdin ? [['in', openForWriting(join(set, 'in'))] as const] : []
  const release = hold(join(set, 'pro'))
  const prologue = ['pro', openWriteOnly(join(set, 'pro'))] as const
  const socket = args.socket === 'none' ? null : await listenFor(nest, set, args.socket)
  const sockets = socket === null ? [] : [['socket', socket] as const]
  const parcels = [...outputs, ...inputs, prologue, ...sockets]
  const netPath = { none: null, nest: jobLink?.nsPath ?? null, own: link?.nsPath ?? null }[args.net]
  const starting = startIn(deps, nest, number, {
    ...{
      stdio,
      netPath,
      sources,
      sets: `sets/${number}`,
      command: cellCommand(deps.wall.rootless, nest.limits, stepPath, '.'),
    },
    ...(clean ? { own: `cells/${number}` } : {}),
  })
  const forget = () => {
    release()
    nest.cells.delete(number)
    if (nest.closing !== null) return
    if (link !== undefined) dropLink(deps, nest, link).catch(() => undefined)
    void nest.anchor.ask(`drop ${number}`).catch(() => undefined)
  }
  // Whoever takes what is handed over first may go before it is built.
  starting.catch(() => undefined)
  try {
    for (const [part, parcel] of parcels) await handOver(give, part, number, parcel)
    const cell = await starting
    void cell.exited.then(forget)
  } catch (error) {
    for (const [, parcel] of parcels) parcel.close()
    forget()
    throw error
  }
  return { cell: number, address: link?.jobAddress ?? jobLink?.jobAddress ?? null }
}

/** Home and temporary places of a clean cell, where nobody has been before. */
const makeHome = (nest: Nest, number: number): void => {
  const own = `cells/${number}`
  makeDirectory(nest, own, 0o755)
  makeDirectory(nest, `${own}/home`, 0o755)
  makeDirectory(nest, `${own}/home/project`, 0o755, nest.uid)
  makeDirectory(nest, `${own}/home`, 0o755, nest.uid)
  for (const name of ['tmp', 'var-tmp', 'lock']) makeDirectory(nest, `${own}/${name}`, 0o1777)
}

const addLink = async (deps: ServedDeps, nest: Nest): Promise<NetLink> => {
  const link = await deps.network.openLink()
  if (nest.closing !== null) {
    await deps.network.remove([link])
    link.close()
    throw fault('E_EXEC_FAILED', { detail: 'the nest was closed meanwhile' })
  }
  nest.links.add(link)
  return link
}

/** A nest that closes meanwhile takes what is still in its list. */
const dropLink = async (deps: ServedDeps, nest: Nest, link: NetLink): Promise<void> => {
  const { ok } = await deps.network.remove([link])
  if (!ok || nest.closing !== null) return
  nest.links.delete(link)
  link.close()
}

const bindSources = async (
  deps: ServedDeps,
  nest: Nest,
  number: number,
  sources: VerbArguments['cell.start']['sources'],
): Promise<CellPlan['sources']> => {
  const bound = sources.map(({ root, path, at }, i) => ({
    name: `${number}.${i}`,
    at,
    directory: deps.sourceDirectory(root, path),
  }))
  // SAFE: `at` has a closed form, `directory` was resolved by us and holds no line break; the anchor quotes both.
  for (const { name, at, directory } of bound) await nest.anchor.ask(`source ${name} ${at} ${directory}`)
  return bound.map(({ name, at }) => ({ from: join(nest.directory, 'src', name), at }))
}

/**
 * A listening socket in the cell's own set, or in the directory of all sets of the job cell. Made here, because only root can reach the nest's ramdisk; accepted by the
 * runner, so nothing a job says is ever read by root.
 */
const listenFor = async (nest: Nest, set: string, kind: 'job' | 'ssh-agent'): Promise<Parcel> => {
  const name = kind === 'job' ? 'job.sock' : 'agent.sock'
  const server = createServer()
  // libuv removes the name it bound when its copy closes: bound under another name, renamed, it stays.
  const made = join(set, `${kind}.made`)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(made, resolve)
  })
  if (!isOwnUser(nest.uid)) chownSync(made, nest.uid, nest.uid)
  chmodSync(made, 0o600)
  renameSync(made, join(set, name))
  return { handle: rawHandleOf(server), close: () => void server.close() }
}
