// A process that measures one checkout (worker.ts), and the way of asking it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Answer, Order } from './wire.ts'

export type Worker = {
  /** Throws what went wrong there. */
  readonly ask: (order: Order) => Promise<number>
  readonly close: () => Promise<void>
}

const answerDeadlineMs = 300_000
const closeDeadlineMs = 60_000

/** Builds the checkout first: what is measured is what a user of it would start. */
export const startWorker = async (checkout: string, directory: string): Promise<Worker> => {
  const launcher = join(checkout, 'mayfly')
  if (spawnSync('sh', [launcher, '--version'], { stdio: ['ignore', 'ignore', 'inherit'] }).status !== 0)
    throw new Error('it could not be built')
  await mkdir(directory)
  // The users of its installation pass through it.
  await chmod(directory, 0o711)
  return openWorker(checkout, directory)
}

export const openWorker = (checkout: string, directory: string): Worker => {
  const child = spawn(process.execPath, [join(checkout, 'bench/against/worker.ts'), directory], {
    cwd: checkout,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  // Of a worker that ended, the next line says it.
  child.stdin.on('error', () => undefined)
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const nextLine = async (): Promise<string> => {
    const late = setTimeout(() => child.kill('SIGKILL'), answerDeadlineMs)
    // It also ends when the process does.
    const line = await lines.next()
    clearTimeout(late)
    if (line.done === true) throw new Error('its worker ended')
    return line.value
  }
  return {
    ask: async (order) => {
      child.stdin.write(`${JSON.stringify(order)}\n`)
      const answer = JSON.parse(await nextLine()) as Answer
      if ('error' in answer) throw new Error(answer.error)
      return answer.value
    },
    close: () => end(child),
  }
}

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit', { signal: AbortSignal.timeout(closeDeadlineMs) })
  child.stdin?.end()
  await ended.catch(() => child.kill('SIGKILL'))
}
