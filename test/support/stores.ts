// Stores for tests of attempts that store nothing.
import type { Stores } from '../../src/runner/index.ts'
import type { ServerStoresDeps } from '../../src/runner/stores/server-stores.ts'

const unexpected = async (): Promise<never> => {
  throw new Error('this test did not expect a step that stores or restores')
}

/** Of earlier tests nothing is known. */
export const noStores: Stores = {
  begin: unexpected,
  restore: async (want) => (want.kind === 'tests' ? [] : unexpected()),
}

/** A server that must not be asked. */
export const noServer = (
  clock: ServerStoresDeps['clock'],
  vaultSignKey: ServerStoresDeps['vaultSignKey'],
): ServerStoresDeps => ({
  requests: {
    send: unexpected,
    upload: unexpected,
    download: async function* () {
      yield await unexpected()
    },
    close: () => undefined,
  },
  sign: () => {
    throw new Error('this test did not expect a signature')
  },
  runner: 'rnr_none',
  ingestKey: new Uint8Array(32),
  ...{ clock, vaultSignKey },
})
