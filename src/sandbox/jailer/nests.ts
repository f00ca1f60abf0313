// Nests (isolation.md §2.2, §2.8): made in the order of the numbered steps, unmade in reverse, and proven gone. A nest
// holds bytes, its cells hold processes. Knows nothing of IPC: the verbs call it (verbs-served.ts).

import { chmodSync, mkdirSync, rmdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fault } from '../../base/faults.ts'
import type { Log } from '../../base/log.ts'
import type { Limits, Receipt } from '../../protocol/receipt.ts'
import { backgroundSet, killRoundMs, killRounds, nestsMax, setsAtStart } from '../limits.ts'
import { type Anchor, openAnchor } from './anchor.ts'
import type { Cell } from './cells.ts'
import { type Group, type Groups, groupAt } from './cgroup.ts'
import { findTraces, type Survey } from './gone.ts'
import type { GoneCheck } from './gone-check.ts'
import type { NestNet } from './net.ts'
import type { Records } from './records.ts'
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
  readonly net: NestNet | null
  readonly seccomp: NestWant['seccomp']
  /** By number: 0 is the job cell. */
  readonly cells: Map<number, Cell>
  /** The same directory from outside the nest's mount namespace, for opening FIFOs. */
  readonly view: string
  limits: Limits
  nextCell: number
  nextSet: number
  nextBackground: number
  setsMade: number
  setsReady: Promise<void>
  closing: Promise<Destroyed> | null
}

export type Destroyed = {
  readonly gone: Receipt['gone']
  readonly usage: NestUsage
  readonly leftovers: number
}
export type NestUsage = ReturnType<Group['usage']> & { readonly ramdisk: number }

export type NestDeps = {
  readonly directory: string
  readonly base: string
  readonly groups: Groups
  readonly uids: Uids
  readonly records: Records
  readonly newId: () => string
  readonly openNet: (nestId: string) => Promise<NestNet>
  readonly survey: () => Promise<Survey>
  readonly log: Log
}

export interface Nests {
  prepare(want: NestWant): Promise<Nest>
  get(id: string): Nest
  bind(nest: Nest, limits: Limits): Promise<void>
  usage(nest: Nest): NestUsage
  /** Idempotent; the entries of `gone` say whether it worked. */
  destroy(nest: Nest): Promise<Destroyed>
  destroyAll(): Promise<void>
  has(id: string): boolean
}

export const createNests = (deps: NestDeps): Nests => {
  const nests = new Map<string, Nest>()
  const making = new Map<string, Promise<Nest>>()
  const prepare = async (want: NestWant): Promise<Nest> => {
    if (nests.size + making.size >= nestsMax)
      throw fault('E_SANDBOX_UNAVAILABLE', { detail: 'too many nests' })
    const id = deps.newId()
    const work = makeNest(deps, id, want)
    making.set(id, work)
    try {
      const nest = await work
      nests.set(id, nest)
      return nest
    } finally {
      making.delete(id)
    }
  }
  const get = (id: string): Nest => {
    const nest = nests.get(id)
    if (nest === undefined || nest.closing !== null) throw fault('E_EXEC_FAILED', { detail: `no nest ${id}` })
    return nest
  }
  const destroy = (nest: Nest): Promise<Destroyed> => {
    nest.closing ??= unmake(deps, nest, nests).finally(() => nests.delete(nest.id))
    return nest.closing
  }
  return {
    prepare,
    get,
    bind: (nest, limits) => bindLimits(nest, limits),
    usage: (nest) => usageOf(nest),
    destroy,
    destroyAll: async () => {
      // What is only just being made belongs to nobody any more either.
      while (making.size > 0) await Promise.allSettled(making.values())
      await Promise.all([...nests.values()].map(destroy))
    },
    has: (id) => nests.has(id) || making.has(id),
  }
}

const makeNest = async (deps: NestDeps, id: string, want: NestWant): Promise<Nest> => {
  const directory = join(deps.directory, id)
  const uid = deps.uids.take()
  const groups = deps.groups.directoriesOf(id)
  deps.records.put({ id, uid, groups: [...groups] })
  const undo: (() => unknown)[] = [() => deps.records.drop(id), () => deps.uids.give(uid)]
  try {
    // 1 cgroup with its limits
    undo.push(() => groupAt(groups).remove())
    const group = deps.groups.create(id)
    group.limit(want.limits)
    // 2 directory
    mkdirSync(directory)
    undo.push(() => rmdirSync(directory))
    chmodSync(directory, 0o711)
    // 3–7 namespace, ramdisk, root tree, owners, anchor; 8 network
    const { ramdisk, inodes } = want.limits
    const opening = openAnchor({ directory, ramdisk, inodes, uid, base: deps.base, tools: want.tools })
    const [anchor, net] = await both(opening, want.net === 'gateway' ? deps.openNet(id) : null)
    return {
      ...{ id, uid, directory, anchor, group, net, seccomp: want.seccomp, limits: want.limits },
      cells: new Map(),
      view: `/proc/${anchor.pid}/root${directory}`,
      ...{
        nextCell: 1,
        nextSet: 1,
        nextBackground: backgroundSet,
        setsMade: setsAtStart,
        setsReady: Promise.resolve(),
        closing: null,
      },
    }
  } catch (error) {
    for (const step of undo.reverse()) await Promise.resolve(step()).catch(() => undefined)
    throw error
  }
}

/** Both or none: the one that came is closed when the other failed. */
const both = async (
  anchor: Promise<Anchor>,
  net: Promise<NestNet> | null,
): Promise<[Anchor, NestNet | null]> => {
  const [first, second] = await Promise.allSettled([anchor, net])
  if (first.status === 'fulfilled' && second.status === 'fulfilled') return [first.value, second.value]
  if (first.status === 'fulfilled') await first.value.end()
  if (second.status === 'fulfilled') await second.value?.close()
  throw first.status === 'rejected' ? first.reason : (second as PromiseRejectedResult).reason
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

/** 1 no new cells (the caller set `closing`) 2 kill 3 network, beside it 4 anchor 5 cgroups 6 mount point; 7 verify. */
const unmake = async (deps: NestDeps, nest: Nest, nests: ReadonlyMap<string, Nest>): Promise<Destroyed> => {
  const usage = usageOf(nest)
  const namespaces = [...nest.cells.values()].flatMap((cell) => cell.namespaces)
  const ours = new Set([...nest.cells.values()].map((cell) => cell.pid))
  // Per cell bwrap's outer process and its PID 1; in the job cell the loop, its reader and the shell that waits.
  const machinery = ours.size * 2 + (nest.cells.has(0) ? 3 : 0)
  const leftovers = Math.max(0, nest.group.processes().length - machinery)
  await killAll(deps, nest)
  // The network at the same time: most of it is waiting for the kernel.
  const [netGone] = await Promise.all([nest.net?.close() ?? [], removePlace(nest)])
  const isOthers = (pid: number) => [...nests.values()].some((other) => other !== nest && holds(other, pid))
  const departed = { ...nest, groups: nest.group.directories, namespaces, isOthers }
  const gone = [...(await proveGone(departed, deps.survey)), ...netGone]
  if (gone.every((entry) => entry.ok)) {
    deps.records.drop(nest.id)
    deps.uids.give(nest.uid)
  } else deps.log.error('nest is not proven gone', { nest: nest.id, gone })
  return { gone, usage, leftovers }
}

const holds = (nest: Nest, pid: number): boolean =>
  nest.anchor.pid === pid || nest.group.processes().includes(pid)

const killAll = async (deps: NestDeps, nest: Nest): Promise<void> => {
  for (const cell of nest.cells.values()) cell.signal('KILL')
  if (await emptied(nest, 50)) return
  for (let round = 0; round < killRounds; round++) {
    await nest.group.kill()
    if (await emptied(nest, killRoundMs)) return
    deps.log.warn('processes outlive KILL', { nest: nest.id, round, pids: nest.group.processes() })
  }
}

const emptied = async (nest: Nest, ms: number): Promise<boolean> => {
  const deadline = performance.now() + ms
  while (nest.group.processes().length > 0) {
    if (performance.now() > deadline) return false
    await sleep(1)
  }
  return true
}

const removePlace = async (nest: Nest): Promise<void> => {
  await nest.anchor.end()
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

/** The kernel takes namespaces apart asynchronously: asked again for a moment before the answer counts. */
const proveGone = async (
  departed: Parameters<typeof findTraces>[0],
  survey: () => Promise<Survey>,
): Promise<readonly GoneCheck[]> => {
  const deadline = performance.now() + 1_000
  for (;;) {
    const gone = findTraces(departed, await survey())
    if (gone.every((entry) => entry.ok) || performance.now() > deadline) return gone
    await sleep(5)
  }
}
