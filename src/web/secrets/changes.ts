// Putting and revoking a secret from the browser: sealed here to the vault, under a statement that a passkey signs.
import { fromBase64Url, toBase64Url, utf8 } from '../../base/bytes.ts'
import { parseId } from '../../base/ids.ts'
import type { Secret, Signer } from '../../protocol/api/secrets.ts'
import { nextRotation } from '../../protocol/secret-views.ts'
import type { OnLeak, PutStatement, SecretKind } from '../../protocol/statement.ts'
import { importVerifyKey, privateKeyProblem, sealSecret, verifyIngestKey } from '../../seal/index.ts'
import { type Api, ApiProblem } from '../state/api.ts'
import { text } from '../text/en.ts'
import type { SecretsHome } from './home.ts'
import { signByPasskey } from './passkey-signer.ts'
import { rememberVault } from './vault-memory.ts'

export type Put = {
  readonly home: SecretsHome
  readonly signer: Signer
  readonly name: string
  readonly kind: SecretKind
  readonly value: Uint8Array
  readonly allowUnmaskable: boolean
  /** Of an SSH key: lines of known_hosts. */
  readonly hosts: readonly string[] | null
  /** The one that gets a new version; its policy stays. */
  readonly before: Secret | null
  /** Seconds from now: when it is due to be replaced, and how long the version before stays. null: as before; not at all. */
  readonly rotateIn: number | null
  readonly overlap: number | null
  /** Not given: as before. */
  readonly onLeak?: OnLeak
}

/** The line end that comes along with what is pasted is no part of a variable. */
export const typedValue = (kind: SecretKind, typed: string): Uint8Array =>
  utf8(kind === 'env' ? typed.replace(/\n$/, '') : typed)

export const putSecret = async (api: Api, put: Put): Promise<Secret> => {
  const { home, before } = put
  const problem = put.kind === 'signing' ? await privateKeyProblem(put.value) : null
  if (problem !== null) throw new ApiProblem({ title: problem, status: 0, code: 'MF4000' })
  const ingest = await ingestKey(api)
  const policy = before?.detail?.policy ?? home.policy
  const body = {
    ...{ kind: put.kind, policy, allow_unmaskable: put.allowUnmaskable },
    expires_at: remainingExpiry(before),
    ...(put.hosts === null ? {} : { hosts: [...put.hosts] }),
    ...datesOf(put),
    ...(put.onLeak === undefined ? {} : { on_leak: put.onLeak }),
  }
  const statement: PutStatement = {
    ...statementHead(put.signer, home.subjectOf(put.name), before?.detail?.head ?? null),
    ...{ type: 'secret.put', body },
  }
  const sealed = await sealSecret(ingest, put.value, statement)
  if (sealed === null) throw forged()
  const sent = {
    ...statement,
    body: { ...body, policy: { ...policy, refs: [...policy.refs], events: [...policy.events] } },
  }
  const proof = await signByPasskey(put.signer, statement)
  return home.put({ sealed, statement: sent, proof })
}

const datesOf = ({
  before,
  rotateIn,
  overlap,
}: Put): Pick<PutStatement['body'], 'rotate_after' | 'overlap_until'> => {
  const now = nowSeconds()
  const detail = before?.detail ?? null
  const was = detail && { putAt: unix(detail.put_at) ?? 0, rotateAfter: unix(detail.rotate_after) }
  const rotate = rotateIn === null ? nextRotation(was, now) : now + rotateIn
  return {
    ...(rotate === null ? {} : { rotate_after: rotate }),
    ...(overlap === null ? {} : { overlap_until: now + overlap }),
  }
}

/** Without its value; what is not said stays as it is. */
export const setSecret = async (of: {
  readonly home: SecretsHome
  readonly signer: Signer
  readonly before: Secret
  readonly state?: 'active' | 'disabled'
  /** Seconds from now, or null: never. */
  readonly expiresIn?: number | null
  readonly rotateIn?: number | null
  readonly onLeak?: OnLeak
}): Promise<Secret> => {
  const { home, signer, before } = of
  const { name, detail } = before
  const date = (wanted: number | null | undefined, was: string | null | undefined) =>
    wanted === undefined ? unix(was ?? null) : wanted && nowSeconds() + wanted
  const body = {
    state: of.state ?? (before.state === 'disabled' ? ('disabled' as const) : ('active' as const)),
    expires_at: date(of.expiresIn, detail?.expires_at),
    rotate_after: date(of.rotateIn, detail?.rotate_after),
    ...(of.onLeak === undefined ? {} : { on_leak: of.onLeak }),
  }
  const head = statementHead(signer, home.subjectOf(name), detail?.head ?? null)
  const statement = { ...head, type: 'secret.set' as const, body }
  return home.set(name, { statement, proof: await signByPasskey(signer, statement) })
}

const nowSeconds = (): number => Math.floor(Date.now() / 1000)
const unix = (time: string | null): number | null =>
  time === null ? null : Math.floor(Date.parse(time) / 1000)

export const revokeSecret = async (revoke: {
  readonly home: SecretsHome
  readonly signer: Signer
  readonly before: Secret
}): Promise<Secret> => {
  const { home, signer } = revoke
  const { name, detail } = revoke.before
  const head = statementHead(signer, home.subjectOf(name), detail?.head ?? null)
  const statement = { ...head, type: 'secret.revoke' as const, body: {} }
  return home.revoke(name, { statement, proof: await signByPasskey(signer, statement) })
}

/** A new value is good as long as the old one was; what had expired is renewed without a date. */
const remainingExpiry = (before: Secret | null): number | null => {
  const at = before?.detail?.expires_at ?? null
  return at === null || Date.parse(at) <= Date.now() ? null : Math.floor(Date.parse(at) / 1000)
}

/** Whom to seal to: the key that the vault vouches for, if it is still the vault this browser knows. */
const ingestKey = async (api: Api) => {
  const key = await api.call('vaultKey')
  if (!rememberVault(key.vsign, { isProven: false })) throw forged()
  const vsign = await importVerifyKey(fromBase64Url(key.vsign) ?? new Uint8Array(0))
  const genuine = vsign === null ? null : await verifyIngestKey(key, { vsign, nowSeconds: nowSeconds() })
  if (genuine === null) throw forged()
  return { kid: key.kid, key: genuine }
}

const forged = () => new ApiProblem({ title: text.secrets.vaultForged, status: 0, code: 'MF5017' })

/** The head of a statement of this signer, made now. */
export const statementHead = (
  signer: Signer,
  sub: string,
  prev: string | null,
): Pick<PutStatement, 'v' | 'sub' | 'iss' | 'iat' | 'nonce' | 'prev'> => {
  const iss = parseId('signer', signer.id)
  if (iss === null) throw new TypeError('the server answered a malformed id')
  return {
    ...{ v: 1, sub, iss, prev },
    iat: Math.floor(Date.now() / 1000),
    nonce: toBase64Url(crypto.getRandomValues(new Uint8Array(16))),
  }
}
