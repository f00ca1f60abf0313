// Starts main/binder.ts in the gateway's namespace, takes the raw handles of what it bound, and lets it end.
import { fault } from '../../base/faults.ts'
import { spawn } from '../../sys/index.ts'
import type { RawHandle } from '../pipes.ts'

/** A raw libuv handle, never read here: the jailer only sends it on (`child.send(message, handle)`). */
export type NetHandle = {
  readonly port: number
  readonly proto: 'tcp' | 'udp'
  readonly handle: RawHandle
}

const setupMs = 10_000
const portsMax = 64

type BinderOrder = { readonly dnsAddress: string | null; readonly ports: readonly number[] }
type BinderAnswer = {
  readonly proto?: 'tcp' | 'udp'
  readonly port?: number
  readonly done?: true
  readonly failed?: string
}

export const bindListeners = (
  [file, ...args]: readonly [string, ...string[]],
  gatewayPath: string,
  order: BinderOrder,
): Promise<readonly NetHandle[]> =>
  new Promise((resolve, reject) => {
    if (order.ports.length > portsMax)
      return reject(fault('E_SANDBOX_UNAVAILABLE', { detail: 'too many ports in one policy' }))
    const bound: NetHandle[] = []
    const child = spawn('nsenter', [`--net=${gatewayPath}`, '--', file, ...args], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    let errors = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      errors = `${errors}${chunk}`.slice(0, 4096)
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), setupMs)
    let isDone = false
    const fail = (why: string) => {
      if (isDone) return
      for (const { handle } of bound) handle.close()
      reject(fault('E_SANDBOX_UNAVAILABLE', { detail: `the listeners could not be bound: ${why}` }))
    }
    child.on('message', (answer: BinderAnswer, handle: unknown) => {
      if (answer.proto !== undefined && answer.port !== undefined)
        // SAFE: sent by our own program, which sends nothing but libuv handles.
        bound.push({ proto: answer.proto, port: answer.port, handle: handle as RawHandle })
      if (answer.done) {
        isDone = true
        resolve(bound)
      }
      if (answer.failed !== undefined) errors += answer.failed
      if (answer.done || answer.failed !== undefined) child.disconnect()
    })
    child.once('error', (error) => fail(String(error)))
    child.once('exit', () => {
      clearTimeout(timer)
      fail(errors)
    })
    child.send(order)
  })
