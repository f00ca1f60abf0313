// The end of an attempt, told by its runner: compare-and-set on (attempt, lease), in one transaction with everything that
// follows. The same body again gets the same answer; anything else about a lease that has ended is 409.
import { type RawBuilder, sql } from 'kysely'
import { fromBase64Url } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import type { ProjectId } from '../../base/ids.ts'
import type { FinishBody } from '../../protocol/finish-body.ts'
import type { Outcome } from '../../protocol/plan.ts'
import { type RunState, statusOf } from '../../schedule/index.ts'
import { type Verify, verifyJws } from '../../seal/index.ts'
import type { Db } from '../db/database.ts'
import { type Notice, notify } from '../db/notify.ts'
import { storable } from '../db/storable.ts'
import { inOneStatement, inTransaction, type Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import type { KeyWrapping } from '../logs/key-wrapping.ts'
import type { NewId } from '../new-id.ts'
import type { ObjectStore } from '../objects/store.ts'
import { changeRun, changeUnlocked, type ToldEnd } from '../runs/change.ts'
import { headlineOf } from '../runs/headline.ts'
import { type Places, type Placing, withPlacing } from '../runs/places.ts'
import { type LoadedJson, type LoadedRun, loadedFrom, loadedSql } from '../runs/state.ts'
import { isSender, type Sender } from './authenticate.ts'
import { type LeasedAttempt, type LeaseKey, leaseLost } from './events.ts'
import { type BundledLog, bringLog, type LogBrought, putBundledLog } from './finish-log.ts'
import { findPlannedRun, preparePlan, storePlan } from './finish-plan.ts'
import { storeRefs } from './finish-refs.ts'
import { foldEvents, newsParts, type StepNews, withNotes } from './news.ts'

export type FinishDeps = {
  readonly db: Db
  readonly newId: NewId
  readonly places: Places
  readonly keyWrapping: Pick<KeyWrapping, 'soon'>
  readonly objects: ObjectStore
}

/** What is told, and the digest it is known by: that of the whole body, which the runner signed. */
type Told = { readonly key: LeaseKey; readonly body: FinishBody; readonly digest: Buffer }

/** `sender.bodyDigest` has been compared with the bytes that `body` was parsed from. */
export const finishAttempt = async (
  deps: FinishDeps,
  { sender, lease }: { readonly sender: Sender; readonly lease: LeaseKey['lease'] },
  body: FinishBody,
): Promise<void> => {
  const key = { lease, runner: sender.id }
  const told = { key, body, digest: Buffer.from(fromBase64Url(sender.bodyDigest) ?? '') }
  let end: End | null = null
  // At most one request with frames and one with events are under way beside this one.
  for (let tries = 1; ; tries++) {
    const found = await findUnfinished(deps.db, sender, told)
    if (found === null) return
    const { row, loaded } = found
    end ??= await prepareEnd(deps, row, { told, verify: sender.verify })
    const ending = { told, end }
    // Once without the lock: who was overtaken then is not the only one.
    const isApplied =
      loaded !== null && tries === 1
        ? await applyUnlocked(deps, { row, loaded }, ending)
        : await applyEnd(deps, row, ending)
    if (isApplied) break
    if (tries === limits.finishTriesMax)
      throw fault('E_DATABASE', { detail: `finish of ${row.id} is overtaken` })
  }
  deps.keyWrapping.soon()
}

/** `lastEvent`, `lastSeq` and `logKey` may still move: requests of the same lease can be under way. */
type Row = LeasedAttempt & {
  readonly project: ProjectId
  readonly kind: string
  readonly status: string
  readonly digest: Buffer | null
  readonly lastEvent: number
  readonly lastSeq: number
  readonly logKey: Buffer | null
}
/** `loaded`: its run, which nobody holds yet; null: not the attempt of a job, whose end takes more than one statement. */
type Found = { readonly row: Row; readonly loaded: LoadedRun | null }

/** null: this very end has been taken before. */
const findUnfinished = async (db: Db, sender: Sender, { key, digest }: Told): Promise<Found | null> => {
  const { parts, loaded } = loadedSql({
    run: sql`(select run from leased)`,
    job: sql`(select job from leased)`,
  })
  const { rows } = await sql<Row & { readonly loaded: LoadedJson | null }>`
    with leased as materialized (
      select a.id, a.job_id as job, a.run_id as run, a.number, a.project_id as project, j.kind, a.status,
        a.finish_digest as digest, a.last_event as "lastEvent", a.last_seq as "lastSeq", a.log_key as "logKey"
      from attempts a join jobs j on j.id = a.job_id
      where a.lease_id = ${key.lease} and a.runner_id = ${key.runner} and exists (select from runners where ${isSender(sender)})
    ), ${parts}
    select leased.*, case when status = 'running' and kind = 'job' then ${loaded} end as loaded from leased`.execute(
    db,
  )
  const [row] = rows
  if (row?.status === 'running') return { row, loaded: row.loaded === null ? null : loadedFrom(row.loaded) }
  if (row?.digest?.equals(digest)) return null
  await sender.confirm()
  throw leaseLost()
}

/** Everything that needs no lock: signatures, the digest of a plan, the object store, which may take until the commit. */
type End = {
  readonly outcome: Outcome
  readonly failure: { readonly code: string | null; readonly message: string } | null
  readonly plan: Awaited<ReturnType<typeof preparePlan>> | null
  readonly receiptVerified: boolean
  readonly object: BundledLog | null
}

const prepareEnd = async (
  deps: FinishDeps,
  row: Row,
  { told, verify }: { readonly told: Told; readonly verify: Verify },
): Promise<End> => {
  const { request } = told.body
  const { result } = request
  const object = putBundledLog(deps.objects, row.id, told.body)
  const { run } = row
  const [plan, receiptVerified] = await Promise.all([
    row.kind === 'plan' && run !== null && result.kind === 'plan'
      ? preparePlan(deps, (given) => findPlannedRun(deps.db, run, given), {
          outcome: request.outcome,
          result,
        })
      : null,
    isGenuineReceipt(request.receipt, row, verify),
  ])
  const isOther = result.kind !== (row.kind === 'plan' || row.kind === 'refs' ? row.kind : 'job')
  const failure = isOther
    ? { code: 'E_PROTOCOL', message: 'The runner answered with a result of another kind' }
    : (plan?.failure ?? request.reason)
  const outcome = isOther ? 'errored' : (plan?.outcome ?? request.outcome)
  return { outcome, failure, plan, receiptVerified, object }
}

const isGenuineReceipt = async (receipt: string | null, row: Row, verify: Verify): Promise<boolean> => {
  if (receipt === null) return false
  const claims = await verifyJws(receipt, { typ: 'mayfly-receipt+jwt', keyFor: () => verify })
  return claims?.attempt === row.id
}

type Ending = { readonly told: Told; readonly end: End }

/** The end of a job, in one statement; false when it was overtaken. */
const applyUnlocked = async (
  { db, newId }: FinishDeps,
  { row, loaded }: { readonly row: Row; readonly loaded: LoadedRun },
  { told, end }: Ending,
): Promise<boolean> => {
  const log = bringLog(row, told.body, end.object)
  // Durable before the commit that tells of it.
  await end.object?.stored
  const { job, number } = row
  return inOneStatement(db, (tx) =>
    changeUnlocked(
      tx,
      loaded,
      { kind: 'finished', job, number, outcome: end.outcome },
      {
        ...{ newId, notices: [logNotice(row)], headline: headlineFor(row, end) },
        told: { parts: (also) => endParts(row, { told, end, log, also }) },
      },
    ),
  )
}

/** false when the attempt was changed meanwhile, by whoever ended it or by a request that was under way. */
const applyEnd = (deps: FinishDeps, row: Row, ending: Ending): Promise<boolean> => {
  const log = bringLog(row, ending.told.body, ending.end.object)
  const mark = (tx: Tx) => markFinished(tx, row, { ...ending, log })
  return withPlacing(deps.places, (placing) =>
    inTransaction(deps.db, async (tx) => {
      const isOurs =
        row.run === null
          ? await endOutsideRuns(tx, deps.newId, row, { ...ending, mark })
          : await endInRun(tx, deps, { ...row, run: row.run }, { ...ending, mark, placing })
      // Durable before the commit that tells of it; it had the time of the statements.
      if (isOurs) await ending.end.object?.stored
      return isOurs
    }),
  )
}

const markFinished = async (
  tx: Tx,
  row: Row,
  ending: Ending & { readonly log: LogBrought },
): Promise<boolean> => {
  const { rows } = await sql`with ${endParts(row, ending)} select 1 from told`.execute(tx)
  return rows.length === 1
}

/** `also`: what else is set, where. */
const endParts = (
  row: Row,
  {
    told,
    end,
    log,
    also = { set: sql``, where: sql`true` },
  }: Ending & { readonly log: LogBrought; readonly also?: Parameters<ToldEnd['parts']>[0] },
): RawBuilder<unknown> => {
  const { failure } = end
  const { request, events } = told.body
  const folded = foldEvents(events, row.lastEvent)
  const steps = folded.steps.map(endedWithSandbox)
  const missing = request.lastSeq - log.lastSeq
  const notes = missing > 0 ? [`The log is incomplete: ${missing} pieces did not arrive`] : []
  return newsParts(
    row.id,
    { ...folded, steps },
    {
      where: sql`lease_id = ${told.key.lease} and status = 'running' and last_event = ${row.lastEvent}
        and last_seq = ${row.lastSeq} and ${also.where}`,
      set: sql`
        finish_digest = ${told.digest}, phase = null, log_complete = true, ${withNotes([...folded.notes, ...notes])},
        failure_code = ${failure?.code ?? null}, failure_message = ${failure === null ? null : storable(failure.message)},
        receipt = ${request.receipt}, receipt_verified = ${end.receiptVerified},
        last_seq = ${log.lastSeq}, log_key = ${log.key}${also.set}`,
      also: [cancelOtherSteps(steps), ...log.parts],
    },
  )
}

/** Steps that were under way ended with their sandbox. */
const endedWithSandbox = (step: StepNews): StepNews =>
  step.status === 'running' ? { ...step, status: 'cancelled' } : step

const cancelOtherSteps = (steps: readonly StepNews[]): RawBuilder<unknown> => sql`, left_over as (
      update steps s set status = 'cancelled' from told t
      where s.attempt_id = t.id and s.status = 'running' and s.index <> all(${steps.map(({ index }) => index)}::integer[]))`

type Marked = Ending & { readonly mark: (tx: Tx) => Promise<boolean> }

const endInRun = async (
  tx: Tx,
  deps: FinishDeps,
  row: Row & { readonly run: NonNullable<Row['run']> },
  { end, mark, placing }: Marked & { readonly placing: Placing },
): Promise<boolean> => {
  const { job, number, run } = row
  const ready = end.outcome === 'passed' ? end.plan?.ready : undefined
  const changed = await changeRun(
    tx,
    run,
    [
      ready === undefined
        ? { kind: 'finished', job, number, outcome: end.outcome }
        : { kind: 'planned', job, number, ...ready.event },
    ],
    {
      newId: deps.newId,
      ...(ready === undefined ? {} : { planned: ready, placing }),
      ...{ notices: [logNotice(row)], headline: headlineFor(row, end) },
      locked: async () => {
        if (!(await mark(tx))) return false
        if (end.plan !== null) await storePlan(tx, run, end.plan)
        return true
      },
    },
  )
  return changed !== null
}

const headlineFor =
  ({ job }: Row, { plan, failure, outcome }: End) =>
  (state: RunState): string | null =>
    headlineOf(state, job, storable(plan?.headline ?? failure?.message ?? `ended ${outcome}`))

const endOutsideRuns = async (
  tx: Tx,
  newId: NewId,
  row: Row,
  { told, end, mark }: Marked,
): Promise<boolean> => {
  if (!(await mark(tx))) return false
  const { status, skip } = statusOf(end.outcome)
  await sql`update jobs set status = ${status}, skip_reason = ${skip} where id = ${row.job}`.execute(tx)
  await sql`update attempts set status = ${status}, finished_at = now() where id = ${row.id}`.execute(tx)
  const { result } = told.body.request
  if (result.kind === 'refs') await storeRefs(tx, newId, row, result)
  await notify(tx, [logNotice(row)])
  return true
}

const logNotice = ({ id }: Row): Notice => ({ channel: 'mayfly_log', payload: id })
