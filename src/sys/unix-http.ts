// One JSON request over a Unix socket, with a deadline and a bounded answer.
import { fault } from '../base/faults.ts'
import { http } from './http.ts'

export type UnixAnswer = { readonly status: number; readonly body: unknown }

const answerBytesMax = 8 * 1024 * 1024

/** Rejects with E_UNREACHABLE when nobody listens or no answer comes in `timeoutMs`. */
export const requestUnix = (call: {
  readonly socketPath: string
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: unknown
  readonly timeoutMs: number
}): Promise<UnixAnswer> =>
  new Promise((resolve, reject) => {
    const payload = call.body === undefined ? null : Buffer.from(JSON.stringify(call.body))
    const headers =
      payload === null ? {} : { 'content-type': 'application/json', 'content-length': payload.length }
    const fail = (cause: unknown) => {
      clearTimeout(timer)
      reject(fault('E_UNREACHABLE', { detail: `${call.method} ${call.path} at ${call.socketPath}`, cause }))
    }
    const sent = http().request(
      // No agent: a connection kept from before a restart of the other side fails the next call.
      { socketPath: call.socketPath, method: call.method, path: call.path, headers, agent: false },
      (answer) => {
        const chunks: Buffer[] = []
        let size = 0
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > answerBytesMax) return sent.destroy(new Error('the answer is too large'))
          chunks.push(chunk)
        })
        answer.on('error', fail)
        answer.on('end', () => {
          clearTimeout(timer)
          resolve({ status: answer.statusCode ?? 0, body: parseBody(Buffer.concat(chunks)) })
        })
      },
    )
    const timer = setTimeout(() => sent.destroy(new Error('no answer in time')), call.timeoutMs)
    sent.on('error', fail)
    sent.end(payload ?? undefined)
  })

const parseBody = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return bytes.toString('utf8')
  }
}
