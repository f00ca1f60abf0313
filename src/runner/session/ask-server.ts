// A question of an attempt to its server, asked again until something was said: what it is asked may be asked again.
import { utf8 } from '../../base/bytes.ts'
import { fault, isFault } from '../../base/faults.ts'
import type { Log } from '../../base/log.ts'
import type { Parsed } from '../../base/problem.ts'
import type { LeaseGrant } from '../../protocol/runner-wire.ts'
import { createBackoff } from '../backoff.ts'
import { askMs, requestDeadlineMs } from '../limits.ts'
import type { Requests } from './requests.ts'

export type AskDeps = {
  readonly requests: Requests
  readonly grant: Pick<LeaseGrant, 'lease'>
  readonly log: Log
}

/** `body` is made for every time it is asked. */
export const askServer = async <T>(
  { requests, grant, log }: AskDeps,
  verb: string,
  body: () => object | Promise<object>,
  parse: (json: unknown) => Parsed<T>,
  stop: AbortSignal,
): Promise<T> => {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(askMs)])
  const backoff = createBackoff()
  const call = {
    path: `/runner/v1/leases/${grant.lease}/${verb}`,
    contentType: 'application/json' as const,
    timeoutMs: requestDeadlineMs,
  }
  for (;;) {
    try {
      const sent = { ...call, body: utf8(JSON.stringify(await body())), signal }
      const answer = parse(await requests.send(sent))
      if (answer.ok) return answer.value
      throw fault('E_PROTOCOL', { detail: `an answer to "${verb}" that makes no sense` })
    } catch (error) {
      if (signal.aborted || !isFault(error) || !error.row.retryable) throw error
      log.warn('not said, trying again', { lease: grant.lease, verb, error })
      await backoff.wait(signal)
    }
  }
}
