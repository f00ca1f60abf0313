// Which secrets an attempt is given: those of its project that their policies admit, and above them those of each context
// that the job names, a later one above an earlier. A context whose rules do not admit the attempt ends it: then nothing
// goes to it at all (trust-model.md §4.4).
import type { ContextId } from '../../base/ids.ts'
import { type ContextRule, refusalBy } from '../../protocol/contexts.ts'
import type { Evidence } from '../../protocol/evidence.ts'
import { secretsBytesMax, secretsMax } from '../../protocol/statement.ts'
import type { TicketClaims } from '../../protocol/vault.ts'
import { admits, isStale } from '../policy/admits.ts'
import type { Records, SecretRecord } from '../store/records.ts'
import { secretsOf } from './secret.ts'

export type Admitted = {
  /** Those that go to it. */
  readonly secrets: readonly SecretRecord[]
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
  return {
    secrets: sorted.filter(({ kind }) => kind !== 'signing'),
    signing: sorted.filter(({ kind }) => kind === 'signing'),
  }
}

/** What is left of them once a runner has said where the commit stands. */
export const admittedFor = (admitted: Admitted, evidence: Evidence): Admitted => {
  const isFresh = (secret: SecretRecord) => !isStale(secret, evidence)
  const [secrets, signing] = [admitted.secrets.filter(isFresh), admitted.signing.filter(isFresh)]
  const stale = [...admitted.secrets, ...admitted.signing].filter((secret) => !isFresh(secret))
  return { ...admitted, secrets, signing, stale: stale.map(({ name }) => name) }
}

const ruleAgainst = (records: Records, id: ContextId, claims: TicketClaims): ContextRule | null => {
  const record = records.find('context', id)
  const { org, project, ref, default_ref: defaultRef, role = null } = claims
  const isThere = record?.state === 'active' && record.org === org
  return refusalBy(isThere ? record.rules : null, { project, ref, defaultRef, role })
}

/** One answer carries them all. */
const hasRoom = (secrets: readonly SecretRecord[]): boolean =>
  secrets.length <= secretsMax && secrets.reduce((sum, { bytes }) => sum + bytes, 0) <= secretsBytesMax
