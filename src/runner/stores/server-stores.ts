// The stores of an attempt whose runner has a server: what is kept is sealed here under a key of its own, which only the
// vault can open afterwards, and named in a manifest that this runner signs. What comes back is believed for what the
// vault vouches for and for what this attempt's own ticket allows, never for what the server says.
import { createHash } from 'node:crypto'
import { fromBase64Url, toBase64Url, utf8 } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import { parseShape } from '../../base/shape.ts'
import type { JobLease, LeaseGrant } from '../../protocol/runner-wire.ts'
import {
  cacheScopes,
  isProtectedScope,
  isShared,
  type Manifest,
  manifestTyp,
  mayRestore,
  readManifest,
  runScope,
  type ScopeFacts,
} from '../../protocol/stored-object.ts'
import { objectPath, parseRestoreAnswer, parseStoreAnswer } from '../../protocol/stored-wire.ts'
import { objectsPayload } from '../../protocol/vault.ts'
import {
  type CryptoKey,
  decryptBlob,
  encryptBlob,
  generateLogKey,
  openRelease,
  type Sign,
  sealObjectKey,
  signJws,
} from '../../seal/index.ts'
import { createEphemeralKey } from '../../sys/index.ts'
import { archiveMs, requestDeadlineMs } from '../limits.ts'
import type { Requests } from '../session/requests.ts'
import type { Restorable, Stores, StoreWant, Writing } from './stores.ts'

export type ServerStoresDeps = {
  readonly requests: Requests
  readonly sign: Sign
  readonly runner: string
  readonly ingestKey: Uint8Array
  readonly vaultSignKey: CryptoKey
  readonly clock: Clock
}

type Of = ServerStoresDeps & {
  readonly grant: LeaseGrant
  readonly spec: JobLease
  readonly facts: ScopeFacts
}

export const createServerStores = (deps: ServerStoresDeps, grant: LeaseGrant, spec: JobLease): Stores => {
  const of: Of = { ...deps, grant, spec, facts: scopeFacts(grant) }
  return {
    begin: async (want, signal) => {
      const answer = parseStoreAnswer(await post(of, 'store', { v: 1, ...want }, signal))
      if (!answer.ok) throw unclear('an answer about a new object')
      if (answer.value.state === 'exists') return { why: alreadyThere(want) }
      const { object, scope } = answer.value
      const own = isShared(want.kind) ? cacheScopes(of.facts).write : runScope(spec.run.id)
      if (scope !== own) throw unclear(`the scope ${scope}, which is not this attempt's`)
      return writingOf(of, want, { object, scope })
    },
    restore: async (want, signal) => {
      const eph = createEphemeralKey()
      const body = { v: 1, ...want, eph: [toBase64Url(eph.publicKey)] }
      const answer = parseRestoreAnswer(await post(of, 'restore', body, signal))
      if (!answer.ok) throw unclear('an answer about stored objects')
      const { objects, release } = answer.value
      if (objects.length === 0 || release === null) return []
      const opened = await openRelease(eph, release.sealed, { ...release, vsign: of.vaultSignKey })
      const payload = parseShape(
        objectsPayload,
        opened === null ? null : JSON.parse(Buffer.from(opened).toString()),
      )
      if (!payload.ok || payload.value.objects.length !== objects.length)
        throw unclear('what the vault is said to have released')
      return objects.map((object, at) => {
        const vouched = payload.value.objects[at]
        const manifest = readManifest(object.manifest, decodePart)
        const isVouched = vouched?.manifest === sha256(object.manifest)
        if (manifest === null || !isVouched || !isOurs(of, want, manifest))
          throw unclear('an object that this attempt may not have')
        const key = fromBase64Url(vouched.key) ?? new Uint8Array(0)
        return restorable(of, { manifest, key, from: object.from, after: object.after })
      })
    },
  }
}

const alreadyThere = (want: StoreWant): string =>
  `there is a cache under the key ${want.kind === 'cache' ? want.key : ''} already`

/** Asked again here, whoever was asked before. */
const isOurs = ({ spec, facts }: Of, want: Parameters<Stores['restore']>[0], manifest: Manifest): boolean =>
  manifest.kind === want.kind &&
  mayRestore({ ...facts, project: spec.project.id, run: spec.run.id }, manifest) &&
  (want.kind !== 'cache' || want.keys.some((key) => manifest.key.startsWith(key))) &&
  (want.kind !== 'cache' || want.only === undefined || isProtectedScope(manifest.scope))

const writingOf = (of: Of, want: StoreWant, place: Pick<Manifest, 'object' | 'scope'>): Writing => {
  const key = generateLogKey()
  const hash = createHash('sha256')
  let size = 0
  return {
    put: async (content, signal) => {
      const sealed = encryptBlob(content, { key, keyId: place.object, objectId: place.object })
      const counted = async function* () {
        for await (const bytes of sealed) {
          hash.update(bytes)
          size += bytes.length
          yield bytes
        }
      }
      await of.requests.upload({
        path: objectPath(of.grant.lease, place.object),
        content: counted(),
        timeoutMs: archiveMs,
        signal,
      })
    },
    finish: async (list, signal) => {
      const manifest = await signManifest(of, {
        ...{ ...place, kind: want.kind, key: want.kind === 'cache' ? want.key : '' },
        ...{ sha256: hash.digest('hex'), size },
      })
      const sealedKey = await sealObjectKey(of.ingestKey, key, manifest)
      key.fill(0)
      if (sealedKey === null) throw unclear('an ingest key that nothing can be sealed to')
      await post(of, 'stored', { v: 1, manifest, sealedKey: toBase64Url(sealedKey), ...list }, signal)
    },
  }
}

const signManifest = (
  { grant, spec, runner, clock, sign }: Of,
  facts: Pick<Manifest, 'object' | 'scope' | 'kind' | 'key' | 'sha256' | 'size'>,
): Promise<string> => {
  const claims = {
    ...{ v: 1, iss: runner, iat: Math.floor(clock.now() / 1000), ...facts },
    ...{ project: spec.project.id, run: spec.run.id, job: spec.job.id, attempt: grant.attempt },
  }
  return signJws({ typ: manifestTyp, kid: runner, claims }, sign)
}

const restorable = (
  of: Of,
  object: {
    readonly manifest: Manifest
    readonly key: Uint8Array
    readonly from: string
    readonly after: readonly number[]
  },
): Restorable => {
  const { manifest, key, from, after } = object
  return {
    ...{ key: manifest.key, from, after },
    read: (signal) => {
      const path = objectPath(of.grant.lease, manifest.object)
      const sealed = of.requests.download({ path, timeoutMs: archiveMs, signal })
      const keyFor = (id: string) => (id === manifest.object ? key : null)
      return decryptBlob(measured(sealed, manifest), { keyFor, objectId: manifest.object })
    },
  }
}

const measured = async function* (sealed: AsyncIterable<Uint8Array>, manifest: Manifest) {
  const hash = createHash('sha256')
  let size = 0
  for await (const bytes of sealed) {
    hash.update(bytes)
    size += bytes.length
    yield bytes
  }
  if (size !== manifest.size || hash.digest('hex') !== manifest.sha256) throw fault('E_OBJECT_TAMPERED')
}

const post = (
  { requests, grant }: Of,
  verb: 'store' | 'stored' | 'restore',
  body: object,
  signal: AbortSignal,
): Promise<unknown> =>
  requests.send({
    path: `/runner/v1/leases/${grant.lease}/${verb}`,
    body: utf8(JSON.stringify(body)),
    contentType: 'application/json',
    timeoutMs: requestDeadlineMs,
    signal,
  })

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

const decodePart = (part: string): unknown => {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
  } catch {
    return null
  }
}

/** What the attempt stands for, by its own ticket. */
const scopeFacts = ({ ticket }: LeaseGrant): ScopeFacts => {
  const claims = decodePart(ticket.split('.')[1] ?? '')
  const text = (name: string): string | undefined => {
    const value =
      typeof claims === 'object' && claims !== null && name in claims
        ? (claims as Record<string, unknown>)[name]
        : undefined
    return typeof value === 'string' ? value : undefined
  }
  const tier = text('tier')
  return {
    tier: tier === 'protected' || tier === 'branch' ? tier : 'fork',
    ...{ ref: text('ref'), event: text('event'), default_ref: text('default_ref') },
  }
}

const unclear = (detail: string) => fault('E_PROTOCOL', { detail: `the server sent ${detail}` })
