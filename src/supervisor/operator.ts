// The operator's own calls: to the vault's admin socket and to the server's operator socket, both 0600. What either
// refuses as a conflict is E_CONFLICT; everything else counts as being out of reach.
import { type FaultCode, fault } from '../base/faults.ts'
import { requestUnix } from '../sys/index.ts'
import type { Layout } from './layout.ts'

const callDeadlineMs = 20_000

export const callVaultAdmin = (layout: Layout, verb: string, body: unknown): Promise<unknown> =>
  call(layout.vaultAdminSocket, 'POST', `/v1/${verb}`, body, 'E_VAULT_UNAVAILABLE')

export const callOperator = (
  layout: Layout,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<unknown> => call(layout.operatorSocket, method, path, body, 'E_UNREACHABLE')

const call = async (
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  body: unknown,
  code: FaultCode,
): Promise<unknown> => {
  const answer = await requestUnix({
    socketPath,
    method,
    path,
    timeoutMs: callDeadlineMs,
    ...(body === undefined ? {} : { body }),
  })
  if (answer.status >= 200 && answer.status < 300) return answer.body
  throw fault(answer.status === 409 ? 'E_CONFLICT' : code, {
    public: `${path} answered ${answer.status}`,
    detail: JSON.stringify(answer.body).slice(0, 1000),
  })
}
