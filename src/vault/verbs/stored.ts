// Keys of stored objects (trust-model.md §6). A manifest counts when a runner signed it that is enrolled, covers the
// project and is admitted to the tier of the scope; a key goes to a job when its ticket may read that scope, and to a
// person only of artifacts and of results of tests. The server relays all of it and can widen none of it.
import { fromBase64Url, toBase64Url, utf8 } from '../../base/bytes.ts'
import { type Fault, fault } from '../../base/faults.ts'
import { parseShape } from '../../base/shape.ts'
import {
  type Manifest,
  manifestClaims,
  manifestTyp,
  mayRestore,
  tierOfScope,
} from '../../protocol/stored-object.ts'
import type { ObjectsPayload, TicketClaims, VaultAnswer, VaultRequest } from '../../protocol/vault.ts'
import {
  type CryptoKey,
  canonicalJson,
  importVerifyKey,
  logKeyBytes,
  openMv1,
  openObjectKey,
  sealMv1,
  sha256,
  verifyJws,
} from '../../seal/index.ts'
import type { MasterKey } from '../keys/keyring.ts'
import { tierRank } from '../policy/ticket.ts'
import type { ProjectRecord, Records } from '../store/records.ts'
import { type BlobDeps, blobsKey } from './blob.ts'
import { findProject } from './project.ts'

export type Kept = { readonly manifest: string; readonly wrapped: string }

export const keepObject = async (
  deps: Pick<BlobDeps, 'records' | 'master' | 'keys'>,
  { manifest, sealedKey }: VaultRequest<'object.keep'>,
): Promise<VaultAnswer<'object.keep'>> => {
  const claims = await verifyManifest(deps.records, manifest)
  const project = findProject(deps.records, claims.project)
  const sealed = fromBase64Url(sealedKey) ?? new Uint8Array(0)
  const key = await openObjectKey(deps.keys.ingest, sealed, manifest)
  if (key === null)
    throw fault('E_INPUT', { public: 'The key was not sealed to this vault for this manifest' })
  const wrapped = await sealMv1(await blobsKey(deps, project), key, await keptAad(project, manifest))
  key.fill(0)
  return { wrapped }
}

/** For a job: what it may read by its ticket, which its caller has checked. */
export const openObjects = async (
  deps: { readonly records: Records; readonly master: MasterKey },
  kept: readonly Kept[],
  claims: TicketClaims,
): Promise<ObjectsPayload> => ({
  objects: await Promise.all(
    kept.map(async (object) => {
      const manifest = await verifyManifest(deps.records, object.manifest)
      if (!mayRestore(claims, manifest)) throw outOfScope()
      const key = await unwrap(deps, manifest, object)
      const answer = { manifest: await digestOf(object.manifest), key: toBase64Url(key) }
      key.fill(0)
      return answer
    }),
  ),
})

export const openKeyForPerson = async (
  deps: BlobDeps,
  { kept, user, reason, session }: VaultRequest<'object.key'>,
): Promise<VaultAnswer<'object.key'>> => {
  const manifest = await verifyManifest(deps.records, kept.manifest)
  if (manifest.kind !== 'artifacts' && manifest.kind !== 'tests') throw outOfScope()
  const key = await unwrap(deps, manifest, kept)
  const { object, project, run } = manifest
  if (deps.opens.count(user, object)) {
    const facts = { object, project, run, user, reason, ...(session === undefined ? {} : { session }) }
    await deps.audit({ verb: 'object.key', ...facts })
  }
  const answer = { key: toBase64Url(key) }
  key.fill(0)
  return answer
}

/** The claims, when a runner signed them that may write where they say. One that was revoked vouches for nothing. */
const verifyManifest = async (records: Records, jws: string): Promise<Manifest> => {
  const signer: { tierMax: keyof typeof tierRank; covers: (claims: Manifest) => boolean; id: string }[] = []
  const claims = await verifyJws(jws, {
    typ: manifestTyp,
    keyFor: async (kid) => {
      const runner = records
        .list('runner')
        .find((record) => record.runner === kid && record.state === 'active')
      if (runner === undefined) return null
      const covers = ({ project }: Manifest) =>
        (runner.org === '*' || runner.org === findProject(records, project).org) &&
        (runner.projects === '*' || runner.projects.includes(project))
      signer.push({ tierMax: runner.tierMax, covers, id: runner.runner })
      return importVerifyKey(fromBase64Url(runner.publicKey) ?? new Uint8Array(0))
    },
  })
  const [by] = signer
  if (claims === null || by === undefined)
    throw fault('E_OBJECT_TAMPERED', { public: 'No runner that is enrolled signed this manifest' })
  const parsed = parseShape(manifestClaims, claims)
  if (!parsed.ok) throw fault('E_INPUT', { public: `manifest: ${parsed.problems[0]?.message}` })
  const manifest = parsed.value
  const isAdmitted = tierRank[tierOfScope(manifest)] <= tierRank[by.tierMax]
  if (manifest.iss !== by.id || !by.covers(manifest) || !isAdmitted) throw outOfScope()
  return manifest
}

const unwrap = async (
  deps: { readonly records: Records; readonly master: MasterKey },
  manifest: Manifest,
  kept: Kept,
): Promise<Uint8Array> => {
  const project = findProject(deps.records, manifest.project)
  const { id, key } = await blobsKey(deps, project)
  const keyFor = (keyId: string): CryptoKey | null => (keyId === id ? key : null)
  const opened = await openMv1(kept.wrapped, { keyFor, aad: await keptAad(project, kept.manifest) })
  if (opened?.length !== logKeyBytes)
    throw fault('E_INPUT', { public: 'The key of this object was not kept by this vault for its manifest' })
  return opened
}

const keptAad = async ({ org, project }: ProjectRecord, manifest: string): Promise<Uint8Array> =>
  utf8(canonicalJson({ kind: 'object-key', manifest: await digestOf(manifest), org, project }))

const digestOf = async (text: string): Promise<string> =>
  Buffer.from(await sha256(utf8(text))).toString('hex')

const outOfScope = (): Fault => fault('E_RUNNER_SCOPE')
