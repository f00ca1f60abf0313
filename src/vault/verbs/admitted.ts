// Which secrets an attempt is given: those of its project that their policies admit, and above them those of each context
// that the job names, a later one above an earlier. A context whose rules do not admit the attempt ends it: then nothing
// goes to it at all (trust-model.md §4.4).
import type { ContextId } from '../../base/ids.ts'
import { type ContextRule, refusalBy } from '../../protocol/contexts.ts'
import type { Evidence } from '../../protocol/evidence.ts'
import { previousSuffix, type SecretPolicy, secretsBytesMax, secretsMax } from '../../protocol/statement.ts'
import type { TicketClaims } from '../../protocol/vault.ts'
import { admits, isStale } from '../policy/admits.ts'
import type { Records, SecretRecord } from '../store/records.ts'
import { isAdmitted } from './admission.ts'
import { roomOf, secretsOf } from './secret.ts'

/** `as`: the name it goes under, of a version before; its own policy and `beside`, the newer one's, admit it. */
export type AdmittedSecret = SecretRecord & { readonly as?: string; readonly beside?: SecretPolicy }
export type Admitted = {
  /** Those that go to it. */
  readonly secrets: readonly AdmittedSecret[]
  /** Those that stay here and sign for it. */
  readonly signing: readonly SecretRecord[]
  /** Names of those that are for the newest commit of the ref only, where this is an older one. */
  readonly stale?: readonly string[]
  readonly refused?: { readonly context: ContextId; readonly rule: ContextRule }
}
export const nothingAdmitted: Admitted = { secrets: [], signing: [] }

export const admittedBy = (records: Records, claims: TicketClaims, nowSeconds: number): Admitted => {
  const { contexts = [], project, run, job } = claims
  // Without a run and a job nobody could say later where they went.
  if (run === undefined || job === undefined) return nothingAdmitted
  const byName = new Map<string, SecretRecord>()
  const add = (secrets: readonly SecretRecord[]) => {
    for (const secret of secrets) if (admits(secret, claims, nowSeconds)) byName.set(secret.name, secret)
  }
  add(secretsOf(records, project))
  for (const context of contexts) {
    const rule = ruleAgainst(records, context, claims)
    if (rule !== null) return { ...nothingAdmitted, refused: { context, rule } }
    add(secretsOf(records, context))
    if (!hasRoom([...byName.values()])) return { ...nothingAdmitted, refused: { context, rule: 'room' } }
  }
  const sorted = [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  const going = sorted.filter(({ kind }) => kind !== 'signing')
  const previous = going.flatMap((secret) => previousOf(secret, claims, nowSeconds) ?? [])
  const beside = previous.filter(({ as = '' }) => !byName.has(as))
  return {
    // Of a project or context alone there is room for them; where several come together, they are what is left out.
    secrets: hasRoom([...going, ...beside]) ? [...going, ...beside] : going,
    signing: sorted.filter(({ kind }) => kind === 'signing'),
  }
}

/** The version before, while it goes beside the new one: only where both might go. */
const previousOf = (
  secret: SecretRecord,
  claims: TicketClaims,
  nowSeconds: number,
): AdmittedSecret | null => {
  const { previous, ...newer } = secret
  if (previous === undefined || nowSeconds >= previous.until) return null
  const { until: expiresAt, hosts, ...was } = previous
  if (!admits({ ...newer, ...was, expiresAt }, claims, nowSeconds)) return null
  const { hosts: _hosts, ...own } = newer
  const as = `${secret.name}${previousSuffix}`
  return { ...own, ...was, ...(hosts === undefined ? {} : { hosts }), as, beside: secret.policy }
}

/** What is left of them once a runner has said where the commit stands. */
export const admittedFor = (admitted: Admitted, evidence: Evidence): Admitted => {
  const isFresh = (secret: AdmittedSecret) =>
    [secret.policy, secret.beside ?? secret.policy].every((policy) => !isStale({ policy }, evidence))
  const [secrets, signing] = [admitted.secrets.filter(isFresh), admitted.signing.filter(isFresh)]
  const stale = [...admitted.secrets, ...admitted.signing].filter((secret) => !isFresh(secret))
  return { ...admitted, secrets, signing, stale: stale.map(({ name, as }: AdmittedSecret) => as ?? name) }
}

const ruleAgainst = (records: Records, id: ContextId, claims: TicketClaims): ContextRule | null => {
  const record = records.find('context', id)
  const { org, project, ref, role = null } = claims
  const defaultRef = records.find('project', project)?.defaultRef ?? claims.default_ref
  const isThere = record?.state === 'active' && record.org === org
  const rules = isThere ? record.rules : null
  return refusalBy(rules, { project, isAdmitted: isAdmitted(records, project), ref, defaultRef, role })
}

/** One answer carries them all. */
const hasRoom = (secrets: readonly SecretRecord[]): boolean =>
  secrets.length <= secretsMax && roomOf(secrets) <= secretsBytesMax
