// What a runner has proven of the job that it asks for, in the body that it signed. Refusals are written down: of an honest
// server there are few, and each says for which attempt somebody wanted something.
import { createHash } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import { fault, isFault } from '../../base/faults.ts'
import type { OrganisationId } from '../../base/ids.ts'
import { type Evidence, parseSecretsRequest } from '../../protocol/evidence.ts'
import type { TicketClaims } from '../../protocol/vault.ts'
import { checkEvidence } from '../policy/evidence.ts'
import type { StepCounter } from '../policy/step-counter.ts'
import type { ProjectRecord, Records } from '../store/records.ts'

export type ProvenDeps = {
  readonly records: Records
  readonly stepCounter: StepCounter
  readonly clock: Pick<Clock, 'now'>
  readonly audit: (facts: Readonly<Record<string, string>>) => Promise<void>
}

type Of = { readonly claims: TicketClaims; readonly project: ProjectRecord }

/** Of a request for secrets. */
export const checkSecretsRequest = async (deps: ProvenDeps, of: Of, body: string): Promise<Evidence> => {
  const parsed = parseSecretsRequest(parseJson(body))
  if (!parsed.ok) throw fault('E_INPUT', { public: 'The signed request holds no evidence' })
  const { attempt, evidence } = parsed.value
  if (attempt !== of.claims.attempt)
    throw fault('E_INPUT', { public: 'The runner asked for another attempt' })
  await checkProven(deps, of, evidence)
  if (!deps.stepCounter.admit(attempt, beforeSteps))
    throw fault('E_FORBIDDEN', { public: 'This attempt was given its secrets' })
  return evidence
}

/** As a number of a step: a lost answer is asked for again, but not for ever. */
const beforeSteps = 0

export const checkProven = async (deps: ProvenDeps, of: Of, evidence: Evidence): Promise<void> => {
  const { records, audit } = deps
  try {
    await pinOrbs(deps, of.project.org, await checkEvidence(records, of, evidence))
    await pinDefaultRef(deps, of.claims)
  } catch (error) {
    const { jti, runner, attempt, project } = of.claims
    const code = isFault(error) ? error.code : 'E_INTERNAL'
    await audit({ verb: 'release', jti, runner, attempt, project, denied: code, ...factsOf(evidence) })
    throw error
  }
}

/** Of projects that are older than this: which branch contexts are for is not the server's to say anew for each job. */
const pinDefaultRef = async (
  { records, audit }: ProvenDeps,
  { project, default_ref: defaultRef, contexts = [] }: TicketClaims,
): Promise<void> => {
  const isPinned = records.find('project', project)?.defaultRef !== undefined
  if (isPinned || defaultRef === undefined || contexts.length === 0) return
  await audit({ verb: 'project.default', project, defaultRef })
  await records.change('project', project, (current) =>
    current === null || current.defaultRef !== undefined ? current : { ...current, defaultRef },
  )
}

/** Their text is in no commit, and the server holds it: what an id stood for at first, it stands for. */
const pinOrbs = async (
  { records, clock, audit }: ProvenDeps,
  org: OrganisationId,
  orbs: Evidence['orbs'],
): Promise<void> => {
  for (const { id: orb, sha256 } of orbs) {
    const key = createHash('sha256').update(`${org}/orbs/${orb}`).digest('hex')
    if (records.find('orb', key)?.sha256 === sha256) continue
    if (records.find('orb', key) === null) await audit({ verb: 'orb.pin', org, orb, sha256 })
    await records.change('orb', key, (current) => {
      if (current === null) return { org, orb, sha256, firstAt: Math.floor(clock.now() / 1000) }
      if (current.sha256 === sha256) return current
      throw fault('E_SPEC_MISMATCH', {
        public: `Nothing was released: the orb ${orb} has another text than when it was first used with secrets. Put it under a new version`,
      })
    })
  }
}

/** For the line about a release. */
export const factsOf = ({ repo, ref, commit, spec_digest: spec, is_tip: isTip }: Evidence) => ({
  ...{ repo, ref, commit, spec },
  tip: String(isTip),
})

export const parseJson = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return null
  }
}
