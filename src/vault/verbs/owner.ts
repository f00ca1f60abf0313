// Whose secrets: a project's or a context's. Both have one key for theirs, wrapped under the VMK for exactly that owner;
// everything else about a secret is the same (secret.ts).
import { fault } from '../../base/faults.ts'
import { parseId } from '../../base/ids.ts'
import type { SecretOwner } from '../../protocol/statement.ts'
import type { ContextRecord, ProjectRecord, Records } from '../store/records.ts'
import { findProject, wrapContexts } from './project.ts'

export type OwnerRecord =
  | Pick<ProjectRecord, 'org' | 'project' | 'secrets' | 'source'>
  | Pick<ContextRecord, 'org' | 'context' | 'secrets'>
type WrappedKey = NonNullable<ContextRecord['secrets']>

/** Of a record that names one of the two. */
export const ownerOf = (record: {
  readonly project?: ProjectRecord['project']
  readonly context?: ContextRecord['context']
}): SecretOwner => {
  const owner = record.context ?? record.project
  if (owner === undefined) throw fault('E_STORE_TAMPERED', { detail: 'a record without its owner' })
  return owner
}

/** The member that names this owner. */
export const ownerMembers = (owner: SecretOwner) => {
  const context = parseId('context', owner)
  // SAFE: an owner is the one or the other.
  return context === null ? { project: owner as ProjectRecord['project'] } : { context }
}

export const findOwner = (records: Records, owner: SecretOwner): OwnerRecord => {
  const members = ownerMembers(owner)
  return members.context === undefined
    ? findProject(records, members.project)
    : findContext(records, members.context)
}

/** One that is not deleted. */
export const findContext = (records: Records, id: ContextRecord['context']): ContextRecord => {
  const record = records.find('context', id)
  if (record?.state !== 'active')
    throw fault('E_NOT_FOUND', { public: 'The vault does not know this context' })
  return record
}

/** Gives the owner its key, unless it has one. */
export const changeOwner = async (
  records: Records,
  owner: SecretOwner,
  make: (current: OwnerRecord) => Promise<WrappedKey>,
): Promise<void> => {
  const { project, context } = { project: undefined, context: undefined, ...ownerMembers(owner) }
  const withKey = async <R extends OwnerRecord>(current: R | null): Promise<R> => {
    // It may have gone while its turn came.
    const known = findOwner(records, owner)
    if (current === null) throw fault('E_NOT_FOUND')
    return known.secrets === undefined ? { ...current, secrets: await make(known) } : current
  }
  if (context === undefined && project !== undefined) await records.change('project', project, withKey)
  else if (context !== undefined) await records.change('context', context, withKey)
}

/** What the wrapped key is bound to. */
export const keyContext = (owner: OwnerRecord) =>
  'project' in owner
    ? wrapContexts.secrets(owner)
    : { kind: 'dek', org: owner.org, context: owner.context, purpose: 'secrets', v: 1 }
