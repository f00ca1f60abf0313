// Rule 3 of a release (trust-model.md §4.4): what a runner has proven of a job must be what the ticket says and what this vault
// has pinned itself. Each rule throws its own code; a server that lies about one of them gets nothing for it.
import { fault } from '../../base/faults.ts'
import { parseShape } from '../../base/shape.ts'
import { continuationClaims, continuationTyp, type Evidence, isOwnRef } from '../../protocol/evidence.ts'
import { repositoryOf, urlOf } from '../../protocol/repository.ts'
import type { TicketClaims } from '../../protocol/vault.ts'
import { verifyJws } from '../../seal/index.ts'
import type { ProjectRecord, Records } from '../store/records.ts'
import { checkRunnerScope, verifierOf } from './ticket.ts'

/** Answers the orbs that the job was made from. */
export const checkEvidence = async (
  records: Records,
  { claims, project }: { readonly claims: TicketClaims; readonly project: ProjectRecord },
  evidence: Evidence,
): Promise<Evidence['orbs']> => {
  const { source } = project
  const isPinned = evidence.repo === repositoryOf(source) && evidence.url === urlOf(source)
  if (!isPinned) throw fault('E_REPO_MISMATCH')
  const { ref, commit, spec_digest: digest, contexts = [] } = claims
  if (evidence.ref !== ref || evidence.commit !== commit) throw mismatch('the ticket is about another commit')
  if (digest === undefined || evidence.spec_digest !== digest)
    throw mismatch('the ticket is about another script')
  if (evidence.contexts.join() !== contexts.join()) throw mismatch('the ticket names other contexts')
  if (evidence.is_tip !== (evidence.ref_tip === evidence.commit))
    throw fault('E_INPUT', { public: 'The evidence contradicts itself about the tip' })
  const tier = provenTier(evidence.ref)
  if (tier === null || evidence.tier !== tier || claims.tier !== tier) throw fault('E_TIER')
  if (evidence.continued === undefined) return evidence.orbs
  return checkContinuation(records, claims, evidence)
}

/** Until protected refs are known nothing proves more than that a ref is the repository's own; null: not even that. */
const provenTier = (ref: string): 'branch' | null => (isOwnRef(ref) ? 'branch' : null)

/** The runner of the setup job had proven that job's script, and says which plan came of it, for this run and commit only. */
const checkContinuation = async (
  records: Records,
  claims: TicketClaims,
  { repo, ref, commit, continued }: Evidence,
): Promise<Evidence['orbs']> => {
  let signer: string | null = null
  const keyFor = async (kid: string | null) => {
    const runner = records.find('runner', kid ?? '')
    signer = runner?.runner ?? null
    return runner === null ? null : verifierOf(checkRunnerScope(runner, claims).publicKey)
  }
  const told = await verifyJws(continued?.proof ?? '', { typ: continuationTyp, keyFor })
  const parsed = parseShape(continuationClaims, told)
  if (!parsed.ok || parsed.value.iss !== signer)
    throw mismatch('nobody vouches for the plan that the run went on with')
  const said = parsed.value
  const isThis =
    said.project === claims.project &&
    said.run === claims.run &&
    said.plan_digest === claims.plan_digest &&
    said.plan_digest === continued?.plan_digest &&
    said.repo === repo &&
    said.ref === ref &&
    said.commit === commit
  if (!isThis) throw mismatch('the run went on with another plan')
  return said.orbs
}

const mismatch = (why: string) => fault('E_SPEC_MISMATCH', { public: `Nothing was released: ${why}` })
