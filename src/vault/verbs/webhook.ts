// The signature of a delivery: HMAC-SHA-256 of its body under the hook's secret, computed while the body arrives.
// An unknown hook, a malformed signature and a wrong one take the same path and get the same answer, so that neither
// words nor time tell which hooks exist.
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { RandomBytes } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import { parseId } from '../../base/ids.ts'
import {
  hookIdHeader,
  hookSignatureHeader,
  type WebhookAnswer,
  webhookBodyBytesMax,
} from '../../protocol/vault.ts'
import type { MasterKey } from '../keys/keyring.ts'
import type { ProjectRecord, Records } from '../store/records.ts'
import { projectOfHook, wrapContexts } from './project.ts'

export interface WebhookVerifier {
  verify(
    headers: Readonly<Record<string, string | undefined>>,
    body: AsyncIterable<Uint8Array>,
  ): Promise<WebhookAnswer>
}

/** The decoy is a secret of nobody, wrapped like all others: what an unknown hook is checked against. */
export const createWebhookVerifier = async (deps: {
  readonly records: Records
  readonly master: MasterKey
  readonly randomBytes: RandomBytes
}): Promise<WebhookVerifier> => {
  const context = { kind: 'hook-decoy', v: 1 }
  const decoy = { wrapped: await deps.master.wrap(deps.randomBytes(64), context), context, project: null }
  const secretOf = (record: ProjectRecord) => ({
    wrapped: record.hook.wrapped,
    context: wrapContexts.hook(record.project, record.hook.version),
    project: record.project,
  })
  return {
    verify: async (headers, body) => {
      const hook = parseId('hook', headers[hookIdHeader])
      const record = hook === null ? null : deps.records.find('project', projectOfHook(hook))
      const { wrapped, context, project } = record === null ? decoy : secretOf(record)
      const secret = await deps.master.unwrap(wrapped, context)
      const hmac = createHmac('sha256', secret)
      secret.fill(0)
      let size = 0
      for await (const chunk of body) {
        size += chunk.length
        if (size > webhookBodyBytesMax) throw fault('E_TOO_LARGE')
        hmac.update(chunk)
      }
      const isRight = timingSafeEqual(hmac.digest(), claimedDigest(headers[hookSignatureHeader]))
      return isRight && project !== null ? { ok: true, project } : { ok: false, project: null }
    },
  }
}

/** 32 bytes in every case: a malformed signature becomes zeros, which no HMAC is. */
const claimedDigest = (signature: string | undefined): Buffer => {
  const [, hex] = /^sha256=([0-9a-fA-F]{64})$/.exec(signature ?? '') ?? []
  return hex === undefined ? Buffer.alloc(32) : Buffer.from(hex, 'hex')
}
