// Deliveries of source hosts: the vault checks the signature before a byte is parsed, everything is stored before it is
// answered, and a delivery that starts no run says why. One transaction: delivery, run, plan job, attempt.
import { sql } from 'kysely'
import { fromHex } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { isFault } from '../../base/faults.ts'
import { type DeliveryId, type HookId, type ProjectId, parseId, type RunId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { Database } from '../db/database.ts'
import { inOneStatement, inTransaction, isEnded, type Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import type { NewId } from '../new-id.ts'
import { eventOf, type NewRun } from '../runs/create.ts'
import { findKnownPlan, type KnownPlan } from '../runs/known-plan.ts'
import { type Places, withPlacing } from '../runs/places.ts'
import { supersedes } from '../runs/supersede.ts'
import type { Intake, IntakeAnswer } from '../use-cases.ts'
import type { VaultClient } from '../vault-client.ts'
import { findDeliveredProject } from './delivered-project.ts'
import { type Push, parseDeliveryBody } from './delivery-body.ts'
import { judgePush } from './judge.ts'
import { type DeliveredProject, replacesSchedules, storeDelivery, type Verdict } from './store-delivery.ts'
import { lockPolled, pairWithPolled } from './twice.ts'
import { noteUnproven } from './unproven.ts'

export type IntakeDeps = {
  readonly database: Database
  readonly vault: VaultClient
  readonly newId: NewId
  readonly places: Places
  /** What this release compiles with. */
  readonly compiler: string | null
  readonly clock: Clock
  readonly log: Log
}

type Raw = Parameters<Intake['accept']>[0]

export const createIntake = (deps: IntakeDeps): Pick<Intake, 'accept'> => ({
  accept: (raw) => accept(deps, raw),
})

const signatureHeader = 'x-mayfly-signature'

const accept = async (deps: IntakeDeps, { hook: hookText, body, headers }: Raw): Promise<IntakeAnswer> => {
  const hook = parseId('hook', hookText)
  const signature = headers[signatureHeader]
  if (hook === null || typeof signature !== 'string' || !/^sha256=[0-9a-f]{64}$/.test(signature))
    return denied
  const project = await verify(deps, { hook, signature, body })
  if (typeof project === 'object') return project
  return store(deps, project, { body, signature: fromHex(signature.slice('sha256='.length)) })
}

const answer = (status: IntakeAnswer['status'], body: IntakeAnswer['body']): IntakeAnswer => ({
  status,
  body,
})
/** An unknown hook and a wrong signature look the same. */
const denied = answer(401, { error: 'not accepted' })
const later: IntakeAnswer = { ...answer(503, { error: 'try again later' }), retryAfterSeconds: 10 }

/** Whose delivery it is, or the answer when nobody's. While the vault is away nothing is acknowledged. */
const verify = async (
  deps: IntakeDeps,
  delivery: { readonly hook: HookId; readonly signature: string; readonly body: Uint8Array },
): Promise<ProjectId | IntakeAnswer> => {
  try {
    const { ok, project } = await deps.vault.verifyWebhook(delivery)
    if (ok && project !== null) return project
  } catch (error) {
    if (isFault(error) && error.row.retryable) {
      deps.log.warn('delivery not accepted while the vault is away', { error })
      return later
    }
    if (!isFault(error, 'E_WEBHOOK_SIG') && !isFault(error, 'E_NOT_FOUND')) throw error
  }
  await noteUnproven(deps, delivery.hook)
  return denied
}

type Signed = { readonly body: Uint8Array; readonly signature: Uint8Array }

const store = async (deps: IntakeDeps, of: ProjectId, { body, signature }: Signed): Promise<IntakeAnswer> => {
  const parsed = parseDeliveryBody(body)
  const id = deps.newId('delivery')
  const push = parsed.ok ? parsed.value : null
  const [project, plan] = await Promise.all([
    findDeliveredProject(deps.database.keyed, { id: of }),
    push === null ? null : findPlan(deps, of, push),
  ])
  if (project === null) return answer(200, { verdict: 'no_run', reason: 'The project is not here any more' })
  const taking = { id, signature, push, plan, problem: parsed.problems[0]?.message }
  const verdict =
    (await withPlacing(deps.places, (placing) => takeAtOnce(deps, project, { ...taking, placing }))) ??
    (await withPlacing(deps.places, (placing) => takeDelivery(deps, project, { ...taking, placing })))
  deps.log.info('delivery stored', {
    delivery: id,
    project: project.id,
    verdict: verdict.verdict,
    run: verdict.run,
  })
  const status = verdict.verdict === 'run' ? 202 : verdict.verdict === 'refused' ? 400 : 200
  return answer(status, { delivery: id, ...verdict })
}

const findPlan = (deps: IntakeDeps, project: ProjectId, push: Push): Promise<KnownPlan | null> => {
  const inputs = { event: eventOf('push', push.ref, push.new), parameters: {} }
  return findKnownPlan({ ...deps, db: deps.database.keyed }, project, inputs, push.source)
}

type Taking = Pick<NewRun, 'plan' | 'placing'> & {
  readonly id: DeliveryId
  readonly signature: Uint8Array
  readonly push: Push | null
  readonly problem: string | undefined
}

/**
 * Most pushes, in one statement that is a transaction by itself: somebody waits for the first line. null, and nothing is stored,
 * for one that came before and for whatever takes a look at more than the project.
 */
const takeAtOnce = async (
  deps: IntakeDeps,
  project: DeliveredProject,
  { id, signature, push, plan, placing, problem }: Taking,
): Promise<Verdict | null> => {
  const decided = decide(push, { now: deps.clock.now(), problem })
  if (push === null || decided.verdict !== 'run' || project.isPolled) return null
  if (supersedes(project, eventOf('push', push.ref, push.new))) return null
  if (replacesSchedules(project, { plan, push })) return null
  const also = {
    parts: sql`signed as (${signatureInsert(project.id, { signature, delivery: id })})`,
    isWhole: sql`exists (select from signed)`,
  }
  try {
    return await inOneStatement(deps.database.keyed, (tx) =>
      storeDelivery(tx, deps.newId, project, { id, source: push.source, push, plan, placing, decided, also }),
    )
  } catch (error) {
    if (isEnded(error)) return null
    throw error
  }
}

const takeDelivery = (
  deps: IntakeDeps,
  project: DeliveredProject,
  { id, signature, push, plan, placing, problem }: Taking,
): Promise<Verdict> =>
  inTransaction(deps.database.db, async (tx) => {
    const first = await rememberSignature(tx, project.id, { signature, delivery: id })
    if (project.isPolled) await lockPolled(tx, project.id)
    const known =
      first ?? (project.isPolled && push !== null ? await pairWithPolled(tx, project.id, push) : null)
    const decided =
      known === null
        ? decide(push, { now: deps.clock.now(), problem })
        : await duplicateOf(tx, known, first === null)
    const source = push?.source ?? 'hook'
    const twice = known !== null && first === null
    return storeDelivery(tx, deps.newId, project, { id, source, push, plan, placing, decided, twice })
  })

const decide = (
  push: Push | null,
  { now, problem }: { readonly now: number; readonly problem: string | undefined },
): Verdict => {
  if (push === null) return { verdict: 'refused', reason: `Malformed: ${problem ?? 'no JSON'}`, run: null }
  return { ...judgePush(push, now), run: null }
}

/** The delivery that came with this signature before, within the time it is remembered; null for the first. */
const rememberSignature = async (
  tx: Tx,
  project: ProjectId,
  signed: Signature,
): Promise<DeliveryId | null> => {
  const isNew = await signatureInsert(project, signed).execute(tx)
  if (isNew.rows.length === 1) return null
  const { rows } = await sql<{ delivery: DeliveryId }>`
    select delivery_id as delivery from delivery_signatures
    where project_id = ${project} and signature = ${Buffer.from(signed.signature)}`.execute(tx)
  return rows[0]?.delivery ?? null
}

type Signature = { readonly signature: Uint8Array; readonly delivery: DeliveryId }

/** A row for one that nobody remembers. */
const signatureInsert = (project: ProjectId, { signature, delivery }: Signature) => sql`
  insert into delivery_signatures as s (project_id, signature, delivery_id)
  values (${project}, ${Buffer.from(signature)}, ${delivery})
  on conflict (project_id, signature) do update set delivery_id = excluded.delivery_id, received_at = now()
  where s.received_at < now() - make_interval(hours => ${sql.lit(limits.signatureRememberedHours)})
  returning 1`

const duplicateOf = async (tx: Tx, first: DeliveryId, isPolled: boolean): Promise<Verdict> => {
  const { rows } = await sql<{
    run: RunId | null
  }>`select run_id as run from deliveries where id = ${first}`.execute(tx)
  const reason = isPolled ? `Found by polling before, as ${first}` : `Came before as ${first}`
  return { verdict: 'duplicate', reason, run: rows[0]?.run ?? null }
}
