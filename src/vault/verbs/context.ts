// Contexts: rules under a signed statement, like everything that decides who gets a secret. The statement's subject is the
// id, which the name and the organisation give. What is deleted keeps its place among the statements.
import type { Clock } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import type { ContextId, OrganisationId } from '../../base/ids.ts'
import { contextId, contextsKnownMax, contextsMax } from '../../protocol/contexts.ts'
import type { ContextStatement } from '../../protocol/statement.ts'
import type { ContextMetadata, VaultRequest } from '../../protocol/vault.ts'
import { requireKept } from '../policy/kept.ts'
import { loosensContext } from '../policy/loosening.ts'
import { type Accepted, acceptStatement, requireNext, requireSecond } from '../policy/statement.ts'
import type { ContextRecord, Records } from '../store/records.ts'
import type { Values } from '../store/values.ts'
import { findContext } from './owner.ts'
import { endSecrets } from './secret.ts'

export type ContextDeps = { readonly records: Records; readonly values: Values; readonly clock: Clock }

export const putContext = async (
  deps: ContextDeps,
  { org, statement, proof, second }: VaultRequest<'context.put'>,
): Promise<ContextMetadata> => {
  if (statement.type !== 'context.put')
    throw fault('E_INPUT', { public: 'The statement is about no context' })
  const id = contextId(org, statement.body.name)
  const expected = { type: statement.type, sub: id, nowSeconds: nowOf(deps) }
  const accepted = await acceptStatement(deps.records, { statement, proof, second }, expected)
  // A deletion may have broken off before its secrets were ended: made anew, the context has no key that opens them.
  await endSecrets(deps, id)
  await deps.records.change('context', id, (current) => {
    if (current?.head === accepted.digest) return current
    requireNext(current?.head ?? null, accepted)
    requireKept(statement.body.keeps, current?.rules ?? null, statement.body)
    if (loosensContext(current, statement.body)) requireSecond(deps.records, org, accepted)
    if (current?.state !== 'active') requireRoom(deps.records, org, current)
    return recordOf(accepted, { id, org, current, nowSeconds: nowOf(deps) })
  })
  return metadataOf(findContext(deps.records, id))
}

export const deleteContext = async (
  deps: ContextDeps,
  { context: id, statement, proof }: VaultRequest<'context.delete'>,
): Promise<ContextMetadata> => {
  if (statement.type !== 'context.delete')
    throw fault('E_INPUT', { public: 'The statement deletes no context' })
  const expected = { type: statement.type, sub: id, nowSeconds: nowOf(deps) }
  const accepted = await acceptStatement(deps.records, { statement, proof }, expected)
  await deps.records.change('context', id, (current) => {
    if (current === null) throw fault('E_NOT_FOUND', { public: 'There is no such context' })
    if (current.head === accepted.digest) return current
    requireNext(current.head, accepted)
    const { secrets: _key, ...rest } = current
    const { digest: head, signer } = accepted
    return {
      ...rest,
      version: current.version + 1,
      state: 'deleted',
      head,
      signer: signer.signer,
      changedAt: nowOf(deps),
    }
  })
  // After the record: nobody may use what may still lie there.
  await endSecrets(deps, id)
  const record = deps.records.find('context', id)
  if (record === null) throw fault('E_NOT_FOUND')
  return metadataOf(record)
}

export const listContexts = (
  { records }: ContextDeps,
  { org }: VaultRequest<'context.list'>,
): { readonly contexts: readonly ContextMetadata[] } => ({
  contexts: contextsOf(records, org).map(metadataOf),
})

const requireRoom = (records: Records, org: OrganisationId, current: ContextRecord | null): void => {
  const known = contextsOf(records, org)
  if (known.filter(({ state }) => state === 'active').length >= contextsMax)
    throw fault('E_TOO_LARGE', { public: `An organisation has at most ${contextsMax} contexts` })
  if (current === null && known.length >= contextsKnownMax)
    throw fault('E_TOO_LARGE', {
      public: `An organisation has had at most ${contextsKnownMax} contexts: make one that was deleted anew, under its name`,
    })
}

const contextsOf = (records: Records, org: OrganisationId): readonly ContextRecord[] =>
  records
    .list('context')
    .filter((record) => record.org === org)
    .sort((a, b) => (a.name < b.name ? -1 : 1))

const recordOf = (
  { statement: { body }, signer, digest: head }: Accepted<ContextStatement>,
  of: {
    readonly id: ContextId
    readonly org: OrganisationId
    readonly current: ContextRecord | null
    readonly nowSeconds: number
  },
): ContextRecord => {
  const { name, projects, refs, roles } = body
  const key = of.current?.secrets
  return {
    ...{ context: of.id, org: of.org, name, rules: { projects, refs, roles }, state: 'active' },
    version: (of.current?.version ?? 0) + 1,
    ...(key === undefined ? {} : { secrets: key }),
    createdAt: of.current?.createdAt ?? of.nowSeconds,
    changedAt: of.nowSeconds,
    ...{ signer: signer.signer, head },
  }
}

const metadataOf = ({ org: _org, rules, secrets: _key, ...rest }: ContextRecord): ContextMetadata => ({
  ...rest,
  ...rules,
})

const nowOf = ({ clock }: ContextDeps): number => Math.floor(clock.now() / 1000)
