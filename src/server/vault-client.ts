// The server's way to the vault: JSON over its Unix socket, a deadline on every call, answers checked by the protocol's
// shapes. A vault that is down, sealed or talks nonsense is a fault that may be retried; the server holds no secret.
import type { Agent, IncomingMessage } from 'node:http'
import { type FaultCode, fault, isFault } from '../base/faults.ts'
import { parseShape, type Shape } from '../base/shape.ts'
import {
  hookIdHeader,
  hookSignatureHeader,
  type VaultAnswer,
  type VaultRequest,
  type VaultVerb,
  vaultAnswerBytesMax,
  vaultErrorCode,
  vaultErrorWords,
  vaultVerbs,
  type WebhookAnswer,
  webhookAnswer,
} from '../protocol/vault.ts'
import { http } from '../sys/index.ts'
import { limits } from './limits.ts'
import { type Meter, noMeter } from './telemetry/meter.ts'

export type VaultClient = {
  call<V extends VaultVerb>(verb: V, request: VaultRequest<V>): Promise<VaultAnswer<V>>
  /** Whether `body` is signed for `hook`, and whose hook it is. */
  verifyWebhook(delivery: {
    readonly hook: string
    readonly signature: string
    readonly body: Uint8Array
  }): Promise<WebhookAnswer>
  close(): void
}

export const createVaultClient = (options: {
  readonly socket: string
  readonly meter?: Pick<Meter, 'vaultAnswered'>
}): VaultClient => {
  const { Agent } = http()
  const agent = new Agent({ keepAlive: true, maxSockets: 16, keepAliveMsecs: 30_000 })
  const { meter = noMeter } = options
  const post = async (message: Message) => {
    const begun = performance.now()
    const answered = (outcome: string) =>
      meter.vaultAnswered(message.verb, outcome, performance.now() - begun)
    try {
      const answer = await send({ agent, socket: options.socket, message })
      answered('ok')
      return answer
    } catch (error) {
      answered(isFault(error) ? error.code : 'E_INTERNAL')
      throw error
    }
  }
  return {
    call: async (verb, request) => {
      const body = Buffer.from(JSON.stringify(request))
      const answer = await post({ verb, headers: { 'content-type': 'application/json' }, body })
      // SAFE: the table gives each verb the shape of its own answer; the types cannot follow a verb that is a variable.
      return checked(vaultVerbs[verb].answer as Shape<VaultAnswer<typeof verb>>, answer)
    },
    verifyWebhook: async ({ hook, signature, body }) => {
      const headers = {
        'content-type': 'application/octet-stream',
        [hookIdHeader]: hook,
        [hookSignatureHeader]: signature,
      }
      return checked(webhookAnswer, await post({ verb: 'webhook.verify', headers, body }))
    },
    close: () => agent.destroy(),
  }
}

type Message = {
  readonly verb: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

const checked = <T>(shape: Shape<T>, answer: unknown): T => {
  const parsed = parseShape(shape, answer)
  if (!parsed.ok) throw unavailable(`its answer has another shape: ${parsed.problems[0]?.message}`)
  return parsed.value
}

const send = async (target: { agent: Agent; socket: string; message: Message }): Promise<unknown> => {
  const { status, text } = await exchange(target)
  const answer = parseJson(text)
  if (status === 200) return answer
  const code = vaultErrorCode(answer)
  // Whoever sent what cannot be taken, or proved something else, is told what; the words of every other code are the catalogue's.
  const words = worded.has(code) ? vaultErrorWords(answer) : null
  const detail = `vault ${target.message.verb}: ${status} ${text.slice(0, 300)}`
  throw fault(code, words === null ? { detail } : { public: words, detail })
}

const worded: ReadonlySet<FaultCode> = new Set([
  ...(['E_INPUT', 'E_TOO_LARGE', 'E_CONFLICT', 'E_REPO_MISMATCH'] as const),
  ...(['E_SPEC_MISMATCH', 'E_STMT_KEPT', 'E_STMT_SECOND'] as const),
])

const exchange = ({ agent, socket, message }: { agent: Agent; socket: string; message: Message }) =>
  new Promise<{ status: number; text: string }>((resolve, reject) => {
    const fail = (cause: unknown) => reject(unavailable(`${message.verb} did not get through`, cause))
    const request = http().request(
      {
        agent,
        socketPath: socket,
        method: 'POST',
        path: `/v1/${message.verb}`,
        headers: { ...message.headers, 'content-length': message.body.length },
        signal: AbortSignal.timeout(limits.vaultMs),
      },
      (response) => {
        readText(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), fail)
      },
    )
    request.on('error', fail)
    request.end(message.body)
  })

const readText = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > vaultAnswerBytesMax) throw new RangeError('the answer is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const unavailable = (detail: string, cause?: unknown) => fault('E_VAULT_UNAVAILABLE', { detail, cause })
