// What every part of a lease's life is given: the machine's side (`LeaseDeps`) and this lease's own (`Life`).
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Evidence } from '../../protocol/evidence.ts'
import type { FinishRequest, LeaseGrant } from '../../protocol/runner-wire.ts'
import type { UsageSeries } from '../../protocol/usage-series.ts'
import type { CryptoKey, OpeningKey, Sign } from '../../seal/index.ts'
import type { AttemptResult, StopReason } from '../attempt.ts'
import type { LogKeySeals } from '../logs/log-key-seals.ts'
import type { Shipper } from '../logs/shipper.ts'
import type { AttemptSink } from '../sink.ts'
import type { ServerStoresDeps } from '../stores/server-stores.ts'
import type { Requests } from './requests.ts'

export type CarriedOut = AttemptResult & {
  readonly result: FinishRequest['result']
  /** What of it this runner keeps for a while; stands in the receipt. */
  readonly kept: { readonly pack?: string; readonly connection?: string }
  /** Names of the secrets that its steps could have. */
  readonly secretNames?: readonly string[]
  /** What they were released for. */
  readonly evidence?: Evidence
}

export type LeaseDeps = {
  readonly requests: Requests
  readonly shipper: Shipper
  /** With the runner's own key. */
  readonly sign: Sign
  readonly runner: string
  /** To the vault's ingest key. */
  readonly logKeySeals: LogKeySeals
  readonly ingestKey: Uint8Array
  readonly vaultSignKey: CryptoKey
  /** For sealed frames of long logs, until they are packed. */
  readonly spoolDirectory: string
  readonly clock: Clock
  readonly log: Log
  /** The attempt by its kind. Resolves always. */
  readonly carryOut: (
    grant: LeaseGrant,
    eph: OpeningKey | null,
    sink: AttemptSink,
    signal: AbortSignal,
    stores: ServerStoresDeps,
  ) => Promise<CarriedOut>
  readonly weak: readonly string[]
  /** Whether another attempt could begin now, beside those that are there. */
  readonly hasRoom: () => boolean
}

export type Life = {
  readonly deps: LeaseDeps
  readonly grant: LeaseGrant
  readonly eph: OpeningKey | null
  readonly stop: AbortSignal
  readonly lost: AbortSignal
  readonly onStop: (reason: StopReason) => void
  readonly watching: { set: (watched: boolean) => void; used: () => UsageSeries | null }
}
