// A question to the vault by way of the server: the answer is sealed to a key that lives for one question and that the signed
// request names, so that nobody in between reads it or gives another one.
import { toBase64Url } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import { object, parseShape, type Shape, text } from '../../base/shape.ts'
import { type CryptoKey, type OpeningKey, openRelease } from '../../seal/index.ts'
import { createEphemeralKey } from '../../sys/index.ts'
import { type AskDeps, askServer } from './ask-server.ts'

export type AskSealedDeps = AskDeps & { readonly vaultSignKey: CryptoKey }

/** `body` is what is asked beside the key. Rejects with the fault by which it is refused. */
export const askSealed = async <T>(
  deps: AskSealedDeps,
  verb: string,
  body: object,
  shape: Shape<T>,
  signal: AbortSignal,
): Promise<T> => {
  let eph: OpeningKey | null = null
  const request = async () => {
    // A new one each time: one that was asked with may be burnt, though its answer was lost.
    eph = createEphemeralKey()
    return { ...body, eph: [toBase64Url(eph.publicKey)] }
  }
  const { ticket, sealed } = await askServer(deps, verb, request, parseSealed, signal)
  const opened = eph === null ? null : await openRelease(eph, sealed, { ticket, vsign: deps.vaultSignKey })
  const payload = parseShape(shape, opened === null ? null : JSON.parse(Buffer.from(opened).toString('utf8')))
  opened?.fill(0)
  if (!payload.ok) throw fault('E_PROTOCOL', { detail: `what the vault is said to have released: ${verb}` })
  return payload.value
}

const sealedAnswer = object({ ticket: text({ max: 8192 }), sealed: text({ max: 2 * 1024 * 1024 }) })
const parseSealed = (json: unknown) => parseShape(sealedAnswer, json, 'E_PROTOCOL')
