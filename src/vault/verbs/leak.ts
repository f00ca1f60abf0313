// A secret was in what a job said (trust-model.md §4.7). Believed is the runner that had the attempt, of what this attempt was given and
// no more: a job can make its runner tell of its own secrets, and of nobody else's. What is told is about the version that was given; one that
// took its place since stays. Whether it is revoked for it, its owner said in a statement.
import { fault } from '../../base/faults.ts'
import { type LeakAnswer, type LeakReport, parseLeakReport } from '../../protocol/leaks.ts'
import type { TicketClaims, VaultRequest } from '../../protocol/vault.ts'
import type { StepCounter } from '../policy/step-counter.ts'
import type { GivenToAttempt } from '../store/given.ts'
import type { SecretRecord } from '../store/records.ts'
import { parseJson } from './proven.ts'
import { authorise, type ReleaseDeps } from './release.ts'
import { keptVersions } from './secret.ts'

type LeakDeps = ReleaseDeps & { readonly reports: StepCounter }
type Told = GivenToAttempt['secrets'][number]

export const tellLeak = async (
  deps: LeakDeps,
  request: VaultRequest<'secret.leaked'>,
): Promise<LeakAnswer> => {
  const claims = await authorise(deps, request)
  const asked = readAsked(request.poll.body, claims)
  const told = givenAs(deps, claims, asked)
  const { attempt, runner, jti, exp, eph, project } = claims
  if (!deps.reports.admit(attempt, 0))
    throw fault('E_FORBIDDEN', { public: 'This attempt has told of enough secrets' })
  const names = told.map(({ as }) => as).join(' ')
  const canary = String(asked.secret === null)
  await Promise.all([
    deps.used.burn({ jti, exp, eph }),
    deps.audit({ verb: 'secret.leaked', jti, runner, attempt, project, canary, secrets: names }),
  ])
  const secrets: LeakAnswer['secrets'][number][] = []
  for (const one of told) secrets.push(...(await mark(deps, claims, one)))
  return { secrets }
}

/** What the runner tells, in the body it signed itself: nobody on the way names another secret. */
const readAsked = (body: string, claims: TicketClaims): LeakReport => {
  const parsed = parseLeakReport(parseJson(body))
  if (!parsed.ok) throw fault('E_INPUT', { public: 'The signed request tells of no secret' })
  if (parsed.value.attempt !== claims.attempt)
    throw fault('E_INPUT', { public: 'The runner told of another attempt' })
  return parsed.value
}

/** The canary lies beside all that the attempt was given: whoever has it read them where no step does. */
const givenAs = (
  { given }: LeakDeps,
  { attempt, runner }: TicketClaims,
  { secret }: LeakReport,
): readonly Told[] => {
  const line = given.to(attempt)
  const told =
    line?.runner === runner ? line.secrets.filter(({ as }) => secret === null || as === secret) : []
  if (told.length === 0) throw fault('E_FORBIDDEN', { public: 'This attempt was not given that secret' })
  return told
}

type Became = LeakAnswer['secrets'][number]['became']

/** Nothing of a secret that was replaced since, or that is gone. */
const mark = async (
  deps: LeakDeps,
  { run, job, attempt }: TicketClaims,
  { secret, version }: Told,
): Promise<LeakAnswer['secrets']> => {
  if (run === undefined || job === undefined) return []
  const leak = { at: Math.floor(deps.clock.now() / 1000), run, job, attempt }
  await deps.records.change('secret', secret, (current) => current && afterLeak(current, { version, leak }))
  const record = deps.records.find('secret', secret)
  if (record === null) return []
  const became = becameOf(record, version)
  if (became === null) return []
  // After the record, as when somebody revokes it.
  if (became === 'revoked') await deps.values.remove(secret, keptVersions(record.version))
  if (became === 'ended') await deps.values.remove(secret, [version])
  await deps.audit({
    verb: 'secret.leaked',
    attempt,
    secret,
    name: record.name,
    version: String(version),
    became,
  })
  return [{ secret, name: record.name, version, became }]
}

const afterLeak = (
  current: SecretRecord,
  { version, leak }: { readonly version: number; readonly leak: NonNullable<SecretRecord['leak']> },
): SecretRecord => {
  const revokes = current.onLeak === 'revoke'
  const { previous, ...kept } = current
  if (current.version !== version)
    return revokes && previous?.version === version ? { ...kept, ended: version } : current
  if (current.state === 'revoked') return current
  const marked = { ...current, leak: current.leak ?? leak }
  if (!revokes) return marked
  const { previous: _gone, ...all } = marked
  return { ...all, state: 'revoked', changedAt: leak.at, bytes: 0 }
}

/** Told again, because its answer was lost, it is what it was. */
const becameOf = ({ version: now, state, leak, ended }: SecretRecord, version: number): Became | null => {
  if (now !== version) return ended === version ? 'ended' : null
  if (leak === undefined) return null
  return state === 'revoked' ? 'revoked' : 'kept'
}
