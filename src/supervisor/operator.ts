// The operator's own calls: to the vault's admin socket and to the server's operator socket, both 0600. What the vault refuses is
// the fault that it names; of the server a conflict is E_CONFLICT, and everything else counts as being out of reach.
import { fault } from '../base/faults.ts'
import { vaultErrorCode, vaultErrorWords } from '../protocol/vault.ts'
import { requestUnix } from '../sys/index.ts'
import type { Layout } from './layout.ts'

const callDeadlineMs = 20_000

export const callVaultAdmin = async (layout: Layout, verb: string, body: unknown): Promise<unknown> => {
  const path = `/v1/${verb}`
  const answer = await call(layout.vaultAdminSocket, { method: 'POST', path, body })
  if (isGood(answer)) return answer.body
  const words = vaultErrorWords(answer.body) ?? saidNothing(path, answer)
  throw fault(vaultErrorCode(answer.body), { public: words, detail: textOf(answer) })
}

export const callOperator = async (
  layout: Layout,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<unknown> => {
  const answer = await call(layout.operatorSocket, { method, path, body })
  if (isGood(answer)) return answer.body
  // SAFE: a problem (RFC 9457), if anything; what is no text is not shown.
  const { detail } = (answer.body ?? {}) as { readonly detail?: unknown }
  throw fault(answer.status === 409 ? 'E_CONFLICT' : 'E_UNREACHABLE', {
    public: typeof detail === 'string' ? detail : saidNothing(path, answer),
    detail: textOf(answer),
  })
}

type Answer = Awaited<ReturnType<typeof requestUnix>>

const call = (
  socketPath: string,
  { body, ...asked }: { method: 'GET' | 'POST'; path: string; body: unknown },
): Promise<Answer> =>
  requestUnix({
    ...{ socketPath, ...asked, timeoutMs: callDeadlineMs },
    ...(body === undefined ? {} : { body }),
  })

const isGood = ({ status }: Answer): boolean => status >= 200 && status < 300
const saidNothing = (path: string, { status }: Answer): string => `${path} answered ${status}`
const textOf = ({ body }: Answer): string => JSON.stringify(body).slice(0, 1000)
