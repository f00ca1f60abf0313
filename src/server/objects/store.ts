// Large sealed objects outside of the database: finished logs now, artifacts and caches later. Keys are made by the
// server from ids; an object is there completely or not at all; nothing is ever changed in place.

export interface ObjectStore {
  /**
   * Stores the stream under `key`, durably, and returns its size. Rejects, leaving nothing, when the stream fails or
   * grows past `bytesMax` (fault E_TOO_LARGE). An object that exists under the key is replaced.
   */
  put(
    key: string,
    content: AsyncIterable<Uint8Array>,
    options: { readonly bytesMax: number },
  ): Promise<number>
  /** Exactly `length` bytes at `offset`; fault E_OBJECT_MISSING when the object is not there or shorter. */
  read(key: string, range: { readonly offset: number; readonly length: number }): Promise<Uint8Array>
  /** Nothing happens when it is not there. */
  delete(key: string): Promise<void>
  /** The same, unless it was stored within so long (ms), or before that moment (ms since 1970). */
  deleteOlder(key: string, than: { readonly ageMs: number; readonly after: number }): Promise<void>
  /** Some of the keys there are; with every call others, until it begins anew. */
  someKeys(): Promise<readonly string[]>
  /** Removes what a crash left behind, and nothing that another server may still be writing. Called from time to time. */
  tidy(): Promise<void>
}
