// The verbs, served: each takes arguments that already passed the closed schema (verbs.ts) and does the root work in
// nests.ts and cells.ts. Handles go out through `give`, before the reply of the call.
import { chmodSync, chownSync, renameSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fault } from '../../base/faults.ts'
import { backgroundSet, cellsPerNestMax, setsBatch, setsPerNestMax } from '../limits.ts'
import { type Parcel, type RawHandle, rawHandleOf } from '../pipes.ts'
import type { HandlePart, VerbArguments, VerbName } from '../verbs.ts'
import type { Canaries } from './canaries.ts'
import type { CellPlan } from './cell-options.ts'
import { type Cell, type CellExit, signalSession, startCell } from './cells.ts'
import { hold, openForReading, openForWriting, openInside, openWriteOnly } from './fifos.ts'
import type { Nest, Nests } from './nests.ts'
import type { NetHandle } from './net.ts'
import { loopPath, stepPath } from './scripts.ts'

export type Give = (part: HandlePart, set: number, handle: RawHandle) => Promise<void>

export type ServedDeps = {
  readonly nests: Nests
  readonly toolDirectory: (id: string) => string
  readonly sourceDirectory: (root: number, path: string) => string
  readonly seccompFile: (profile: 'strict' | 'userns') => string
  readonly masks: readonly string[]
  readonly caPath: string
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
    'nest.destroy': ({ nest }) => nests.destroy(nests.get(nest)),
    'net.listen': ({ nest, ports }, give) => listenMore(nests.get(nest), ports, give),
    'set.open': ({ nest, kind }, give) => openSet(nests.get(nest), kind, give),
    'set.stdin': ({ nest, set }, give) => openStdin(nests.get(nest), set, give),
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

/** The nest with its job cell: built, entered, waiting for the first order on its stdin. */
const prepareNest = async (
  deps: ServedDeps,
  { limits, net, seccomp, tools }: VerbArguments['nest.prepare'],
  give: Give,
) => {
  const found = tools.map(({ object, at }) => ({ directory: deps.toolDirectory(object), at }))
  const nest = await deps.nests.prepare({ limits, net, seccomp, tools: found })
  try {
    const set = join(nest.view, 'sets/job/0')
    const parcels = [
      ['out', openForReading(join(set, 'out'))],
      ['err', openForReading(join(set, 'err'))],
    ] as const
    const stdio = {
      in: openInside(join(set, 'in'), 'read'),
      out: openInside(join(set, 'out'), 'write'),
      err: openInside(join(set, 'err'), 'write'),
    }
    const input = openWriteOnly(join(set, 'in'))
    await startIn(deps, nest, 0, { stdio, sets: 'sets/job', command: ['/bin/sh', loopPath] })
    for (const [part, parcel] of [...parcels, ['in', input] as const]) await handOver(give, part, 0, parcel)
    await giveListeners(nest.net?.listeners ?? [], give)
    const address = nest.net?.link.jobAddress ?? null
    return { nest: nest.id, address, noswap: nest.anchor.noswap }
  } catch (error) {
    await deps.nests.destroy(nest)
    throw error
  }
}

type CellParts = {
  readonly stdio: { readonly in: number | null; readonly out: number; readonly err: number }
  /** Directory below the nest that appears as /run/mayfly. */
  readonly sets: string
  readonly command: readonly string[]
  readonly own?: string
  readonly netPath?: string | null
  readonly sources?: CellPlan['sources']
  readonly blocked?: boolean
}

const startIn = async (deps: ServedDeps, nest: Nest, number: number, parts: CellParts): Promise<Cell> => {
  const netPath = parts.netPath === undefined ? (nest.net?.link.nsPath ?? null) : parts.netPath
  const cell = await startCell({
    plan: {
      nest: nest.directory,
      sets: join(nest.directory, parts.sets),
      own: parts.own === undefined ? null : join(nest.directory, parts.own),
      withoutNetwork: netPath === null,
      sources: parts.sources ?? [],
      limits: nest.limits,
      masks: nest.seccomp === 'userns' ? [] : deps.masks,
      caPath: deps.caPath,
      blocked: parts.blocked ?? false,
    },
    command: parts.command,
    anchor: nest.anchor.pid,
    uid: nest.uid,
    netPath,
    enter: nest.group.enter,
    processes: nest.group.processes,
    seccompFile: deps.seccompFile(nest.seccomp),
    stdio: parts.stdio,
    fds: nest.limits.fds,
  })
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
  for (const { proto, port, handle } of listeners) {
    await give(`${proto}:${port}`, 0, handle)
    handle.close()
  }
}

const listenMore = async (nest: Nest, ports: readonly number[], give: Give): Promise<void> => {
  if (nest.net === null) throw fault('E_EXEC_FAILED', { detail: 'the nest has no network' })
  await giveListeners(await nest.net.listen(ports), give)
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
  const directory = setDirectory(nest, set)
  await handOver(give, 'out', set, openForReading(join(directory, 'out')))
  await handOver(give, 'err', set, openForReading(join(directory, 'err')))
  await handOver(give, 'pro', set, openForWriting(join(directory, 'pro')))
  return { set }
}

/**
 * The anchor obeys one order at a time: whoever asks later finds the FIFOs made. One set is always ahead, because the
 * loop opens the FIFOs of the next step as soon as this one ends.
 */
const makeSets = (nest: Nest, set: number): Promise<void> => {
  if (set >= backgroundSet) return nest.anchor.ask(`sets ${set} ${set + 1}`)
  if (set + 1 >= nest.setsMade) {
    const from = nest.setsMade
    nest.setsMade += setsBatch
    nest.setsReady = nest.anchor.ask(`sets ${from} ${nest.setsMade}`)
  }
  return nest.setsReady
}

const openStdin = async (nest: Nest, set: number, give: Give): Promise<void> => {
  if (set >= nest.nextSet && set >= nest.nextBackground)
    throw fault('E_EXEC_FAILED', { detail: `set ${set} was not opened` })
  await handOver(give, 'in', set, openForWriting(join(setDirectory(nest, set), 'in')))
}

const setDirectory = (nest: Nest, set: number): string => join(nest.view, 'sets/job', String(set))

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
  await nest.anchor.ask(`${clean ? 'clean' : 'cell'} ${number}`)
  const sources = await bindSources(deps, nest, number, args.sources)
  const set = join(nest.view, 'sets', String(number))
  const link = args.net === 'own' ? await nest.net?.addLink() : undefined
  const outputs = (['out', 'err'] as const).map((part) => [part, openForReading(join(set, part))] as const)
  const stdio = {
    in: args.stdin ? openInside(join(set, 'in'), 'read') : null,
    out: openInside(join(set, 'out'), 'write'),
    err: openInside(join(set, 'err'), 'write'),
  }
  const inputs = args.stdin ? [['in', openWriteOnly(join(set, 'in'))] as const] : []
  const release = hold(join(set, 'pro'))
  const prologue = ['pro', openWriteOnly(join(set, 'pro'))] as const
  const socket = args.socket === 'none' ? null : await listenFor(nest, set, args.socket)
  const netPath = { none: null, nest: nest.net?.link.nsPath ?? null, own: link?.nsPath ?? null }[args.net]
  const starting = startIn(deps, nest, number, {
    ...{
      stdio,
      netPath,
      sources,
      blocked: true,
      sets: `sets/${number}`,
      command: ['/bin/sh', stepPath, '.'],
    },
    ...(clean ? { own: `cells/${number}` } : {}),
  })
  for (const [part, parcel] of [...outputs, ...inputs, prologue]) await handOver(give, part, number, parcel)
  if (socket !== null) await handOver(give, 'socket', number, socket)
  const forget = () => {
    release()
    link?.close()
    nest.cells.delete(number)
    if (nest.closing === null) void nest.anchor.ask(`drop ${number}`).catch(() => undefined)
  }
  try {
    const cell = await starting
    void cell.exited.then(forget)
  } catch (error) {
    forget()
    throw error
  }
  return { cell: number, address: link?.jobAddress ?? nest.net?.link.jobAddress ?? null }
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
 * A listening socket in the cell's own set. Made here, because only root can reach the nest's ramdisk; accepted by the
 * runner, so nothing a job says is ever read by root.
 */
const listenFor = async (nest: Nest, set: string, kind: 'job' | 'ssh-agent'): Promise<Parcel> => {
  const name = kind === 'job' ? 'job.sock' : 'agent.sock'
  const server = createServer()
  // libuv removes the name it bound when its copy closes: bound under another name, renamed, it stays.
  const made = join(set, 'made')
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(made, resolve)
  })
  chownSync(made, nest.uid, nest.uid)
  chmodSync(made, 0o600)
  renameSync(made, join(set, name))
  return { handle: rawHandleOf(server), close: () => void server.close() }
}
