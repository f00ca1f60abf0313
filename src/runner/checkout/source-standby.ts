// One cell for each source used lately, waiting for the next plan or checkout of that source (docs/decisions/0011).
import type { Log } from '../../base/log.ts'
import type { Source } from '../../protocol/runner-wire.ts'
import { readersMax, readerWaitMs, standbyRefillMs } from '../limits.ts'
import { createStandby, type Standby, type Startable } from '../standby.ts'

export interface SourceStandby<S, T> {
  /** The one that waits for this source, else null; either way one will. */
  take(source: S): Promise<T | null>
  close(): Promise<void>
}

export const createSourceStandby = <S extends Source, T extends Startable>(deps: {
  /** For logs. */
  readonly what: string
  readonly log: Log
  readonly open: (source: S) => Promise<T>
}): SourceStandby<S, T> => {
  const bySource = new Map<string, Standby<T>>()
  /** As the youngest; the oldest makes room. */
  const of = (source: S): Standby<T> => {
    const key = JSON.stringify(source, Object.keys(source).sort())
    const standby = bySource.get(key) ?? standbyFor(source)
    bySource.delete(key)
    bySource.set(key, standby)
    for (const oldest of [...bySource.keys()].slice(0, -readersMax)) {
      void bySource.get(oldest)?.close()
      bySource.delete(oldest)
    }
    return standby
  }
  const standbyFor = (source: S): Standby<T> =>
    createStandby({
      ...{ start: () => deps.open(source), what: deps.what, log: deps.log },
      ...{ refillMs: standbyRefillMs, ageMs: readerWaitMs, renew: false },
    })
  return {
    take: (source) => of(source).take(),
    close: async () => {
      await Promise.all([...bySource.values()].map((standby) => standby.close()))
    },
  }
}
