// Requests to the server: TLS whose key is pinned, and a signature over method, address and body in each one
// (trust-model.md §5.2). The server's certificate means nothing; only its key does.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type TLSSocket, connect as tlsConnect } from 'node:tls'
import type { Clock, RandomBytes } from '../../base/clock.ts'
import { catalogue, type FaultCode, fault, isFault } from '../../base/faults.ts'
import { streamedBody } from '../../protocol/stored-wire.ts'
import { runnerRequestTyp } from '../../protocol/vault.ts'
import { type Sign, signJws } from '../../seal/index.ts'
import { answerBytesMax } from '../limits.ts'

export type RequestsDeps = {
  /** `https://host:port`, no trailing slash. */
  readonly url: string
  /** base64url SHA-256 of the server's SPKI. */
  readonly spkiSha256: string
  readonly runner: string
  readonly sign: Sign
  readonly clock: Clock
  readonly randomBytes: RandomBytes
}

/** A body too large for memory; `sha256` is base64url. */
export type FileBody = { readonly path: string; readonly length: number; readonly sha256: string }

export type Call = {
  readonly path: string
  readonly method?: 'POST' | 'PUT'
  readonly body: Uint8Array | FileBody
  readonly contentType: 'application/json' | 'application/octet-stream'
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export interface Requests {
  /** The parsed body, null without one. Rejects with the fault that the answer names, else E_UNREACHABLE. */
  send(call: Call): Promise<unknown>
  /** A body whose digest nobody knows yet: what is in it is signed afterwards, by a manifest. */
  upload(call: Streamed & { readonly content: AsyncIterable<Uint8Array> }): Promise<unknown>
  download(call: Streamed): AsyncIterable<Uint8Array>
  close(): void
}

export type Streamed = Pick<Call, 'path' | 'timeoutMs' | 'signal'>

export const createRequests = (deps: RequestsDeps): Requests => {
  const { agent, end } = createPinnedAgent(deps.spkiSha256)
  const { hostname, port } = new URL(deps.url)
  return {
    send: async (call) => {
      const method = call.method ?? 'POST'
      const headers = {
        authorization: await authorize(deps, method, call.path, digestOf(call.body)),
        'content-type': call.contentType,
        'content-length': call.body.length,
      }
      const sent = httpsRequest({
        agent,
        hostname,
        port,
        method,
        path: call.path,
        headers,
        signal: call.signal,
      })
      const late = setTimeout(() => sent.destroy(new Error('no answer in time')), call.timeoutMs)
      try {
        return readAnswer(await exchange(sent, call.body))
      } finally {
        clearTimeout(late)
      }
    },
    upload: async ({ content, ...call }) => {
      const authorization = await authorize(deps, 'PUT', call.path, streamedBody)
      const headers = { authorization, 'content-type': 'application/octet-stream' }
      const sent = httpsRequest({ ...{ agent, hostname, port, headers }, ...call, method: 'PUT' })
      const late = setTimeout(() => sent.destroy(new Error('no answer in time')), call.timeoutMs)
      try {
        return readAnswer(await exchange(sent, Readable.from(content, { objectMode: false })))
      } finally {
        clearTimeout(late)
      }
    },
    download: async function* (call) {
      const authorization = await authorize(deps, 'GET', call.path, digestOf(new Uint8Array(0)))
      const sent = httpsRequest({
        ...{ agent, hostname, port, headers: { authorization } },
        ...call,
        method: 'GET',
      })
      const late = setTimeout(() => sent.destroy(new Error('no answer in time')), call.timeoutMs)
      try {
        const answer = await answerOf(sent.end())
        if (answer.statusCode !== 200) throw asFault(answer.statusCode ?? 0, parseJson(await bytesOf(answer)))
        yield* answer as AsyncIterable<Buffer>
      } catch (cause) {
        throw isFault(cause) ? cause : fault('E_UNREACHABLE', { detail: 'request to the server', cause })
      } finally {
        clearTimeout(late)
        sent.destroy()
      }
    },
    close: end,
  }
}

const answerOf = (sent: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    sent.once('response', resolve)
    sent.on('error', reject)
  })

const authorize = async (
  deps: RequestsDeps,
  method: string,
  path: string,
  digest: string,
): Promise<string> => {
  const jws = await signJws(
    {
      typ: runnerRequestTyp,
      kid: deps.runner,
      claims: {
        iss: deps.runner,
        htm: method,
        htu: deps.url + path,
        bh: digest,
        iat: Math.floor(deps.clock.now() / 1000),
        jti: Buffer.from(deps.randomBytes(16)).toString('base64url'),
      },
    },
    deps.sign,
  )
  return `MF-Runner ${jws}`
}

const digestOf = (body: Call['body']): string =>
  body instanceof Uint8Array ? createHash('sha256').update(body).digest('base64url') : body.sha256

/** No byte of a request is written before the key of the other side has been compared. */
const createPinnedAgent = (spkiSha256: string): { readonly agent: Agent; readonly end: () => void } => {
  const agent = new Agent({ keepAlive: true, maxCachedSessions: 0 })
  // The agent knows a connection once it is made: those that are under way when it ends are ours to end.
  const connecting = new Set<TLSSocket>()
  // SAFE: the certificate is not checked against authorities or names, because its key is compared with the pin.
  const createConnection: Agent['createConnection'] = (options, done) => {
    const socket = tlsConnect({ ...options, rejectUnauthorized: false, minVersion: 'TLSv1.3' } as object)
    connecting.add(socket)
    socket.once('close', () => connecting.delete(socket))
    socket.once('secureConnect', () => {
      connecting.delete(socket)
      if (hasPinnedKey(socket, spkiSha256)) return done?.(null, socket)
      socket.destroy(new Error('the server shows another key than the pinned one'))
    })
    socket.once('error', (error) => done?.(error, socket))
    return undefined
  }
  agent.createConnection = createConnection
  const end = () => {
    agent.destroy()
    for (const socket of connecting) socket.destroy()
  }
  return { agent, end }
}

const hasPinnedKey = (socket: TLSSocket, spkiSha256: string): boolean => {
  const spki = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' })
  return spki !== undefined && createHash('sha256').update(spki).digest('base64url') === spkiSha256
}

type Answer = { readonly status: number; readonly bytes: Buffer }

/** Events, because an iterator of chunks shows in the profile of short jobs. */
const bytesOf = (answer: IncomingMessage): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    answer.on('error', reject)
    answer.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > answerBytesMax) answer.destroy(fault('E_PROTOCOL', { detail: 'answer too large' }))
      else chunks.push(chunk)
    })
    answer.on('end', () => resolve(Buffer.concat(chunks)))
  })

const exchange = (sent: ClientRequest, body: Call['body'] | Readable): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(isFault(cause) ? cause : fault('E_UNREACHABLE', { detail: 'request to the server', cause }))
    sent.on('error', fail)
    sent.on('response', (answer) => {
      bytesOf(answer).then((bytes) => resolve({ status: answer.statusCode ?? 0, bytes }), fail)
    })
    if (body instanceof Uint8Array) sent.end(body)
    else pipeline(body instanceof Readable ? body : createReadStream(body.path), sent).catch(fail)
  })

const readAnswer = ({ status, bytes }: Answer): unknown => {
  const body = parseJson(bytes)
  if (status >= 200 && status < 300) return body
  throw asFault(status, body)
}

const parseJson = (bytes: Buffer): unknown => {
  if (bytes.length === 0) return null
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return null
  }
}

/** A problem document names its fault; 409 on a lease means that it is lost. */
const asFault = (status: number, body: unknown) => {
  const code = typeof body === 'object' && body !== null && 'code' in body ? body.code : null
  const entry = Object.entries(catalogue).find(([symbol, row]) => symbol === code || row.number === code)
  // SAFE: a key of the catalogue.
  const symbol = (entry?.[0] as FaultCode | undefined) ?? byStatus(status)
  const words = symbol === 'E_SPEC_MISMATCH' ? wordsOf(body) : {}
  return fault(symbol, { ...words, detail: `the server answered ${status}` })
}

/** Of what the vault refused: a developer reads why. The words of every other code are the catalogue's. */
const wordsOf = (body: unknown): { readonly public?: string } =>
  typeof body === 'object' && body !== null && 'message' in body && typeof body.message === 'string'
    ? { public: body.message.slice(0, 300) }
    : {}

const byStatus = (status: number): FaultCode => {
  if (status === 401) return 'E_RUNNER_UNKNOWN'
  if (status === 409) return 'E_LEASE_LOST'
  return status >= 500 || status === 429 ? 'E_UNREACHABLE' : 'E_PROTOCOL'
}
