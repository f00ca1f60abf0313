// How a job goes on when its runner has a server: the configuration it found is compiled in a cell of this runner, as every
// plan is, and the server is told the plan. The server never reads the configuration.
import type { Clock } from '../../base/clock.ts'
import { fault, isFault } from '../../base/faults.ts'
import type { CompileAnswer } from '../../protocol/compile.ts'
import {
  type ContinueRequest,
  type ContinueTerms,
  parseContinueAnswer,
  parseContinueTerms,
} from '../../protocol/continue-wire.ts'
import { continuationTyp } from '../../protocol/evidence.ts'
import type { Plan } from '../../protocol/plan.ts'
import type { JobLease, LeaseGrant } from '../../protocol/runner-wire.ts'
import { jcsDigest, type Sign, signJws } from '../../seal/index.ts'
import { findChanges } from '../checkout/changed-paths.ts'
import { readCommit } from '../checkout/git-trees.ts'
import type { SourceDeps, SourceKey } from '../checkout/source-cell.ts'
import type { JobProof } from '../evidence/job-proof.ts'
import { orbsOf } from '../evidence/prove.ts'
import { compileOf, type PlanDeps } from '../plan.ts'
import { describeProblem, firstError } from '../problem-words.ts'
import { askServer } from '../session/ask-server.ts'
import type { Requests } from '../session/requests.ts'
import type { Continuing, FoundContinuation, Print } from './continuing.ts'

export type ServerContinuingDeps = PlanDeps &
  SourceDeps & {
    readonly requests: Requests
    readonly clock: Pick<Clock, 'now'>
    readonly runner: string
    readonly sign: Sign
    /** Of the setup job. */
    readonly proof: JobProof
  }

type OpenTerms = Extract<ContinueTerms, { state: 'open' }>
type Of = ServerContinuingDeps & {
  readonly grant: LeaseGrant
  readonly spec: JobLease
  readonly key: SourceKey | null
}

export const createServerContinuing = (
  deps: ServerContinuingDeps,
  grant: LeaseGrant,
  spec: JobLease,
  key: SourceKey | null,
): Continuing => {
  const of: Of = { ...deps, grant, spec, key }
  const { attempt } = grant
  const { source, run } = spec
  return {
    changed: (base, print, signal) => {
      const want = { ...base, attempt, source, key, event: run.event }
      return findChanges(deps, want, (bytes) => print(Buffer.from(bytes).toString().trimEnd()), signal)
    },
    choose: async (choose, signal) => {
      const { answer, end } = await deps.compilers.choose({ v: 1, choose }, signal)
      await end()
      return answer
    },
    merge: async (sources, signal) => {
      const { answer, end } = await deps.compilers.merge({ v: 1, merge: { sources } }, signal)
      await end()
      return answer
    },
    goOn: (found, print, signal) => goOn(of, found, print, signal),
  }
}

const goOn = async (
  of: Of,
  found: FoundContinuation,
  print: Print,
  signal: AbortSignal,
): Promise<{ readonly ok: true } | { readonly ok: false; readonly message: string }> => {
  const terms = await askServer(of, 'continuing', () => ({ v: 1 }), parseContinueTerms, signal)
  if (terms.state === 'refused') return { ok: false, message: terms.message }
  if (terms.state === 'kept') return keptOn(print)
  const answer = await compileIt(of, found, { terms, print }, signal)
  if (answer === null) return { ok: false, message: 'the commit could not be read' }
  for (const problem of answer.problems) await print(describeProblem(problem))
  if (!answer.ok) return { ok: false, message: firstError(answer.problems) }
  const { plan, origins, problems } = answer
  const planDigest = await jcsDigest(plan)
  const mayBeOwed = terms.prove === true || declaresAudience(plan)
  const proof = mayBeOwed ? await vouchFor(of, { plan, planDigest, terms }, print, signal) : null
  const told = { v: 1, plan, planDigest, origins, problems } as const
  const request: ContinueRequest = proof === null ? told : { ...told, proof }
  const said = await askServer(of, 'continue', () => request, parseContinueAnswer, signal)
  if (said.state === 'refused') return { ok: false, message: said.message }
  if (said.state === 'kept') return keptOn(print)
  await print(`the run goes on with: ${plan.workflows.map(({ name }) => name).join(', ') || 'no workflow'}`)
  return { ok: true }
}

const declaresAudience = ({ workflows }: Plan): boolean =>
  workflows.some(({ jobs }) => jobs.some(({ spec }) => spec?.audiences !== undefined))

/** The plan came of this job; that this job is what its commit says has to be proven first. Without that the run goes on, too. */
const vouchFor = async (
  { proof, grant, spec, runner, sign, clock }: Of,
  {
    plan,
    planDigest,
    terms,
  }: { readonly plan: Plan; readonly planDigest: string; readonly terms: OpenTerms },
  print: Print,
  signal: AbortSignal,
): Promise<string | null> => {
  try {
    if (terms.untrustedInScripts === true) throw fault('E_SPEC_MISMATCH', { public: mayHoldAnything })
    const { evidence } = await proof.prove(signal)
    const { repo, ref, commit } = evidence
    const about = { project: spec.project.id, run: spec.run.id, attempt: grant.attempt }
    const iat = Math.floor(clock.now() / 1000)
    const orbs = orbsOf(plan, terms.orbs)
    const claims = { iss: runner, iat, ...about, repo, ref, commit, plan_digest: planDigest, orbs }
    return await signJws({ typ: continuationTyp, kid: runner, claims }, sign)
  } catch (error) {
    if (signal.aborted || !isFault(error)) throw error
    await print(`jobs that the run goes on with get no secrets: ${error.public}  [${error.row.number}]`)
    return null
  }
}

const mayHoldAnything = 'the project lets text from outside become part of scripts'

const keptOn = async (print: Print) => {
  await print('this run went on before: a rerun keeps what it went on with')
  return { ok: true } as const
}

/** null: reported. The commit brings the orbs that lie in the repository. */
const compileIt = async (
  of: Of,
  found: FoundContinuation,
  { terms, print }: { readonly terms: OpenTerms; readonly print: Print },
  signal: AbortSignal,
): Promise<CompileAnswer | null> => {
  const { spec, key, grant } = of
  const { source, run, project } = spec
  const commit = { attempt: grant.attempt, project: project.id, source, key, event: run.event }
  const printBytes = (bytes: Uint8Array) => print(Buffer.from(bytes).toString().trimEnd())
  const read = await readCommit(of, commit, printBytes, signal)
  if (!read.ok) {
    await print(read.message)
    return null
  }
  const { state: _, prove: _prove, ...given } = terms
  const compiling = of.compilers.compile(
    { ...compileOf(spec, read.read), ...given, event: run.event, continuedWith: found },
    signal,
  )
  const [compiled] = await Promise.all([compiling, read.end()])
  await compiled.end()
  return compiled.answer
}
