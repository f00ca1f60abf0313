// How runner and server talk about stored objects (stored-object.ts), below `/runner/v1/leases/:lease/`:
//   store    a place for a new object; of a cache whose key there is already, nothing more is asked
//   PUT objects/:object   the sealed container, as a stream
//   stored   manifest, sealed key and list: from here on it exists
//   restore  which objects this job may read, their keys sealed by the vault to the runner's key
//   GET objects/:object   a sealed container
import type { ObjectId } from '../base/ids.ts'
import {
  either,
  hasTag,
  id,
  integer,
  list,
  nullable,
  object,
  oneOf,
  optional,
  parseShape,
  type Shaped,
  text,
} from '../base/shape.ts'
import { cacheKey } from './stored-object.ts'
import { testFacts } from './test-results.ts'

/** A stream is signed by its manifest, after it was sent; the request that carries it says this for its digest. */
export const streamedBody = 'stream'
export const restorePathForm = /\/runner\/v1\/leases\/lse_[0-9a-v]{26}\/restore$/
export const artifactsPerObjectMax = 20_000
export const layersMax = 200

const code = 'E_PROTOCOL'
const whole = integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const publicKey = text({ max: 43, min: 43, form: /^[A-Za-z0-9_-]+$/ })
export const manifestText = text({ max: 8192, form: /^[A-Za-z0-9_.-]+$/ })

const cachePlace = object({ v: oneOf(1), kind: oneOf('cache'), key: cacheKey })
const otherPlace = object({ v: oneOf(1), kind: oneOf('workspace', 'artifacts', 'tests') })
const storeRequest = either(hasTag('kind', 'cache'), cachePlace, otherPlace)
export type StoreRequest = Shaped<typeof storeRequest>
export const parseStoreRequest = (json: unknown) => parseShape(storeRequest, json, code)

const storeAnswer = either(
  hasTag('state', 'exists'),
  object({ state: oneOf('exists') }),
  object({ state: oneOf('open'), object: id('object'), scope: text({ max: 1100 }) }),
)
export type StoreAnswer = Shaped<typeof storeAnswer>
export const parseStoreAnswer = (json: unknown) => parseShape(storeAnswer, json, code)

/** One file among artifacts: `offset` and `length` are of its own zstd frame in the plaintext of the object. */
const artifactEntry = object({
  path: text({ max: 4096 }),
  size: whole,
  sha256: text({ max: 64, form: /^[0-9a-f]{64}$/ }),
  offset: whole,
  length: whole,
})
export type ArtifactEntry = Shaped<typeof artifactEntry>

const storedRequest = object({
  v: oneOf(1),
  manifest: manifestText,
  /** The object's key, sealed to the ingest key. */
  sealedKey: text({ max: 107, form: /^[A-Za-z0-9_-]+$/ }),
  entries: optional(list(artifactEntry, { max: artifactsPerObjectMax })),
  /** Of results of tests, and of nothing else. */
  tests: optional(testFacts),
})
export type StoredRequest = Shaped<typeof storedRequest>
export const parseStoredRequest = (json: unknown) => parseShape(storedRequest, json, code)

const eph = list(publicKey, { min: 1, max: 1 })
const restoreRequest = either(
  hasTag('kind', 'cache'),
  object({
    ...{ v: oneOf(1), kind: oneOf('cache'), eph, keys: list(cacheKey, { min: 1, max: 20 }) },
    /** Of those that pushes to a default or protected branch saved. */
    only: optional(oneOf('protected')),
  }),
  either(
    hasTag('kind', 'tests'),
    object({ v: oneOf(1), kind: oneOf('tests'), of: oneOf('timings', 'failed'), eph }),
    object({ v: oneOf(1), kind: oneOf('workspace'), eph }),
  ),
)
export type RestoreRequest = Shaped<typeof restoreRequest>
export const parseRestoreRequest = (json: unknown) => parseShape(restoreRequest, json, code)

/** `from`: the job as people call it. `after`: earlier ones in this list that it may overwrite, by position. */
const restorable = object({
  manifest: manifestText,
  from: text({ max: 1100, min: 0 }),
  after: list(integer({ min: 0, max: layersMax }), { max: layersMax }),
  savedAt: whole,
})
const restoreAnswer = object({
  objects: list(restorable, { max: layersMax }),
  /** The vault's answer about all of them; null where there is none. */
  release: nullable(object({ ticket: text({ max: 8192 }), sealed: text({ max: 400_000 }) })),
})
export type RestoreAnswer = Shaped<typeof restoreAnswer>
export const parseRestoreAnswer = (json: unknown) => parseShape(restoreAnswer, json, code)

export const objectPath = (lease: string, of: ObjectId): string => `/runner/v1/leases/${lease}/objects/${of}`
