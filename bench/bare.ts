// What the machine does without us: the baselines of performance.md §2, each exactly as its table says.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { spawn } from '../src/sys/index.ts'
import { startClock } from './clock.ts'

/** "Bare bwrap": no limit, no filter, no network rules, started by Node with `PATH` only. */
const startBwrap = (): ChildProcess =>
  spawn('bwrap', ['--unshare-all', '--ro-bind', '/', '/', '/bin/bash', '-c', 'echo hi'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })

/** To the first byte; returns when the process is gone. */
export const bwrapFirstByte = async (): Promise<number> => {
  const elapsed = startClock()
  const child = startBwrap()
  const closed = once(child, 'close')
  const chunk = await firstChunk(child)
  const ms = elapsed()
  await closed
  if (chunk !== 'hi\n') throw new Error(`bare bwrap said ${JSON.stringify(chunk)}`)
  return ms
}

export const bwrapFinished = async (): Promise<number> => {
  const elapsed = startClock()
  const child = startBwrap()
  child.stdout?.resume()
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`bare bwrap ended with ${code}`)
  return elapsed()
}

/** So many at the same time, all the time, until `count` have finished; per second. */
export const bwrapRate = async (count: number, atOnce: number): Promise<number> => {
  let left = count
  const lane = async () => {
    while (left-- > 0) await bwrapFinished()
  }
  const elapsed = startClock()
  await Promise.all(Array.from({ length: atOnce }, lane))
  return (count / elapsed()) * 1000
}

/** Node's own start and end. */
export const nodeStartAndExit = async (): Promise<number> => {
  const elapsed = startClock()
  const [code] = await once(spawn(process.execPath, ['-e', '0'], { stdio: 'inherit' }), 'close')
  if (code !== 0) throw new Error(`node ended with ${code}`)
  return elapsed()
}

/** An idle `http` server and nothing else. */
export const startBareNode = async (): Promise<ChildProcess> => {
  const script = `require('http').createServer().listen(0, '127.0.0.1', () => console.log('ready'))`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await firstChunk(child)
  return child
}

const firstChunk = async (child: ChildProcess): Promise<string> => {
  const { stdout } = child
  if (stdout === null) throw new TypeError('a child without stdout')
  const [chunk] = await once(stdout, 'data', { signal: AbortSignal.timeout(30_000) })
  stdout.resume()
  return String(chunk)
}
