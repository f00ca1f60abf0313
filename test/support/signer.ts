// A person with a key of the command line: enrols it with a code, signs statements, seals values.
import { fromBase64Url, toBase64Url, utf8 } from '../../src/base/bytes.ts'
import type { ContextId, OrganisationId, ProjectId, SignerId } from '../../src/base/ids.ts'
import { type ContextRules, contextId, newContextRules } from '../../src/protocol/contexts.ts'
import {
  type AdmitStatement,
  admissionSubject,
  type Countersignature,
  defaultPolicy,
  type KeptByContext,
  type PutStatement,
  ruleSubject,
  type SealedSecret,
  type SecretOwner,
  type SetStatement,
  type SignerKey,
  type Statement,
  type StatementProof,
  secretSubject,
} from '../../src/protocol/statement.ts'
import type { VaultAnswer, VaultRequest, VaultVerb } from '../../src/protocol/vault.ts'
import {
  type GeneratedKey,
  generateSigningKey,
  sealSecret,
  signerId,
  signerMac,
  signStatement,
  statementDigest,
} from '../../src/seal/index.ts'
import { randomBytes } from '../../src/sys/index.ts'

export type CallVault = <V extends VaultVerb>(verb: V, request: VaultRequest<V>) => Promise<VaultAnswer<V>>
export type Signer = { readonly id: SignerId; readonly key: GeneratedKey; readonly record: SignerKey }
export type SignedPut = {
  readonly statement: PutStatement
  readonly proof: StatementProof
  readonly sealed: SealedSecret
}

export const makeSigner = async (name = 'a laptop'): Promise<Signer> => {
  const key = await generateSigningKey()
  const record = { kind: 'ed25519' as const, name, public_key: toBase64Url(key.publicKey) }
  return { id: await signerId(key.publicKey), key, record }
}

export const enrolSigner = async (call: CallVault, signer: Signer): Promise<VaultAnswer<'signer.enroll'>> => {
  const { code } = await call('signer.code', {})
  return call('signer.enroll', { key: signer.record, mac: await signerMac(code, signer.record) })
}

/** `changes` break or widen the statement before it is signed. */
export const signPut = async (
  call: CallVault,
  signer: Signer,
  put: {
    readonly owner: SecretOwner
    readonly name: string
    readonly value: string | Uint8Array
    readonly nowSeconds: number
    readonly prev?: string | null
    readonly body?: Partial<PutStatement['body']>
    readonly changes?: Partial<PutStatement>
  },
): Promise<SignedPut> => {
  const statement: PutStatement = {
    ...head(signer, put),
    type: 'secret.put',
    body: {
      kind: 'env',
      policy: defaultPolicy('main'),
      expires_at: null,
      allow_unmaskable: false,
      ...put.body,
    },
    ...put.changes,
  }
  const { kid, pk } = await call('ingest.key', {})
  const value = typeof put.value === 'string' ? utf8(put.value) : put.value
  const sealed = await sealSecret({ kid, key: fromBase64Url(pk)! }, value, statement)
  return { statement, proof: await signStatement(statement, signer.key.privateKey), sealed: sealed! }
}

export const signRevoke = async (
  signer: Signer,
  of: {
    readonly owner: SecretOwner
    readonly name: string
    readonly nowSeconds: number
    readonly prev: string | null
  },
): Promise<{ readonly statement: Statement; readonly proof: StatementProof }> => {
  const statement: Statement = { ...head(signer, of), type: 'secret.revoke', body: {} }
  return { statement, proof: await signStatement(statement, signer.key.privateKey) }
}

/** Disabled, enabled again, or with other dates. */
export const signSet = async (
  signer: Signer,
  of: {
    readonly owner: SecretOwner
    readonly name: string
    readonly nowSeconds: number
    readonly prev: string | null
    readonly body?: Partial<SetStatement['body']>
  },
): Promise<{ readonly statement: SetStatement; readonly proof: StatementProof }> => {
  const body = { state: 'active' as const, expires_at: null, rotate_after: null, ...of.body }
  const statement: SetStatement = { ...head(signer, of), type: 'secret.set', body }
  return { statement, proof: await signStatement(statement, signer.key.privateKey) }
}

/** A context with these rules, or with other ones. */
export const signContext = async (
  signer: Signer,
  of: {
    readonly org: OrganisationId
    readonly name: string
    readonly nowSeconds: number
    readonly prev?: string | null
    readonly rules?: Partial<ContextRules>
    readonly keeps?: readonly KeptByContext[]
  },
) => {
  const sub = contextId(of.org, of.name)
  const keeps = of.keeps === undefined ? {} : { keeps: of.keeps }
  const body = { name: of.name, ...newContextRules, ...of.rules, ...keeps }
  const statement = { ...headAbout(signer, sub, of), type: 'context.put' as const, body }
  return { statement, proof: await signStatement(statement, signer.key.privateKey) }
}

export const signContextDelete = async (
  signer: Signer,
  of: { readonly context: ContextId; readonly nowSeconds: number; readonly prev: string | null },
) => {
  const statement = { ...headAbout(signer, of.context, of), type: 'context.delete' as const, body: {} }
  return { statement, proof: await signStatement(statement, signer.key.privateKey) }
}

/** Projects admitted to contexts for every project, or not any more. */
export const signAdmission = async (
  signer: Signer,
  of: Made & { readonly org: OrganisationId; readonly body: Partial<AdmitStatement['body']> },
) => {
  const body = { admit: [], withdraw: [], ...of.body }
  const sub = admissionSubject(of.org)
  const statement = { ...headAbout(signer, sub, of), type: 'project.admit' as const, body }
  return { statement, proof: await signStatement(statement, signer.key.privateKey) }
}

/** As the vault has them pinned now. */
export const admitAll = async (
  call: CallVault,
  signer: Signer,
  of: { readonly org: OrganisationId; readonly nowSeconds: number; readonly only?: readonly ProjectId[] },
) => {
  const { org, nowSeconds, only } = of
  const { projects, head: prev } = await call('project.admissions', { org })
  const admit = projects
    .filter(({ project }) => only === undefined || only.includes(project))
    .map(({ project, source, hostKeys: host_keys }) => ({ project, source, host_keys }))
  return call('project.admit', {
    org,
    ...(await signAdmission(signer, { org, nowSeconds, prev, body: { admit } })),
  })
}

/** Whether what loosens takes two people. */
export const signRule = async (
  signer: Signer,
  of: Made & { readonly org: OrganisationId; readonly twoPerson: boolean },
) => {
  const body = { two_person: of.twoPerson }
  const statement = { ...headAbout(signer, ruleSubject(of.org), of), type: 'rules.set' as const, body }
  return { statement, proof: await signStatement(statement, signer.key.privateKey) }
}

/** The word of a second person for this statement. */
export const countersign = async (
  signer: Signer,
  of: { readonly statement: Statement; readonly nowSeconds: number },
): Promise<Countersignature> => {
  const sub = await statementDigest(of.statement)
  const statement = { ...headAbout(signer, sub, of), type: 'countersign' as const, body: {} }
  return { statement, proof: await signStatement(statement, signer.key.privateKey) }
}

type Made = { readonly nowSeconds: number; readonly prev?: string | null }

const head = (signer: Signer, of: Made & { readonly owner: SecretOwner; readonly name: string }) =>
  headAbout(signer, secretSubject(of.owner, of.name), of)

const headAbout = (signer: Signer, sub: string, of: Made) => ({
  v: 1 as const,
  sub,
  iss: signer.id,
  iat: of.nowSeconds,
  nonce: toBase64Url(randomBytes(16)),
  prev: of.prev ?? null,
})
