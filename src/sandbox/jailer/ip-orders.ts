// One `ip -batch -` that lives in the gateway's namespace: an order there costs no process. It says errors and answers
// on one stream and goes on after both; the last line of what is asked after each order tells that it was done.
import { fault } from '../../base/faults.ts'
import { type ChildProcess, spawn } from '../../sys/index.ts'
import { toolMs } from '../limits.ts'

export interface IpOrders {
  /** What was said meanwhile, errors included. */
  ask(lines: readonly string[]): Promise<string>
  /** Those asked for while others are being removed are removed together: the kernel waits as long for one as for all. */
  removeLinks(names: readonly string[]): void
  /** Resolves when the program is gone. */
  close(): Promise<void>
}

/** Interfaces about to be removed are gathered in this group of the gateway's. */
const doomed = 77
const question = 'link show dev lo'
const lastLine = /^ +link\/loopback .*\n/m

export const openIpOrders = (gatewayPath: string): IpOrders => {
  let child: ReturnType<typeof startIp> | null = null
  const ask = (lines: readonly string[]): Promise<string> => {
    // A program that ended is started again: the orders do not depend on earlier ones.
    if (child === null || child.hasEnded()) child = startIp(gatewayPath)
    return child.ask(lines)
  }
  const waiting = new Set<string>()
  let removing = false
  const removeAll = async (): Promise<void> => {
    removing = true
    while (waiting.size > 0) {
      const names = [...waiting]
      waiting.clear()
      // Who waits for the links looks for himself, and says what is left.
      await ask([
        ...names.map((name) => `link set ${name} group ${doomed}`),
        `link del group ${doomed}`,
      ]).catch(() => undefined)
    }
    removing = false
  }
  return {
    ask,
    removeLinks: (names) => {
      for (const name of names) waiting.add(name)
      if (!removing) void removeAll()
    },
    close: async () => child?.close(),
  }
}

type Waiting = { resolve(said: string): void; reject(error: unknown): void }

const startIp = (gatewayPath: string) => {
  // SAFE: constant text; its one parameter is a path of our own.
  const child: ChildProcess = spawn(
    '/bin/sh',
    ['-c', 'exec nsenter --net="$1" -- ip -force -batch - 2>&1', 'sh', gatewayPath],
    { stdio: ['pipe', 'pipe', 'ignore'] },
  )
  const waiting: Waiting[] = []
  let rest = ''
  let ended = false
  child.stdin?.on('error', () => undefined)
  child.stdout?.on('data', (chunk: Buffer) => {
    rest += chunk
    for (let found = lastLine.exec(rest); found !== null; found = lastLine.exec(rest)) {
      const end = found.index + found[0].length
      waiting.shift()?.resolve(rest.slice(0, end))
      rest = rest.slice(end)
    }
  })
  const end = () => {
    ended = true
    for (const one of waiting.splice(0))
      one.reject(fault('E_SANDBOX_LOST', { detail: `ip ended: ${rest.slice(0, 500)}` }))
  }
  child.once('error', end)
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  void gone.then(end)
  const ask = (lines: readonly string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), toolMs)
      const settle =
        <T>(how: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer)
          how(value)
        }
      waiting.push({ resolve: settle(resolve), reject: settle(reject) })
      child.stdin?.write(`${[...lines, question].join('\n')}\n`)
    })
  const close = async () => {
    child.stdin?.end()
    const timer = setTimeout(() => child.kill('SIGKILL'), toolMs)
    await gone
    clearTimeout(timer)
  }
  return { ask, hasEnded: () => ended, close }
}
