// The anchor of a nest: a shell that holds its namespaces and obeys a handful of words (scripts.ts). It ends when its
// orders end, so a dead jailer leaves no namespace behind. The process that built the nest leaves it behind and becomes
// the nest's job cell, so that both together cost one start of a program.
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Duplex } from 'node:stream'
import { fault } from '../../base/faults.ts'
import { type ChildProcess, spawn } from '../../sys/index.ts'
import { anchorEndMs, toolMs } from '../limits.ts'
import { writeOptions } from './cells.ts'
import { nestScript } from './scripts.ts'

export interface Anchor {
  readonly pid: number
  /** One order at a time; faults when it could not be done. */
  ask(order: string): Promise<void>
  /** Ends the shell; resolves when it is gone. The namespaces last as long as cells do. Idempotent. */
  end(): Promise<void>
}

export type AnchorWant = {
  readonly directory: string
  readonly uid: number
  readonly base: string
  /** Lines of an fstab, the ramdisk first. */
  readonly mounts: string
  /** Lines for `ip` in a network namespace of the nest's own; null without one. */
  readonly network: string | null
  /** cgroup.procs files. */
  readonly enter: readonly string[]
  readonly fds: number
  readonly options: readonly string[]
  readonly seccompFile: string
}

/** The job cell's process comes along: it is built at the same time, and is ours to watch and to end. */
export const openAnchor = async (want: AnchorWant): Promise<{ anchor: Anchor; child: ChildProcess }> => {
  // A file, because `mount` reads no pipe.
  const mounts = join(want.base, 'copied', `${basename(want.directory)}.fstab`)
  writeFileSync(mounts, want.mounts)
  const child = spawnNest(want, mounts)
  writeOptions(child, want.options)
  const shell = talkTo(child)
  let pid = 0
  const end = async () => {
    shell.end()
    const timer = setTimeout(() => kill(pid, child), anchorEndMs)
    await shell.gone
    clearTimeout(timer)
  }
  let last: Promise<unknown> = Promise.resolve()
  const ask = (order: string): Promise<void> => {
    const answer = last.then(async () => {
      shell.write(`${order}\n`)
      if ((await shell.nextLine()) !== 'ok') throw refused(order, shell.errors())
    })
    last = answer.catch(() => undefined)
    return answer
  }
  const [ready, number] = (await shell.nextLine()).split(' ')
  rmSync(mounts)
  if (ready === 'ready') {
    pid = Number(number)
    return { anchor: { pid, ask, end }, child }
  }
  child.kill('SIGKILL')
  await end()
  throw refused('build', shell.errors())
}

const kill = (pid: number, child: ChildProcess): void => {
  child.kill('SIGKILL')
  try {
    // SAFE: its end of the pipe is open, so it lives and the number is its own.
    if (pid > 0) process.kill(pid, 'SIGKILL')
  } catch {
    // It ended this moment.
  }
}

const refused = (order: string, errors: string) =>
  fault('E_SANDBOX_UNAVAILABLE', { detail: `nest: ${order.split(' ')[0]} failed: ${errors.trim()}` })

const spawnNest = (want: AnchorWant, mounts: string): ChildProcess => {
  const { directory, uid, base, network, enter, fds } = want
  const seccomp = openSync(want.seccompFile, 'r')
  const facts = [directory, base, uid, fds, mounts, network ?? ''].map(String)
  const namespaces = ['--mount', ...(network === null ? [] : ['--net']), '--propagation', 'private']
  try {
    return spawn(
      'unshare',
      // SAFE: constant script; every value is a positional parameter of our own making.
      [...namespaces, '--', '/bin/sh', '-c', nestScript, 'mayfly-nest', ...facts, ...enter],
      // What bwrap is not told of would go on into the cell (probe F16). The environment and the working directory show
      // in the cell's /proc/1: PATH and `/` only.
      // Orders have a pipe of their own: Node closes its end of a child's stdin when that ends, and the anchor lives on.
      { stdio: ['ignore', 'pipe', 'pipe', 'pipe', seccomp, 'pipe', 'pipe'] },
    )
  } finally {
    closeSync(seccomp)
  }
}

const talkTo = (child: ChildProcess) => {
  const lines = createLines()
  let errors = ''
  // SAFE: a pipe in `spawnNest`; Node's types end at the fifth.
  const orders = (child.stdio as unknown as Duplex[])[6] as Duplex
  orders.on('error', () => undefined)
  child.stdout?.on('data', lines.push)
  child.stderr?.on('data', (chunk: Buffer) => {
    errors = `${errors}${chunk}`.slice(-4096)
  })
  child.once('error', (error) => {
    errors = String(error)
    lines.end()
  })
  // The cell has other pipes: these are the anchor's.
  const gone = new Promise<void>((resolve) => child.stdout?.once('close', () => resolve()))
  void gone.then(lines.end)
  return {
    gone,
    errors: () => errors,
    write: (text: string) => orders.write(text),
    end: () => orders.destroy(),
    nextLine: () => withTimeout(lines.next(), toolMs),
  }
}

/** Lines as they come; an empty one when there will be no more. */
const createLines = () => {
  const ready: string[] = []
  const waiting: ((line: string) => void)[] = []
  let rest = ''
  let ended = false
  const push = (chunk: Buffer | string) => {
    const parts = `${rest}${chunk}`.split('\n')
    rest = (parts.pop() ?? '').slice(0, 4096)
    for (const line of parts) {
      const first = waiting.shift()
      if (first) first(line)
      else ready.push(line)
    }
  }
  const end = () => {
    ended = true
    for (const waiter of waiting.splice(0)) waiter('')
  }
  const next = (): Promise<string> => {
    const line = ready.shift()
    if (line !== undefined || ended) return Promise.resolve(line ?? '')
    return new Promise((resolve) => waiting.push(resolve))
  }
  return { push, end, next }
}

const withTimeout = async (line: Promise<string>, ms: number): Promise<string> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('late'), ms)
  })
  try {
    return await Promise.race([line, late])
  } finally {
    clearTimeout(timer)
  }
}
