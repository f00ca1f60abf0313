// Where a job keeps what outlives its sandbox: the runner's one seals it and gives it to the server (server-stores.ts),
// the one of `mayfly run` keeps it on this machine. The steps (steps/files/) know neither keys nor places.
import type { RestoreRequest, StoredRequest, StoreRequest } from '../../protocol/stored-wire.ts'

type Told<T> = T extends unknown ? Omit<T, 'v' | 'eph'> : never
export type StoreWant = Told<StoreRequest>
export type RestoreWant = Told<RestoreRequest>

export interface Stores {
  begin(want: StoreWant, signal: AbortSignal): Promise<Writing | NotKept>
  /** Layers of a workspace in the order in which they are put down, or the one cache that fits best. */
  restore(want: RestoreWant, signal: AbortSignal): Promise<readonly Restorable[]>
}

/** Nothing is stored, and nothing is wrong: a cache whose key there is already stays as it is. `why` is for the log. */
export type NotKept = { readonly why: string }

/** What is told beside the content, of the kinds that have it. */
export type StoredList = Pick<StoredRequest, 'entries' | 'tests'>

/** First the content, then the word that it is complete: without it nothing was stored. */
export interface Writing {
  put(content: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>
  finish(list: StoredList, signal: AbortSignal): Promise<void>
}

export type Restorable = {
  /** Of a cache. */
  readonly key: string
  /** The job that stored it, as people call it. */
  readonly from: string
  /** Earlier ones, by their position, that came from jobs which that job needed: those it may overwrite. */
  readonly after: readonly number[]
  /** Fails at its end when what came is not what was stored. */
  read(signal: AbortSignal): AsyncIterable<Uint8Array>
}
