// Seals for the keys of logs, one of them prepared before there is a log: most of sealing does not depend on what is sealed,
// and a job's first line would wait for it.
import { type LogKeySeal, prepareLogKeySeal } from '../../seal/index.ts'
import { createEphemeralKey } from '../../sys/index.ts'
import { sealRefillMs } from '../limits.ts'

export type LogKeySeals = {
  /** For one log. null: the ingest key cannot be used. */
  take(): Promise<LogKeySeal | null>
}

export const createLogKeySeals = (ingestKey: Uint8Array): LogKeySeals => {
  const prepare = () => {
    const seal = prepareLogKeySeal(ingestKey, createEphemeralKey())
    // Seen by whoever takes it.
    seal.catch(() => undefined)
    return seal
  }
  let waiting: Promise<LogKeySeal | null> | null = prepare()
  const refill = () => {
    waiting ??= prepare()
  }
  return {
    take: () => {
      const taken = waiting ?? prepare()
      waiting = null
      // First the job that took it: preparing another one would take its processor.
      setTimeout(refill, sealRefillMs).unref()
      return taken
    },
  }
}
