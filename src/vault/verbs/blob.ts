// Keys of stored objects. The server holds only sealed or wrapped keys; to show a log it asks here, per user, and every
// first opening of an object in an hour is counted and written down before the key leaves.
import { fromBase64Url, toBase64Url, utf8 } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import type { AttemptId } from '../../base/ids.ts'
import type { VaultAnswer, VaultRequest } from '../../protocol/vault.ts'
import {
  type CryptoKey,
  canonicalJson,
  importAesKey,
  logKeyBytes,
  openLogKey,
  openMv1,
  sealMv1,
} from '../../seal/index.ts'
import type { MasterKey } from '../keys/keyring.ts'
import type { ServiceKeys } from '../keys/service-keys.ts'
import type { OpenCounter } from '../policy/opens.ts'
import type { ProjectRecord, Records } from '../store/records.ts'
import { findProject, wrapContexts } from './project.ts'

export type BlobDeps = {
  readonly records: Records
  readonly master: MasterKey
  readonly keys: ServiceKeys
  readonly opens: OpenCounter
  readonly audit: (facts: Readonly<Record<string, string>>) => Promise<void>
}

export const openBlobKey = async (
  deps: BlobDeps,
  request: VaultRequest<'blob.key'>,
): Promise<VaultAnswer<'blob.key'>> => {
  const { object, user, reason, run, session } = request
  const project = findProject(deps.records, request.project)
  const key =
    request.sealedKey === undefined
      ? await unwrapLogKey(deps, project, { object, wrapped: request.wrapped ?? '' })
      : await unsealLogKey(deps, project, { object, sealedKey: request.sealedKey })
  try {
    if (deps.opens.count(user, object)) {
      const optional = {
        ...(run === undefined ? {} : { run }),
        ...(session === undefined ? {} : { session }),
      }
      await deps.audit({ verb: 'blob.key', object, project: project.project, user, reason, ...optional })
    }
    return { key: toBase64Url(key) }
  } finally {
    key.fill(0)
  }
}

/** When an attempt ends, its log key moves from the ingest key to the project's own key, which can be shredded. */
export const rewrapBlobKey = async (
  deps: BlobDeps,
  request: VaultRequest<'blob.rewrap'>,
): Promise<VaultAnswer<'blob.rewrap'>> => {
  const project = findProject(deps.records, request.project)
  const key = await unsealLogKey(deps, project, request)
  const wrapped = await sealMv1(await blobsKey(deps, project), key, objectAad(project, request.object))
  key.fill(0)
  return { wrapped }
}

const unsealLogKey = async (
  deps: BlobDeps,
  { project }: ProjectRecord,
  item: { readonly object: AttemptId; readonly sealedKey: string },
): Promise<Uint8Array> => {
  const sealed = fromBase64Url(item.sealedKey) ?? new Uint8Array(0)
  return requireLogKey(await openLogKey(deps.keys.ingest, sealed, { project, attempt: item.object }))
}

const unwrapLogKey = async (
  deps: BlobDeps,
  project: ProjectRecord,
  item: { readonly object: AttemptId; readonly wrapped: string },
): Promise<Uint8Array> => {
  const { id, key } = await blobsKey(deps, project)
  const keyFor = (keyId: string) => (keyId === id ? key : null)
  return requireLogKey(await openMv1(item.wrapped, { keyFor, aad: objectAad(project, item.object) }))
}

const requireLogKey = (key: Uint8Array | null): Uint8Array => {
  if (key?.length === logKeyBytes) return key
  throw fault('E_INPUT', { public: 'The key of this object was not sealed by this vault for it' })
}

/** The project's own key for stored objects. */
export const blobsKey = async (
  deps: Pick<BlobDeps, 'master'>,
  project: ProjectRecord,
): Promise<{ readonly id: string; readonly key: CryptoKey }> => {
  const raw = await deps.master.unwrap(project.blobs.wrapped, wrapContexts.blobs(project))
  const key = await importAesKey(raw)
  raw.fill(0)
  return { id: `blobs-${project.blobs.version}`, key }
}

const objectAad = ({ org, project }: ProjectRecord, object: AttemptId): Uint8Array =>
  utf8(canonicalJson({ kind: 'log-key', object, org, project }))
