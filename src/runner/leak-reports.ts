// A secret was in what an attempt said: that is told to the vault, by way of the server, in a body that this runner signs. Once for each
// secret, while the attempt goes on; its end waits for the answers.
import { toBase64Url } from '../base/bytes.ts'
import { isFault } from '../base/faults.ts'
import { type LeakReport, parseLeakAnswer } from '../protocol/leaks.ts'
import type { LeaseGrant } from '../protocol/runner-wire.ts'
import { createEphemeralKey } from '../sys/index.ts'
import { type AskDeps, askServer } from './session/ask-server.ts'

export interface LeakReports {
  /** By the name that the attempt has it under; null: the canary. */
  tell(secret: string | null): void
  /** Resolves when all was said, or could not be. */
  settled(): Promise<void>
}

export const createLeakReports = (
  deps: AskDeps & { readonly grant: Pick<LeaseGrant, 'attempt'> },
): LeakReports => {
  const pending: Promise<void>[] = []
  const send = async (secret: string | null): Promise<void> => {
    const body = async (): Promise<LeakReport> => {
      // A new one each time: one that was told with is burnt, though its answer was lost.
      const { publicKey } = createEphemeralKey()
      return { v: 1, attempt: deps.grant.attempt, secret, eph: [toBase64Url(publicKey)] }
    }
    try {
      // Also of an attempt that was cancelled meanwhile: no signal but the deadline.
      await askServer(deps, 'leak', body, parseLeakAnswer, new AbortController().signal)
    } catch (error) {
      const code = isFault(error) ? error.code : 'E_DEFECT'
      deps.log.error('a leaked secret could not be told of', { attempt: deps.grant.attempt, code, error })
    }
  }
  return {
    tell: (secret) => void pending.push(send(secret)),
    settled: async () => {
      await Promise.all(pending)
    },
  }
}
