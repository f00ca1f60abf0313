// The anchor of a nest: a shell that holds its mount namespace and obeys a handful of words (scripts.ts). It ends when
// its stdin ends, so a dead jailer leaves no namespace behind.
import { fault } from '../../base/faults.ts'
import { spawn } from '../../sys/index.ts'
import { anchorEndMs, toolMs } from '../limits.ts'
import { anchorScript } from './scripts.ts'

export interface Anchor {
  readonly pid: number
  /** False where the kernel has no `noswap`. */
  readonly noswap: boolean
  /** One order at a time; faults when it could not be done. */
  ask(order: string): Promise<void>
  /** Ends the shell and with it the namespace; resolves when the process is gone. Idempotent. */
  end(): Promise<void>
}

export type AnchorWant = {
  readonly directory: string
  readonly ramdisk: number
  readonly inodes: number
  readonly uid: number
  readonly base: string
  /** Pairs of a directory of the operator's and where it appears. */
  readonly tools: readonly { readonly directory: string; readonly at: string }[]
}

export const openAnchor = async (want: AnchorWant): Promise<Anchor> => {
  const shell = spawnAnchor(want)
  const end = async () => {
    shell.end()
    const timer = setTimeout(shell.kill, anchorEndMs)
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
  try {
    const [ready, swap] = (await shell.nextLine()).split(' ')
    if (ready !== 'ready') throw refused('build', shell.errors())
    return { pid: shell.pid, noswap: swap === 'noswap', ask, end }
  } catch (error) {
    await end()
    throw error
  }
}

const refused = (order: string, errors: string) =>
  fault('E_SANDBOX_UNAVAILABLE', { detail: `nest: ${order.split(' ')[0]} failed: ${errors.trim()}` })

const spawnAnchor = (want: AnchorWant) => {
  const { directory, ramdisk, inodes, uid, base, tools } = want
  const facts = [directory, ramdisk, inodes, uid, base].map(String)
  const child = spawn(
    'unshare',
    // SAFE: constant script; every value is a positional parameter of our own making.
    [
      '--mount',
      '--propagation',
      'private',
      '--',
      '/bin/sh',
      '-c',
      anchorScript,
      'mayfly-nest',
      ...facts,
    ].concat(tools.flatMap((tool) => [tool.directory, tool.at])),
    { stdio: ['pipe', 'pipe', 'pipe'] },
  )
  const lines = createLines()
  let errors = ''
  child.stdin?.on('error', () => undefined)
  child.stdout?.on('data', lines.push)
  child.stderr?.on('data', (chunk: Buffer) => {
    errors = `${errors}${chunk}`.slice(-4096)
  })
  child.once('error', (error) => {
    errors = String(error)
  })
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  void gone.then(lines.end)
  return {
    pid: child.pid ?? 0,
    gone,
    errors: () => errors,
    write: (text: string) => child.stdin?.write(text),
    end: () => child.stdin?.end(),
    kill: () => child.kill('SIGKILL'),
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
