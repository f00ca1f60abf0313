// Nests (isolation.md §2.2, §2.8): made in the order of the numbered steps, unmade in reverse, and proven gone. A nest
// holds bytes, its cells hold processes. Knows nothing of IPC: the verbs call it (served.ts).

import { chmodSync, mkdirSync, rmdirSync, statfsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fault } from '../../base/faults.ts'
import type { Log } from '../../base/log.ts'
import type { Limits, Receipt } from '../../protocol/receipt.ts'
import {
  backgroundSet,
  buildsPerProcessor,
  killRoundMs,
  killRounds,
  nestsMax,
  setsAtStart,
} from '../limits.ts'
import type { Parcel } from '../pipes.ts'
import { type Anchor, openAnchor } from './anchor.ts'
import type { Bind } from './base.ts'
import { type CellPlan, cellCommand, cellOptions } from './cell-options.ts'
import type { Cell } from './cells.ts'
import { type Group, type Groups, type GroupUsage, groupAt } from './cgroup.ts'
import { openForReading, openWriteOnly } from './fifos.ts'
import { type Elsewhere, ramdiskName, type Survey } from './gone.ts'
import type { Rootless } from './host.ts'
import { countLeftovers, readKin } from './leftovers.ts'
import type { Maker } from './maker.ts'
import type { GatewayNet, NetLink } from './net.ts'
import { proveGone } from './prove-gone.ts'
import type { Records } from './records.ts'
import { loopPath } from './scripts.ts'
import { createTurns } from './turns.ts'
import type { Uids } from './uids.ts'

export type NestWant = {
  readonly limits: Limits
  readonly net: 'none' | 'gateway'
  readonly seccomp: 'strict' | 'userns'
  readonly tools: readonly { readonly directory: string; readonly at: string }[]
}

export interface Nest {
  readonly id: string
  readonly uid: number
  readonly directory: string
  readonly anchor: Anchor
  readonly group: Group
  /** The job's own first, then those of clean cells; empty without a network. */
  readonly links: Set<NetLink>
  readonly seccomp: NestWant['seccomp']
  /** By number: 0 is the job cell. */
  readonly cells: Map<number, Cell>
  /** The same directory from outside the nest's mount namespace, for opening FIFOs. */
  readonly view: string
  limits: Limits
  nextCell: number
  nextSet: number
  nextBackground: number
  /** Those that its job cell has. */
  readonly jobSockets: Set<'job' | 'ssh-agent'>
  setsMade: number
  setsReady: Promise<void>
  closing: Promise<Destroyed> | null
}

export type Destroyed = {
  readonly gone: Receipt['gone']
  readonly usage: NestUsage
  readonly leftovers: number
}
export type NestUsage = GroupUsage & { readonly ramdisk: number }

/** What every cell is closed in with. */
export type Wall = {
  /** Names below /proc to cover. */
  readonly masks: readonly string[]
  readonly caPath: string
  /** null: made by root. */
  readonly rootless: Rootless | null
  readonly seccompFile: (profile: NestWant['seccomp']) => string
}

export type NestDeps = {
  readonly directory: string
  readonly maker: Maker
  readonly binds: readonly Bind[]
  /** Whether ramdisks are kept out of swap. */
  readonly noswap: boolean
  readonly groups: Groups
  readonly uids: Uids
  readonly records: Records
  readonly newId: () => string
  readonly network: GatewayNet
  readonly wall: Wall
  readonly survey: (elsewhere: Elsewhere) => Promise<Survey>
  readonly log: Log
}

/** The runner's ends of the job cell's stdin and stdout. */
export type JobPipes = { readonly in: Parcel; readonly out: Parcel }

/** Gives the runner what it may have before the job cell stands: these, and what lies below `view`. */
export type HandOver = (pipes: JobPipes, view: string) => Promise<void>

export interface Nests {
  /** Rejects when it could not be made or handed over; it is gone then. */
  prepare(want: NestWant, handOver: HandOver): Promise<Nest>
  get(id: string): Nest
  bind(nest: Nest, limits: Limits): Promise<void>
  /** Takes the network away from a job that abuses it. */
  cut(nest: Nest): Promise<void>
  usage(nest: Nest): NestUsage
  /** Idempotent; the entries of `gone` say whether it worked. */
  /** `unused`: no step has begun in its job cell. */
  destroy(nest: Nest, unused: boolean): Promise<Destroyed>
  destroyAll(): Promise<void>
  has(id: string): boolean
}

export const createNests = (deps: NestDeps): Nests => {
  const nests = new Map<string, Nest>()
  const making = new Map<string, Promise<unknown>>()
  const inTurn = createTurns(buildsPerProcessor * availableParallelism())
  const prepare: Nests['prepare'] = async (want, handOver) => {
    if (nests.size + making.size >= nestsMax)
      throw fault('E_SANDBOX_UNAVAILABLE', { detail: 'too many nests' })
    const id = deps.newId()
    // The turn lasts until the nest is handed over: else all would be handed over late, when the last is built.
    const work = inTurn(async () => {
      const nest = await makeNest(deps, id, want, handOver)
      nests.set(id, nest)
      return nest
    })
    making.set(id, work)
    try {
      return await work
    } finally {
      making.delete(id)
    }
  }
  const get = (id: string): Nest => {
    const nest = nests.get(id)
    if (nest === undefined || nest.closing !== null) throw fault('E_EXEC_FAILED', { detail: `no nest ${id}` })
    return nest
  }
  const destroy = (nest: Nest, unused: boolean): Promise<Destroyed> => {
    nest.closing ??= unmake(deps, nest, { nests, making, unused }).finally(() => nests.delete(nest.id))
    return nest.closing
  }
  return {
    prepare,
    get,
    bind: (nest, limits) => bindLimits(nest, limits),
    cut: async (nest) => void (await deps.network.cut([...nest.links])),
    usage: (nest) => usageOf(nest),
    destroy,
    destroyAll: async () => {
      // What is only just being made belongs to nobody any more either.
      while (making.size > 0) await Promise.allSettled(making.values())
      await Promise.all([...nests.values()].map((nest) => destroy(nest, false)))
    },
    has: (id) => nests.has(id) || making.has(id),
  }
}

const makeNest = async (deps: NestDeps, id: string, want: NestWant, handOver: HandOver): Promise<Nest> => {
  const directory = join(deps.directory, id)
  const uid = deps.uids.take()
  const groups = deps.groups.directoriesOf(id)
  deps.records.put({ id, uid, groups: [...groups] })
  const undo: (() => unknown)[] = [() => deps.records.drop(id), () => deps.uids.give(uid)]
  try {
    // Its process begins meanwhile.
    const line = deps.maker.anchor(id)
    line.catch(() => undefined)
    undo.push(async () => (await line).end())
    // 1 cgroup with its limits
    undo.push(() => groupAt(groups).remove())
    const group = deps.groups.create(id)
    group.limit(want.limits)
    // 2 directory
    mkdirSync(directory)
    undo.push(() => rmdirSync(directory))
    undo.push(() => group.remove())
    undo.push(() => group.kill())
    chmodSync(directory, 0o711)
    // 3–9 namespaces, network, ramdisk, root tree, owners, anchor, job cell
    const address = want.net === 'gateway' ? await deps.network.reserve() : null
    if (address !== null) undo.push(() => deps.network.remove([address]))
    const plan = planCell(deps.wall, { directory, limits: want.limits, seccomp: want.seccomp })
    const { anchor, cell } = await openAnchor(await line, {
      ...{
        directory,
        uid,
        enter: group.enter,
        group,
        fds: Math.min(want.limits.fds, deps.wall.rootless?.fdsMax ?? Infinity),
      },
      ...{ name: ramdiskName(id), tmpfs: tmpfsOptions(deps, want.limits), binds: bindsOf(deps, want) },
      network: address?.orders ?? null,
      seccompFile: deps.wall.seccompFile(want.seccomp),
      cell: {
        options: cellOptions({ ...plan, withoutNetwork: address === null }),
        command: cellCommand(deps.wall.rootless, want.limits, loopPath),
        stdio: { in: 'sets/job/0/in', out: 'sets/job/0/out', err: '/dev/null' },
        ...{ netPath: null, blocked: false },
      },
    })
    undo.push(() => anchor.end())
    const view = `/proc/${anchor.pid}/root${directory}`
    const pipes = openPipes(view)
    undo.push(() => closePipes(pipes))
    const joined = address === null ? null : deps.network.join(address, `/proc/${anchor.pid}`)
    undo.push(async () => (await joined)?.close())
    const [link] = await Promise.all([
      joined,
      anchor.ask('held'),
      cell,
      // Beside bubblewrap's work, of which most is waiting for the kernel.
      handOver(pipes, view),
    ])
    return {
      ...{ id, uid, directory, anchor, group, view, seccomp: want.seccomp, limits: want.limits },
      links: new Set(link === null ? [] : [link]),
      cells: new Map([[0, await cell]]),
      ...{
        nextCell: 1,
        nextSet: 2,
        nextBackground: backgroundSet,
        jobSockets: new Set<'job' | 'ssh-agent'>(),
      },
      ...{ setsMade: setsAtStart, setsReady: Promise.resolve(), closing: null },
    }
  } catch (error) {
    for (const step of undo.reverse()) await Promise.resolve(step()).catch(() => undefined)
    throw error
  }
}

/** What all cells of a nest have in common; these are the job cell's own parts. */
export const planCell = (
  wall: Wall,
  nest: { readonly directory: string; readonly limits: Limits; readonly seccomp: NestWant['seccomp'] },
): CellPlan => ({
  nest: nest.directory,
  sets: join(nest.directory, 'sets/job'),
  ...{ own: null, withoutNetwork: true, sources: [], blocked: false },
  steps: wall.rootless === null ? null : join(nest.directory, 'steps/job'),
  limits: nest.limits,
  masks: nest.seccomp === 'userns' ? [] : wall.masks,
  caPath: wall.caPath,
})

/** Nothing in it is a program for anybody but the job. */
const tmpfsOptions = ({ noswap }: NestDeps, { ramdisk, inodes }: Limits): string =>
  [`size=${ramdisk},nr_inodes=${inodes},mode=0711`, ...(noswap ? ['noswap'] : [])].join(',')

const bindsOf = ({ binds }: NestDeps, { tools }: NestWant): readonly Bind[] => [
  ...binds,
  ...tools.map((tool) => ({ from: tool.directory, at: tool.at })),
]

/** The anchor holds the other ends until it is told that we have these. */
const openPipes = (view: string): JobPipes => {
  const set = join(view, 'sets/job/0')
  return { in: openWriteOnly(join(set, 'in')), out: openForReading(join(set, 'out')) }
}

export const closePipes = (pipes: JobPipes): void => {
  pipes.in.close()
  pipes.out.close()
}

const bindLimits = async (nest: Nest, limits: Limits): Promise<void> => {
  const before = nest.limits
  if (JSON.stringify(before) === JSON.stringify(limits)) return
  nest.group.limit(limits)
  nest.limits = limits
  if (before.ramdisk !== limits.ramdisk || before.inodes !== limits.inodes)
    await nest.anchor.ask(`size ${limits.ramdisk} ${limits.inodes}`)
}

const usageOf = (nest: Nest): NestUsage => ({ ...nest.group.usage(), ramdisk: ramdiskOf(nest) })

const ramdiskOf = (nest: Nest): number => {
  try {
    const { blocks, bfree, bsize } = statfsSync(nest.view)
    return (blocks - bfree) * bsize
  } catch {
    return 0
  }
}

type Others = {
  readonly nests: ReadonlyMap<string, Nest>
  readonly making: ReadonlyMap<string, Promise<unknown>>
}

/**
 * 1 no new cells (the caller set `closing`) 2 anchor, then kill 3 network, beside it 4 cgroups 5 mount point; 6 verify.
 * The anchor goes first: it is a child of the job cell's process, which then buries it.
 */
const unmake = async (
  deps: NestDeps,
  nest: Nest,
  { nests, making, unused }: Others & { readonly unused: boolean },
): Promise<Destroyed> => {
  const ramdisk = ramdiskOf(nest)
  const namespaces = [...nest.cells.values()].flatMap((cell) => cell.namespaces)
  const inits = new Set([...nest.cells.values()].map((cell) => cell.pid))
  const leftovers = countLeftovers(readKin(nest.group.processes()), { inits, unused })
  const links = [...nest.links]
  // The network at the same time: most of it is waiting for the kernel.
  const removing = Promise.all([
    links.length === 0 ? [] : deps.network.remove(links).then((check) => [check]),
    removePlace(deps, nest),
  ])
  // While the kernel ends the cells: the control groups outlive them.
  const usage = { ...nest.group.usage(), ramdisk }
  const [netGone] = await removing
  const isOthers = (pid: number) => [...nests.values()].some((other) => other !== nest && holds(other, pid))
  const uid = deps.wall.rootless === null ? nest.uid : null
  const departed = { ...nest, uid, groups: nest.group.directories, namespaces, isOthers }
  // Without root every nest has the same user, so all is looked at.
  const elsewhere: Elsewhere = () => (uid === null ? new Set() : inLivingNests(nests))
  const survey = () => deps.survey(elsewhere)
  const gone = [...(await proveGone(departed, { links, survey, making })), ...netGone]
  for (const link of links) link.close()
  if (gone.every((entry) => entry.ok)) {
    deps.records.drop(nest.id)
    deps.uids.give(nest.uid)
  } else deps.log.error('nest is not proven gone', { nest: nest.id, gone })
  return { gone, usage, leftovers }
}

const inLivingNests = (nests: ReadonlyMap<string, Nest>): ReadonlySet<number> =>
  new Set(
    [...nests.values()].flatMap(({ closing, group }) => (closing === null ? group.processesOfOne() : [])),
  )

const holds = (nest: Nest, pid: number): boolean =>
  nest.anchor.pid === pid || nest.group.processes().includes(pid)

const killAll = async (deps: NestDeps, nest: Nest): Promise<void> => {
  // The anchor's end was that of its cells.
  if (await emptied(nest, 50)) return
  for (let round = 0; round < killRounds; round++) {
    await nest.group.kill()
    if (await emptied(nest, killRoundMs)) return
    deps.log.warn('processes outlive KILL', { nest: nest.id, round, pids: nest.group.processes() })
  }
}

const emptied = async (nest: Nest, ms: number): Promise<boolean> => {
  const deadline = performance.now() + ms
  while (!nest.group.isEmpty()) {
    if (performance.now() > deadline) return false
    await sleep(1)
  }
  return true
}

const removePlace = async (deps: NestDeps, nest: Nest): Promise<void> => {
  await nest.anchor.end()
  await killAll(deps, nest)
  await nest.group.remove()
  removeMountPoint(nest.directory)
}

const removeMountPoint = (directory: string): void => {
  try {
    rmdirSync(directory)
  } catch {
    // Still there: the checks say so.
  }
}
