// What this runner finds out by itself before secrets go to a job (trust-model.md §4.4 rule 3, decision 0045): that the commit
// lies on its ref in the repository, and that its configuration, compiled behind a wall, makes just this job. Nothing that the
// server says of the script counts; what it says of parameters and orbs is what the plan was made from.
import { fault } from '../../base/faults.ts'
import { contextId } from '../../protocol/contexts.ts'
import { type Evidence, isOwnRef, provenOrbsMax } from '../../protocol/evidence.ts'
import type { JobTerms } from '../../protocol/job-terms.ts'
import type { Plan } from '../../protocol/plan.ts'
import { repositoryOf, urlOf } from '../../protocol/repository.ts'
import type { JobLease } from '../../protocol/runner-wire.ts'
import { jcsDigest, specDigest } from '../../seal/index.ts'
import { readCommit } from '../checkout/git-trees.ts'
import type { Print, SourceKey } from '../checkout/source-cell.ts'
import { allEnded, compileOf, type PlanDeps, runFactsOf } from '../plan.ts'
import { firstError } from '../problem-words.ts'

export type ProveWant = {
  readonly attempt: string
  readonly spec: JobLease
  readonly key: SourceKey | null
  readonly terms: () => Promise<JobTerms>
}

export type Proof = {
  readonly evidence: Evidence
  /** They are closed while the job goes on: resolves when the sandboxes that it took are proven gone; rejects when one is not. */
  readonly ended: Promise<void>
}

type Ends = (() => Promise<unknown>)[]

/** Rejects with the fault that says what could not be proven. */
export const prove = async (
  deps: PlanDeps,
  want: ProveWant,
  print: Print,
  signal: AbortSignal,
): Promise<Proof> => {
  const { spec } = want
  const { event } = spec.run
  requireOwnRef(event)
  const ends: Ends = []
  const [standing, job] = await Promise.allSettled([
    standingOf(deps, want, ends, signal),
    jobOf(deps, want, { print, ends }, signal),
  ])
  const ended = allEnded(ends)
  ended.catch(() => undefined)
  const failed = [standing, job].find((each) => each.status === 'rejected')
  if (standing.status === 'rejected' || job.status === 'rejected') {
    await ended
    throw failed?.reason
  }
  const { tip, isTip } = standing.value
  const [url, contexts] = [urlOf(spec.source), spec.spec.contexts]
  const evidence: Evidence = {
    ...{ repo: repositoryOf(spec.source), ref: event.ref, ref_tip: tip, commit: event.commit, is_tip: isTip },
    ...{ tier: 'branch', spec_digest: job.value.digest, orbs: job.value.orbs },
    contexts: contexts.map((name) => contextId(spec.organisation.id, name)),
    ...(url === undefined ? {} : { url }),
    ...(job.value.continued === undefined ? {} : { continued: job.value.continued }),
  }
  return { evidence, ended }
}

/** Its variables and filters go by branch and tag, the proof by the ref: they must say the same. */
const requireOwnRef = ({ ref, branch, tag }: JobLease['run']['event']): void => {
  const named = branch === null ? `refs/tags/${tag}` : `refs/heads/${branch}`
  if (!isOwnRef(ref) || ref !== named || (branch !== null && tag !== null))
    throw fault('E_TIER', {
      public: `secrets go to branches and tags of the repository; this run is for ${ref}`,
    })
}

type Doing = { readonly print: Print; readonly ends: Ends }

const standingOf = async (
  { fetchers }: PlanDeps,
  { attempt, spec, key }: ProveWant,
  ends: Ends,
  signal: AbortSignal,
): Promise<{ readonly tip: string; readonly isTip: boolean }> => {
  const { project, source, run } = spec
  const { ref, commit } = run.event
  const where = { attempt, project: project.id, source, key, ref, commit }
  // What Git says of it stands in the failure.
  const found = await fetchers.standing(where, () => undefined, signal)
  if (!found.ok) throw fault(found.code, { public: found.message })
  ends.push(found.end)
  if (found.standing === null)
    throw fault('E_REF_UNREACHABLE', {
      public: `${short(commit)} does not lie on ${ref} any more: the branch or tag is gone or was overwritten. Start a run of what is there now`,
    })
  return found.standing
}

/** The digest of the job as the plan has it, when that is the job that is about to run. */
const jobOf = async (
  deps: PlanDeps,
  want: ProveWant,
  doing: Doing,
  signal: AbortSignal,
): Promise<{
  readonly digest: string
  readonly orbs: Evidence['orbs']
  readonly continued?: NonNullable<Evidence['continued']>
}> => {
  const { spec } = want
  const terms = await want.terms()
  const { continued } = terms
  const plan = continued?.plan ?? (await compiledPlan(deps, want, terms, doing, signal))
  const [own, planned] = [await specDigest(spec.spec), findJob(plan, spec)]
  if (planned === null || (await specDigest(planned)) !== own) throw anotherScript(spec)
  if (continued === undefined) return { digest: own, orbs: orbsOf(plan, terms.orbs) }
  const { proof } = continued
  if (proof === undefined) throw unvouched()
  return { digest: own, orbs: [], continued: { plan_digest: await jcsDigest(plan), proof } }
}

/** A plan names every orb that it was made from; those of the repository's own are part of the commit. */
export const orbsOf = ({ source }: Plan, store: JobTerms['orbs']): Evidence['orbs'] => {
  const orbs = source.flatMap(({ path: id, sha256 }) => (Object.hasOwn(store, id) ? [{ id, sha256 }] : []))
  if (orbs.length > provenOrbsMax)
    throw fault('E_SPEC_MISMATCH', {
      public: `secrets go to configurations of at most ${provenOrbsMax} orbs; this one has ${orbs.length}`,
    })
  return orbs
}

const findJob = ({ workflows }: Plan, { workflow, job, shard }: JobLease) => {
  const named = workflows.filter(({ name }) => name === workflow.name).flatMap(({ jobs }) => jobs)
  const found = named.find(({ key }) => key === job.key)
  return found !== undefined && found.shards === shard.total && shard.index < shard.total ? found.spec : null
}

/** Compiled here for an earlier job or for the plan of this very run, else now. */
const compiledPlan = async (
  deps: PlanDeps,
  { attempt, spec, key }: ProveWant,
  { parameters, orbs }: JobTerms,
  { print, ends }: Doing,
  signal: AbortSignal,
): Promise<Plan> => {
  const { event } = spec.run
  const shaping = {
    ...{ project: spec.project.id, commit: event.commit, event, parameters, orbs },
    run: runFactsOf(spec),
  }
  const known = deps.knownPlans.find(shaping)
  if (known !== null) return known
  const of = { attempt, key, project: spec.project.id, source: spec.source, event }
  const found = await readCommit(deps, of, print, signal, depthOf(spec))
  if (!found.ok) throw fault(found.code, { public: found.message })
  ends.push(found.end)
  // Also of a project that allows it: no text from outside becomes part of a script that has secrets.
  const request = { ...compileOf(spec, found.read), event, parameters, orbs }
  const { answer, end } = await deps.compilers.compile(request, signal)
  ends.push(end)
  if (!answer.ok)
    throw fault('E_SPEC_MISMATCH', {
      public: `the configuration of ${short(event.commit)} does not compile here: ${firstError(answer.problems)}`,
    })
  deps.knownPlans.keep(shaping, answer.plan)
  return answer.plan
}

/** As its own checkout will ask for it, so that both share one fetch. */
const depthOf = ({ spec: { steps } }: JobLease): number => {
  const checkout = steps.find((step) => step.kind === 'checkout')
  if (checkout === undefined) return 1
  return checkout.method === 'shallow' ? (checkout.depth ?? 1) : 0
}

const anotherScript = ({ job, run }: JobLease) =>
  fault('E_SPEC_MISMATCH', {
    public: `the job "${job.name}" is not what the configuration of ${short(run.event.commit)} says, compiled again on this runner: nothing was released. Start a new run`,
  })

const unvouched = () =>
  fault('E_SPEC_MISMATCH', {
    public:
      'this run went on with a configuration that nobody vouches for: its setup job ran where it could not be proven. Start a new run',
  })

export const short = (commit: string): string => commit.slice(0, 12)
