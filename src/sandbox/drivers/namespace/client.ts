// The runner's end of the line to the jailer: one promise per verb, with the handles that came for it. When the line
// closes, everything waiting fails: the jailer then destroys what it held.
import { fault } from '../../../base/faults.ts'
import type { Channel } from '../../channel.ts'
import { callMs, destroyMs, goneNestsMax } from '../../limits.ts'
import type { RawHandle } from '../../pipes.ts'
import { type HandlePart, isAnswer, parseRequest, type VerbArguments, type VerbName } from '../../verbs.ts'

export type Reply = {
  readonly value: unknown
  /** Of the call's own set; `nest.prepare` brings those of the job cell's stream and of its first step, 0 and 1. */
  take(part: HandlePart, set?: number): RawHandle
  parts(): readonly HandlePart[]
}
export type CellExit = { readonly code: number | null; readonly ran: boolean }

const lost: CellExit = { code: null, ran: true }

export interface JailerClient {
  /** `onLate` gets what comes after nobody waited any more, to undo it; its handles are closed. */
  call<V extends VerbName>(verb: V, args: VerbArguments[V], onLate?: (value: unknown) => void): Promise<Reply>
  /** Settles also when the cell, or its whole nest, ended before anybody asked. */
  cellExit(nest: string, cell: number): Promise<CellExit>
  /** The nest is proven gone, and its cells with it: whoever waits for the end of one hears of it now. */
  forget(nest: string): void
}

type Pending = {
  readonly handles: Handles
  resolve(reply: Reply): void
  reject(error: unknown): void
}
type Handles = { readonly part: HandlePart; readonly set: number; readonly handle: RawHandle }[]
type ExitWait = {
  readonly promise: Promise<CellExit>
  readonly resolve: (exit: CellExit) => void
}

export const createJailerClient = (channel: Channel): JailerClient => {
  const pending = new Map<number, Pending>()
  const exits = new Map<string, ExitWait>()
  /** The last ones: news of their cells may still be under way, and a step that was being started may only now ask for its end. */
  const gone = new Set<string>()
  let lastCall = 0
  let closed = false

  const keyOf = (nest: string, cell: number): string => `${nest} ${cell}`
  const exitOf = (key: string): ExitWait => {
    const wait = exits.get(key) ?? createWait()
    exits.set(key, wait)
    return wait
  }
  channel.onMessage((message, handle) => {
    if (!isAnswer(message)) return handle?.close()
    if ('part' in message) {
      const call = pending.get(message.call)
      if (call === undefined || handle === undefined) return handle?.close()
      call.handles.push({ part: message.part, set: message.set, handle })
    } else if ('ran' in message) {
      if (!gone.has(message.nest)) exitOf(keyOf(message.nest, message.cell)).resolve(message)
    } else {
      const call = pending.get(message.re)
      pending.delete(message.re)
      if ('fault' in message) {
        for (const { handle } of call?.handles ?? []) handle.close()
        call?.reject(fault(message.fault.code, message.fault))
      } else call?.resolve(replyOf(message.value, call.handles))
    }
  })
  channel.onClose(() => {
    closed = true
    for (const call of pending.values()) call.reject(lineClosed())
    for (const wait of exits.values()) wait.resolve(lost)
    pending.clear()
    gone.clear()
  })
  const call: JailerClient['call'] = (verb, args, onLate = () => undefined) =>
    new Promise((resolve, reject) => {
      if (closed) return reject(lineClosed())
      const number = ++lastCall
      const request = { call: number, verb, with: args }
      const problem = problemOf(request)
      if (problem !== null) return reject(problem)
      const handles: Handles = []
      const settle = <T>(how: (value: T) => void, value: T) => {
        clearTimeout(timer)
        pending.delete(number)
        how(value)
      }
      const timer = setTimeout(() => {
        settle(reject, fault('E_SANDBOX_DEADLINE', { detail: verb }))
        const late = ({ value }: Reply) => {
          for (const { handle } of handles) handle.close()
          onLate(value)
        }
        pending.set(number, { handles, resolve: late, reject: () => undefined })
      }, limitMs(verb))
      pending.set(number, {
        handles,
        resolve: (reply) => settle(resolve, reply),
        reject: (error) => settle(reject, error),
      })
      channel
        .send(request)
        .catch((cause) => settle(reject, fault('E_EXEC_FAILED', { detail: 'the jailer is gone', cause })))
    })
  return {
    call,
    cellExit: (nest, cell) =>
      closed || gone.has(nest) ? Promise.resolve(lost) : exitOf(keyOf(nest, cell)).promise,
    forget: (nest) => {
      for (const [key, wait] of [...exits]) {
        if (!key.startsWith(`${nest} `)) continue
        exits.delete(key)
        wait.resolve(lost)
      }
      gone.add(nest)
      const [oldest] = gone
      if (gone.size > goneNestsMax && oldest !== undefined) gone.delete(oldest)
    },
  }
}

const limitMs = (verb: VerbName): number => (verb === 'nest.destroy' ? destroyMs : callMs)

/** What the jailer would end the line for is refused here: values of a plan may be wrong without anybody being hostile. */
const problemOf = (request: { readonly verb: VerbName }) => {
  const parsed = parseRequest(request)
  if (parsed.ok) return null
  const words = parsed.problems.map((problem) => problem.message).join('; ')
  return fault('E_SANDBOX_UNAVAILABLE', { public: `no sandbox can be built like this: ${words}` })
}

const lineClosed = () => fault('E_EXEC_FAILED', { detail: 'the line to the jailer is closed' })

const createWait = (): ExitWait => {
  const { promise, resolve } = Promise.withResolvers<CellExit>()
  return { promise, resolve }
}

const replyOf = (value: unknown, handles: Handles): Reply => ({
  value,
  parts: () => handles.map(({ part }) => part),
  take: (part, set) => {
    const at = handles.findIndex((one) => one.part === part && (set === undefined || one.set === set))
    const [taken] = at < 0 ? [] : handles.splice(at, 1)
    if (taken === undefined) throw fault('E_EXEC_FAILED', { detail: `the jailer sent no handle "${part}"` })
    return taken.handle
  },
})
