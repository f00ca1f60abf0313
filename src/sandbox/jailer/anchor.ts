// The anchor of a nest: the process that made it, holds its namespaces, starts its cells and does the few things that need
// root inside. It obeys one order at a time (maker-program.ts) and ends when its line ends, and its cells with it, so a
// dead jailer leaves nothing behind.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Fault, fault } from '../../base/faults.ts'
import { anchorEndMs, toolMs } from '../limits.ts'
import type { Bind } from './base.ts'
import { type Cell, type CellExit, createCell } from './cells.ts'
import type { Group } from './cgroup.ts'
import { readKernelLink } from './kernel-file.ts'
import type { AnchorLine } from './maker.ts'
import { anchorName } from './maker-program.ts'

export interface Anchor {
  readonly pid: number
  /** One order at a time; faults when it could not be done. */
  ask(order: string): Promise<void>
  /** Resolves when bubblewrap has built it. */
  startCell(number: number, want: CellWant): Promise<Cell>
  /** Ends cells and anchor; resolves when the anchor is gone. Idempotent. */
  end(): Promise<void>
}

export type AnchorWant = {
  readonly directory: string
  readonly uid: number
  readonly fds: number
  /** The ramdisk's name and its options. */
  readonly name: string
  readonly tmpfs: string
  readonly binds: readonly Bind[]
  /** Lines for `ip` in a network namespace of the nest's own; null without one. */
  readonly network: string | null
  /** cgroup.procs files. */
  readonly enter: readonly string[]
  readonly group: CellGroup
  readonly seccompFile: string
  /** The job cell, which is number 0. */
  readonly cell: CellWant
}

/** Who hears of each cell, and knows who is in the nest. */
export type CellGroup = Pick<Group, 'processes' | 'joined'>

export type CellWant = {
  readonly options: readonly string[]
  readonly command: readonly string[]
  /** As the nest sees them. */
  readonly stdio: { readonly in: string; readonly out: string; readonly err: string }
  /** Another network namespace than the nest's. */
  readonly netPath: string | null
  readonly blocked: boolean
}

/** Resolves when the nest stands; its job cell is being built meanwhile. `line` is to a process that made nothing yet. */
export const openAnchor = async (
  line: AnchorLine,
  want: AnchorWant,
): Promise<{ anchor: Anchor; cell: Promise<Cell> }> => {
  const talk = talkTo(line)
  const end = async () => {
    line.end()
    if (!(await isGoneWithin(line, anchorEndMs))) {
      kill(line.pid)
      // A cell that was not yet one may hold the line open still: the nest's group is killed next.
      await isGoneWithin(line, anchorEndMs)
    }
    // Who is in no namespaces any more has taken its mounts apart; whether it is buried yet matters to nobody.
    const deadline = performance.now() + anchorEndMs
    while (hasNamespaces(line.pid) && performance.now() < deadline) await sleep(1)
  }
  const startCell: Anchor['startCell'] = (number, cell) => {
    const made = watch(talk, number, want.group)
    // It may end before the order to make it is answered, which is heard below then.
    made.catch(() => undefined)
    return talk.ask(block('cell', cellFields(number, cell))).then(
      () => made,
      (error) => {
        talk.cells.delete(number)
        throw error
      },
    )
  }
  const cell = watch(talk, 0, want.group)
  cell.catch(() => undefined)
  try {
    await talk.ask(block('build', [...nestFields(want), ...cellFields(0, want.cell)]))
  } catch (error) {
    await end()
    throw error
  }
  const ask = async (order: string) => void (await talk.ask(order))
  return { anchor: { pid: line.pid, ask, startCell, end }, cell }
}

const isGoneWithin = (line: AnchorLine, ms: number): Promise<boolean> => {
  const timeUp = new AbortController()
  const late = sleep(ms, false, { signal: timeUp.signal }).catch(() => false)
  return Promise.race([line.gone.then(() => true), late]).finally(() => timeUp.abort())
}

const hasNamespaces = (pid: number): boolean => readKernelLink(`/proc/${pid}/ns/mnt`) !== ''

const kill = (pid: number): void => {
  try {
    // SAFE: an anchor calls itself that. Where a child of it holds the line alone, the number may be a stranger's by now.
    if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(anchorName)) process.kill(pid, 'SIGKILL')
  } catch {
    // It ended this moment.
  }
}

type Field = readonly [name: string, value: string]

const nestFields = (want: AnchorWant): readonly Field[] => [
  ['directory', want.directory],
  ['uid', String(want.uid)],
  ['fds', String(want.fds)],
  ['name', want.name],
  ['tmpfs', want.tmpfs],
  ['filter', want.seccompFile],
  ...want.enter.map((file): Field => ['enter', file]),
  ...want.binds.map(({ from, at }): Field => ['bind', `${from}\t${at}`]),
  ...(want.network?.split('\n').map((order): Field => ['ip', order]) ?? []),
]

const cellFields = (number: number, want: CellWant): readonly Field[] => [
  ['cell', String(number)],
  ...Object.entries(want.stdio),
  ...want.options.map((option): Field => ['option', option]),
  ...want.command.map((word): Field => ['word', word]),
  ...(want.netPath === null ? [] : [['net', want.netPath] as const]),
  ...(want.blocked ? [['blocked', '1'] as const] : []),
]

/** SAFE: no value can end its line, and NUL would begin another option of bubblewrap. */
const block = (verb: string, fields: readonly Field[]): string => {
  const lines = fields.map(([name, value]) => `${name} ${value}`)
  if (lines.some((line) => /[\0\n]/.test(line))) throw new RangeError('an order holds NUL or a line break')
  return [verb, ...lines, 'end'].join('\n')
}

type CellEvents = { started(pid: number): void; exit(exit: CellExit, why: string): void; lost(): void }
type Waiting = { resolve(value: string): void; reject(error: unknown): void }
type Talk = {
  readonly cells: Map<number, CellEvents>
  /** What comes after "ok". */
  ask(order: string): Promise<string>
  /** Not waited for: a cell that is gone needs no order. */
  tell(order: string): void
}

const talkTo = (line: AnchorLine): Talk => {
  const cells = new Map<number, CellEvents>()
  const waiting: Waiting[] = []
  line.onLine((said) => {
    const [verb = '', ...rest] = said.split(' ')
    const [number, ...values] = rest
    const cell = cells.get(Number(number))
    if (verb === 'ok') return waiting.shift()?.resolve(rest.join(' '))
    if (verb === 'started') return cell?.started(Number(values[0]))
    if (verb === 'exit') {
      cells.delete(Number(number))
      const [code, ran, ...why] = values
      return cell?.exit({ code: code === '-' ? null : Number(code), ran: ran === '1' }, why.join(' '))
    }
    waiting.shift()?.reject(refused(rest.join(' ')))
  })
  let isGone = false
  void line.gone.then(() => {
    isGone = true
    for (const { reject } of waiting.splice(0)) reject(lost())
    // Cells end with their anchor.
    for (const cell of cells.values()) cell.lost()
    cells.clear()
  })
  const ask = (order: string): Promise<string> =>
    new Promise((resolve, reject) => {
      if (isGone) return reject(lost())
      const timer = setTimeout(() => reject(refused(`${order.split(/\s/)[0]} takes too long`)), toolMs)
      const settle =
        <T>(how: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer)
          how(value)
        }
      waiting.push({ resolve: settle(resolve), reject: settle(reject) })
      line.write(`${order}\n`)
    })
  return { cells, ask, tell: (order) => void ask(order).catch(() => undefined) }
}

const refused = (why: string) => fault('E_SANDBOX_UNAVAILABLE', { detail: `nest: ${why}` })
const lost = () => fault('E_SANDBOX_LOST', { detail: 'the anchor of the nest is gone' })

/** From the order to start it to its end. */
const watch = (talk: Talk, number: number, group: CellGroup): Promise<Cell> =>
  new Promise((resolve, reject) => {
    const exited = Promise.withResolvers<CellExit>()
    const over = (exit: CellExit, why: Fault) => {
      clearTimeout(timer)
      reject(why)
      exited.resolve(exit)
    }
    let timer = setTimeout(() => {
      talk.tell(`kill ${number}`)
      // An anchor that obeys says that it ended; of one that does not, nothing will be heard.
      timer = setTimeout(() => talk.cells.get(number)?.lost(), toolMs)
    }, toolMs)
    talk.cells.set(number, {
      started: (pid) => {
        clearTimeout(timer)
        group.joined(pid)
        const unblock = () => talk.tell(`go ${number}`)
        const kill = () => talk.tell(`kill ${number}`)
        resolve(createCell({ pid, exited: exited.promise, unblock, kill, processes: group.processes }))
      },
      exit: (exit, why) => over(exit, refused(`bubblewrap did not build the cell: ${why || exit.code}`)),
      lost: () => over({ code: null, ran: true }, lost()),
    })
  })
