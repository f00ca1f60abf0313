// Deliveries of source hosts: the vault checks the signature before a byte is parsed, everything is stored before it is
// answered, and a delivery that starts no run says why. One transaction: delivery, run, plan job, attempt.
import { sql } from 'kysely'
import { fromHex } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { isFault } from '../../base/faults.ts'
import { type DeliveryId, type HookId, type ProjectId, parseId, type RunId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { RunEvent } from '../../protocol/plan.ts'
import type { Database } from '../db/database.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import type { NewId } from '../new-id.ts'
import { eventOf, insertRun, type NewRun } from '../runs/create.ts'
import { isZeroCommit } from '../runs/git-names.ts'
import { findKnownPlan } from '../runs/known-plan.ts'
import { type Places, withPlacing } from '../runs/places.ts'
import { type Superseding, supersedeOlder } from '../runs/supersede.ts'
import type { Intake, IntakeAnswer } from '../use-cases.ts'
import type { VaultClient } from '../vault-client.ts'
import { type DeliveryBody, parseDeliveryBody } from './delivery-body.ts'
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

export const createIntake = (deps: IntakeDeps): Intake => ({ accept: (raw) => accept(deps, raw) })

const signatureHeader = 'x-mayfly-signature'

const accept = async (deps: IntakeDeps, { hook: hookText, body, headers }: Raw): Promise<IntakeAnswer> => {
  const hook = parseId('hook', hookText)
  const signature = headers[signatureHeader]
  if (body.length > limits.deliveryBytesMax) return answer(413, { error: 'too large' })
  if (hook === null || typeof signature !== 'string' || !/^sha256=[0-9a-f]{64}$/.test(signature))
    return denied
  const project = await verify(deps, { hook, signature, body })
  if (typeof project === 'object') return project
  const found = await findProject(deps, project)
  if (found === null) return answer(200, { verdict: 'no_run', reason: 'The project is not here any more' })
  return store(deps, found, { body, signature: fromHex(signature.slice('sha256='.length)) })
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

type Project = Superseding['project'] & { readonly isLimited: boolean }

const findProject = async ({ database: { db } }: IntakeDeps, id: ProjectId): Promise<Project | null> => {
  const { rows } = await sql<Project>`
    select p.id, p.organisation_id as organisation, default_branch as "defaultBranch", auto_cancel as "autoCancel",
      coalesce(p.jobs_max, o.jobs_max) is not null as "isLimited"
    from projects p join organisations o on o.id = p.organisation_id where p.id = ${id}`.execute(db)
  return rows[0] ?? null
}

type Signed = { readonly body: Uint8Array; readonly signature: Uint8Array }
type Verdict = {
  readonly verdict: 'run' | 'no_run' | 'duplicate' | 'refused'
  readonly reason: string
  readonly run: RunId | null
}

const store = async (
  deps: IntakeDeps,
  project: Project,
  { body, signature }: Signed,
): Promise<IntakeAnswer> => {
  const parsed = parseDeliveryBody(body)
  const delivery = deps.newId('delivery')
  const content = parsed.ok ? parsed.value : null
  const event = content === null ? null : eventOf('push', content.ref, content.new)
  const { db } = deps.database
  const plan =
    event === null ? null : await findKnownPlan({ ...deps, db }, project.id, { event, parameters: {} })
  const storing = { delivery, signature, content, event, plan, problem: parsed.problems[0]?.message }
  const verdict = await withPlacing(deps.places, (placing) =>
    inTransaction(db, (tx) => storeDelivery(deps, tx, project, { ...storing, placing })),
  )
  deps.log.info('delivery stored', {
    delivery,
    project: project.id,
    verdict: verdict.verdict,
    run: verdict.run,
  })
  const status = verdict.verdict === 'run' ? 202 : verdict.verdict === 'refused' ? 400 : 200
  return answer(status, { delivery, ...verdict })
}

type Storing = Pick<NewRun, 'plan' | 'placing'> & {
  readonly delivery: DeliveryId
  readonly signature: Uint8Array
  readonly content: DeliveryBody | null
  readonly event: RunEvent | null
  readonly problem: string | undefined
}

/** The delivery, and the run that it starts. */
const storeDelivery = async (
  deps: IntakeDeps,
  tx: Tx,
  project: Project,
  { delivery, signature, content, event, plan, placing, problem }: Storing,
): Promise<Verdict> => {
  const { organisation, id } = project
  const first = await rememberSignature(tx, id, { signature, delivery })
  const decided = await decideVerdict(deps, tx, { content, first, problem })
  const run = decided.verdict === 'run' ? deps.newId('run') : decided.run
  await insertDelivery(tx, project, { delivery, content, verdict: { ...decided, run } })
  if (decided.verdict === 'run' && run !== null && event !== null) {
    const begun = { id: run, organisation, project: id, event, delivery, startedBy: 'hook', plan, placing }
    await insertRun(tx, deps.newId, { ...begun, isLimited: project.isLimited })
    await supersedeOlder(tx, deps.newId, { run, event, project })
  }
  return { ...decided, run }
}

/** The delivery that came with this signature before, within the time it is remembered; null for the first. */
const rememberSignature = async (
  tx: Tx,
  project: ProjectId,
  { signature, delivery }: { readonly signature: Uint8Array; readonly delivery: DeliveryId },
): Promise<DeliveryId | null> => {
  const { rows } = await sql<{ delivery: DeliveryId }>`
    insert into delivery_signatures as s (project_id, signature, delivery_id)
    values (${project}, ${Buffer.from(signature)}, ${delivery})
    on conflict (project_id, signature) do update set
      delivery_id = case when s.received_at < ${rememberedSince} then excluded.delivery_id else s.delivery_id end,
      received_at = case when s.received_at < ${rememberedSince} then now() else s.received_at end
    returning delivery_id as delivery`.execute(tx)
  return rows[0]?.delivery === delivery ? null : (rows[0]?.delivery ?? null)
}

const rememberedSince = sql`now() - make_interval(hours => ${sql.lit(limits.deliveryRememberedHours)})`

const decideVerdict = async (
  { clock }: IntakeDeps,
  tx: Tx,
  {
    content,
    first,
    problem,
  }: {
    readonly content: DeliveryBody | null
    readonly first: DeliveryId | null
    readonly problem: string | undefined
  },
): Promise<Verdict> => {
  if (first !== null) return duplicateOf(tx, first)
  if (content === null) return { verdict: 'refused', reason: `Malformed: ${problem ?? 'no JSON'}`, run: null }
  const noRun = (reason: string): Verdict => ({ verdict: 'no_run', reason, run: null })
  const ageMs = clock.now() - Date.parse(content.sentAt)
  // A captured delivery is worth nothing once its signature is forgotten.
  if (ageMs > limits.deliveryRememberedHours * 3_600_000)
    return noRun(`Too old: it was sent at ${content.sentAt}`)
  if (ageMs < -limits.deliveryClockSkewMs)
    return {
      verdict: 'refused',
      reason: `From the future: the clock of the Git server says ${content.sentAt}`,
      run: null,
    }
  if (isZeroCommit(content.new)) return noRun(`${content.ref} was deleted`)
  if (!/^refs\/(heads|tags)\//.test(content.ref)) return noRun('Only branches and tags start runs')
  if (content.skip === true) return noRun('The message of its last commit says [ci skip] or [skip ci]')
  return { verdict: 'run', reason: 'A run was started', run: null }
}

const duplicateOf = async (tx: Tx, first: DeliveryId): Promise<Verdict> => {
  const { rows } = await sql<{
    run: RunId | null
  }>`select run_id as run from deliveries where id = ${first}`.execute(tx)
  return { verdict: 'duplicate', reason: `Came before as ${first}`, run: rows[0]?.run ?? null }
}

const insertDelivery = async (
  tx: Tx,
  project: Project,
  {
    delivery,
    content,
    verdict,
  }: {
    readonly delivery: DeliveryId
    readonly content: DeliveryBody | null
    readonly verdict: Verdict
  },
): Promise<void> => {
  await tx
    .insertInto('deliveries')
    .values({
      id: delivery,
      organisation_id: project.organisation,
      project_id: project.id,
      ref: content?.ref ?? null,
      old_commit: content?.old ?? null,
      new_commit: content?.new ?? null,
      sent_at: content === null ? null : new Date(content.sentAt),
      verdict: verdict.verdict,
      reason: verdict.reason,
      run_id: verdict.run,
    })
    .execute()
}
