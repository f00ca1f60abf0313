// A nest as the runner holds it: its id, its waiting job cell, and sets of FIFO ends one step ahead of need. Made by the
// pool or on the spot, used by one sandbox, ended once.
import { fault } from '../../../base/faults.ts'
import type { Limits, Receipt } from '../../../protocol/receipt.ts'
import { nestMs, nextSetMs } from '../../limits.ts'
import { type RawHandle, readerOf, writerOf } from '../../pipes.ts'
import type { JailerClient, Reply } from './client.ts'
import { createJobCell, type JobCell } from './job-cell.ts'

export type NestKind = {
  readonly limits: Limits
  readonly net: 'none' | 'gateway'
  readonly seccomp: 'strict' | 'userns'
  readonly tools: readonly { readonly object: string; readonly at: string }[]
}

/** The runner's ends of one step of the job cell. */
export type StepSet = {
  readonly set: number
  readonly out: RawHandle
  readonly err: RawHandle
  readonly pro: RawHandle
  readonly in: RawHandle | null
}

export type Destroyed = {
  readonly gone: Receipt['gone']
  readonly usage: NestUsage
  readonly leftovers: number
}
export type NestUsage = {
  readonly peakMemory: number
  readonly cpuSeconds: number
  readonly peakPids: number
  readonly oomKills: number
  readonly throttledMs: number
  readonly ramdisk: number
  /** Charged now; null: nobody counts what its processes take. */
  readonly memory: number | null
}

export interface NestHold {
  readonly id: string
  readonly kind: NestKind
  readonly preparedAt: number
  readonly noswap: boolean
  /** The job network's address; null without one. */
  readonly address: string | null
  readonly cell: JobCell
  takeSet(foreground: boolean, stdin: boolean): Promise<StepSet>
  /** A listening socket that the job cell knows by its kind; each once. */
  jobSocket(kind: 'job' | 'ssh-agent'): Promise<RawHandle>
  usage(): Promise<NestUsage>
  /** Rejects with E_DESTROY_UNVERIFIED when nobody answers; else `gone` says it. */
  destroy(): Promise<Destroyed>
}

/** SAFE: the jailer is trusted by the runner; these are its own types (jailer/served.ts). */
type Made = { readonly nest: string; readonly address: string | null; readonly noswap: boolean }

export const openNest = async (client: JailerClient, kind: NestKind, now: number): Promise<NestHold> => {
  // One that comes when nobody waits for it any more would stay as long as we do.
  const onLate = (value: unknown) => {
    const { nest } = value as Made
    const gone = client.call('nest.destroy', { nest, unused: true })
    gone.then(() => client.forget(nest)).catch(() => undefined)
  }
  const reply = await client.call('nest.prepare', kind, onLate)
  const made = reply.value as Made
  const { nest } = made
  const lost = client.cellExit(nest, 0)
  const cell = createJobCell(writerOf(reply.take('in', 0)), readerOf(reply.take('out', 0)), lost)
  const sets = createSets(client, nest, setOf(reply, 1))
  const destroy = async (): Promise<Destroyed> => {
    // Before our own ends are closed: the jailer counts what still lives, then kills.
    try {
      const { value } = await client.call('nest.destroy', { nest, unused: sets.areUnused() })
      // SAFE: as above.
      return value as Destroyed
    } catch (cause) {
      throw fault('E_DESTROY_UNVERIFIED', { detail: `nobody says that nest ${nest} is gone`, cause })
    } finally {
      cell.close()
      await sets.close()
      client.forget(nest)
    }
  }
  const hold: NestHold = {
    ...{ id: nest, kind, preparedAt: now, noswap: made.noswap, address: made.address },
    ...{ cell, destroy, takeSet: sets.take },
    jobSocket: async (kind) => (await client.call('job.socket', { nest, kind })).take('socket'),
    usage: async () => (await client.call('nest.usage', { nest })).value as NestUsage,
  }
  if (await within(cell.ready, nestMs)) return hold
  await discardNest(hold)
  throw fault('E_SANDBOX_UNAVAILABLE', { detail: 'the step loop did not start' })
}

/** Destroys what nobody ever used; rejects with E_DESTROY_UNVERIFIED unless it is gone. */
export const discardNest = async (nest: Pick<NestHold, 'destroy'>): Promise<void> =>
  requireGone((await nest.destroy()).gone)

export const requireGone = (gone: Receipt['gone']): void => {
  const open = gone.filter((entry) => !entry.ok)
  if (open.length === 0) return
  throw fault('E_DESTROY_UNVERIFIED', {
    detail: open.map((entry) => `${entry.check}: ${entry.detail}`).join('; '),
  })
}

const within = async (ready: Promise<boolean>, ms: number): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  try {
    return await Promise.race([ready, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Keeps the set of the next foreground step requested, so that it does not wait for its handles: the first came with the
 * nest, each other is asked for when the step before it has run a while. Most of the shortest jobs have no other.
 */
const createSets = (client: JailerClient, nest: string, first: StepSet) => {
  let ahead: Promise<StepSet> | null = Promise.resolve(first)
  let timer: NodeJS.Timeout | undefined
  let closed = false
  let unused = true
  const open = async (kind: 'foreground' | 'background'): Promise<StepSet> => {
    const reply = await client.call('set.open', { nest, kind })
    // SAFE: the jailer is trusted by the runner.
    const { set } = reply.value as { set: number }
    return setOf(reply, set)
  }
  const refill = () => {
    if (closed || ahead !== null) return
    ahead = open('foreground')
    ahead.catch(() => undefined)
  }
  const takeForeground = (): Promise<StepSet> => {
    const next = ahead ?? open('foreground')
    ahead = null
    clearTimeout(timer)
    timer = setTimeout(refill, nextSetMs)
    timer.unref()
    return next
  }
  const withStdin = async (set: StepSet): Promise<StepSet> => {
    const reply = await client.call('set.stdin', { nest, set: set.set })
    return { ...set, in: reply.take('in') }
  }
  return {
    areUnused: () => unused,
    take: async (foreground: boolean, stdin: boolean): Promise<StepSet> => {
      unused &&= !foreground
      const next = foreground ? takeForeground() : open('background')
      return stdin ? withStdin(await next) : next
    },
    close: async () => {
      closed = true
      clearTimeout(timer)
      const unused = await ahead?.catch(() => null)
      if (unused) closeSet(unused)
    },
  }
}

const setOf = (reply: Reply, set: number): StepSet => ({
  ...{ set, out: reply.take('out', set), err: reply.take('err', set), pro: reply.take('pro', set) },
  in: null,
})

const closeSet = (set: StepSet): void => {
  for (const handle of [set.out, set.err, set.pro, set.in]) handle?.close()
}
