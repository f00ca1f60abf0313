// Cells (isolation.md §2.3): one chain of execs enters the cgroups, the nest and its network, drops to the nest's uid
// and becomes bubblewrap. The options go in by a pipe, the filter by a file; output never passes through here.
import { closeSync, openSync, readFileSync, readlinkSync } from 'node:fs'
import type { Duplex } from 'node:stream'
import { fault } from '../../base/faults.ts'
import { type ChildProcess, spawn } from '../../sys/index.ts'
import { toolMs } from '../limits.ts'
import { type CellPlan, cellOptions, encodeOptions } from './cell-options.ts'
import { chainScript } from './scripts.ts'

export interface Cell {
  /** PID 1 of the cell, as the host sees it. */
  readonly pid: number
  /** Inode numbers of its namespaces, but for those of mounts and of the network. */
  readonly namespaces: readonly number[]
  /** Resolves once, when the cell is gone. `ran` is false when the command was never started. */
  readonly exited: Promise<CellExit>
  /** Lets a blocked cell go. */
  unblock(): void
  /** TERM to every process of the cell but its PID 1; KILL ends PID 1 and with it all. */
  signal(name: 'TERM' | 'KILL'): void
}
export type CellExit = { readonly code: number | null; readonly ran: boolean }

export type CellStart = {
  readonly plan: CellPlan
  readonly command: readonly string[]
  readonly anchor: number
  readonly uid: number
  readonly netPath: string | null
  /** cgroup.procs files to enter, and the way to list who is inside. */
  readonly enter: readonly string[]
  readonly processes: () => readonly number[]
  readonly seccompFile: string
  /** Opened ends of the job; closed here once the child has them. */
  readonly stdio: { readonly in: number | null; readonly out: number; readonly err: number }
  readonly fds: number
}

export const startCell = (want: CellStart): Promise<Cell> => {
  const child = spawnChain(want)
  writeOptions(child, cellOptions(want.plan))
  return watchCell(child, want.processes)
}

/** SAFE: options are ours alone (cell-options.ts); bwrap reads the pipe to its end before anything else. */
export const writeOptions = (child: ChildProcess, options: readonly string[]): void =>
  writeTo(child, 3, encodeOptions(options))

/** From the start of the chain to the end of the cell it becomes. `processes` lists who is in the nest's group. */
export const watchCell = async (child: ChildProcess, processes: () => readonly number[]): Promise<Cell> => {
  const status = readStatus(child)
  const exited = exitOf(child, status)
  const timer = setTimeout(() => child.kill('SIGKILL'), toolMs)
  const started = await Promise.race([status.started, exited.then(() => null)])
  clearTimeout(timer)
  if (started === null) throw fault('E_SANDBOX_UNAVAILABLE', { detail: 'bubblewrap did not build the cell' })
  return {
    pid: started.pid,
    namespaces: started.namespaces,
    exited,
    unblock: () => writeTo(child, 6, Buffer.from('\n')),
    signal: (name) => (name === 'KILL' ? void child.kill('SIGKILL') : terminate(started.pid, processes())),
  }
}

const spawnChain = (want: CellStart): ChildProcess => {
  const seccomp = openSync(want.seccompFile, 'r')
  const { stdio } = want
  const net = want.netPath === null ? [] : [`--net=${want.netPath}`]
  try {
    return spawn(
      '/bin/sh',
      // SAFE: constant script; paths of our own groups and processes, numbers, and the release's constant commands.
      [
        ...['-c', chainScript, 'mayfly-cell', String(want.fds), ...want.enter, '--'],
        ...['nsenter', `--mount=/proc/${want.anchor}/ns/mnt`, ...net],
        ...[
          '-S',
          String(want.uid),
          '-G',
          String(want.uid),
          '--',
          'bwrap',
          '--args',
          '3',
          '--',
          ...want.command,
        ],
      ],
      {
        // What bwrap is not told of would go on into the cell: the last pipe only where it is (probe F16).
        // The environment and the working directory of the chain show in the cell's /proc/1: PATH and `/` only.
        stdio: [stdio.in ?? 'ignore', stdio.out, stdio.err, 'pipe', seccomp, 'pipe'].concat(
          want.plan.blocked ? 'pipe' : [],
        ) as ('ignore' | 'pipe' | number)[],
      },
    )
  } finally {
    for (const fd of [seccomp, stdio.in, stdio.out, stdio.err]) if (fd !== null) closeSync(fd)
  }
}

const writeTo = (child: ChildProcess, index: 3 | 6, bytes: Buffer): void => {
  const pipe = pipeOf(child, index)
  pipe.on('error', () => undefined)
  pipe.end(bytes)
}

// SAFE: these are 'pipe' in `spawnChain`; Node's types end at the fourth.
const pipeOf = (child: ChildProcess, index: number): Duplex =>
  (child.stdio as unknown as Duplex[])[index] as Duplex

type Started = { readonly pid: number; readonly namespaces: readonly number[] }

/** bwrap's own report: a line with child and namespaces, and one with the exit code if the command was started. */
const readStatus = (child: ChildProcess) => {
  const pipe = pipeOf(child, 5)
  let text = ''
  let resolveStarted: (started: Started) => void = () => undefined
  const started = new Promise<Started>((resolve) => {
    resolveStarted = resolve
  })
  pipe.on('error', () => undefined)
  pipe.on('data', (chunk: Buffer) => {
    text = `${text}${chunk}`.slice(0, 4096)
    const pid = /"child-pid": (\d+)/.exec(text)?.[1]
    if (pid !== undefined && text.includes('}'))
      resolveStarted({ pid: Number(pid), namespaces: namespacesOf(Number(pid)) })
  })
  const ended = new Promise<void>((resolve) => pipe.once('close', () => resolve()))
  return { started, ended, ran: () => text.includes('"exit-code"') }
}

/** Its other pipes may be those of a nest's anchor, which lives on. */
const exitOf = (child: ChildProcess, status: { ended: Promise<void>; ran(): boolean }): Promise<CellExit> =>
  new Promise((resolve) => {
    child.once('error', () => resolve({ code: null, ran: false }))
    child.once('exit', (code) => void status.ended.then(() => resolve({ code, ran: status.ran() })))
  })

/** Without the network's: who is in it is in one of these too, and its number may be that of a network being made. */
const kinds = ['pid', 'user', 'ipc', 'uts', 'cgroup'] as const
/** Those that differ from the jailer's own. */
const namespacesOf = (pid: number): readonly number[] =>
  kinds.flatMap((kind) => {
    try {
      const link = readlinkSync(`/proc/${pid}/ns/${kind}`)
      if (link === readlinkSync(`/proc/self/ns/${kind}`)) return []
      return [Number(/\[(\d+)\]/.exec(link)?.[1])]
    } catch {
      return []
    }
  })

/** TERM to all who share PID 1's process namespace, itself apart. */
const terminate = (init: number, candidates: readonly number[]): void => {
  const namespace = pidNamespace(init)
  for (const pid of candidates)
    if (pid !== init && namespace !== '' && pidNamespace(pid) === namespace) send(pid, 'SIGTERM')
}

/**
 * A signal to the session `session` of the cell, a number inside it: hostile, so looked up among its members only. A step
 * says its number before it has begun its session: then it is the one process of this number.
 */
export const signalSession = (
  init: number,
  candidates: readonly number[],
  session: number,
  signal: 'SIGTERM' | 'SIGKILL',
): void => {
  const namespace = pidNamespace(init)
  for (const pid of candidates)
    if (pid !== init && namespace !== '' && pidNamespace(pid) === namespace && isOfSession(pid, session))
      send(pid, signal)
}

const pidNamespace = (pid: number): string => {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return ''
  }
}

const isOfSession = (pid: number, session: number): boolean => {
  try {
    const numbers = readFileSync(`/proc/${pid}/status`, 'utf8').matchAll(/^NS(?:sid|pid):\s+(.*)$/gm)
    return [...numbers].some(([, inside = '']) => Number(inside.split(/\s+/).at(-1)) === session)
  } catch {
    return false
  }
}

const send = (pid: number, signal: 'SIGTERM' | 'SIGKILL'): void => {
  try {
    // SAFE: just found in a group and a process namespace of this nest; the worst of a race is a process that ended.
    process.kill(pid, signal)
  } catch {
    // Already gone.
  }
}
