// The end of an attempt, told by its runner: compare-and-set on (attempt, lease), in one transaction with everything that
// follows. The same body again gets the same answer; anything else about a lease that has ended is 409.
import { type RawBuilder, sql } from 'kysely'
import { fromBase64Url } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import type { ProjectId } from '../../base/ids.ts'
import type { FinishBody } from '../../protocol/finish-body.ts'
import type { Outcome } from '../../protocol/plan.ts'
import { statusOf } from '../../schedule/index.ts'
import { type CryptoKey, verifyJws } from '../../seal/index.ts'
import type { Db } from '../db/database.ts'
import { type Notice, notify } from '../db/notify.ts'
import { storable } from '../db/storable.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import type { KeyWrapping } from '../logs/key-wrapping.ts'
import type { NewId } from '../new-id.ts'
import type { ObjectStore } from '../objects/store.ts'
import { changeRun } from '../runs/change.ts'
import { setHeadline } from '../runs/headline.ts'
import { type Places, type Placing, withPlacing } from '../runs/places.ts'
import type { Caller } from './authenticate.ts'
import { type LeasedAttempt, type LeaseKey, leaseLost } from './events.ts'
import { type BundledLog, bringLog, type LogBrought, putBundledLog } from './finish-log.ts'
import { preparePlan, storePlan } from './finish-plan.ts'
import { storeRefs } from './finish-refs.ts'
import { foldEvents, type StepNews, withNotes, writeNews } from './news.ts'

export type FinishDeps = {
  readonly db: Db
  readonly newId: NewId
  readonly places: Places
  readonly keyWrapping: Pick<KeyWrapping, 'soon'>
  readonly objects: ObjectStore
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
/** What is told, and the digest it is known by: that of the whole body, which the runner signed. */
type Told = { readonly key: LeaseKey; readonly body: FinishBody; readonly digest: Buffer }

/** `caller.bodyDigest` has been compared with the bytes that `body` was parsed from. */
export const finishAttempt = async (
  deps: FinishDeps,
  {
    caller,
    lease,
  }: { readonly caller: Pick<Caller, 'id' | 'key' | 'bodyDigest'>; readonly lease: LeaseKey['lease'] },
  body: FinishBody,
): Promise<void> => {
  const key = { lease, runner: caller.id }
  const told = { key, body, digest: Buffer.from(fromBase64Url(caller.bodyDigest) ?? '') }
  let row = await findUnfinished(deps.db, told)
  if (row === null) return
  const end = await prepareEnd(deps, row, { told, publicKey: caller.key })
  // At most one request with frames and one with events are under way beside this one.
  for (let tries = 1; !(await applyEnd(deps, row, { told, end })); tries++) {
    if (tries === limits.finishTriesMax)
      throw fault('E_DATABASE', { detail: `finish of ${row.id} is overtaken` })
    row = await findUnfinished(deps.db, told)
    if (row === null) return
  }
  deps.keyWrapping.soon()
}

/** null: this very end has been taken before. */
const findUnfinished = async (db: Db, { key, digest }: Told): Promise<Row | null> => {
  const { rows } = await sql<Row>`
    select a.id, a.job_id as job, a.run_id as run, a.number, a.project_id as project, j.kind, a.status,
      a.finish_digest as digest, a.last_event as "lastEvent", a.last_seq as "lastSeq", a.log_key as "logKey"
    from attempts a join jobs j on j.id = a.job_id
    where a.lease_id = ${key.lease} and a.runner_id = ${key.runner}`.execute(db)
  const row = rows[0]
  if (row?.status === 'running') return row
  if (row?.digest?.equals(digest)) return null
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
  { told, publicKey }: { readonly told: Told; readonly publicKey: CryptoKey },
): Promise<End> => {
  const { request } = told.body
  const { result } = request
  const object = putBundledLog(deps.objects, row.id, told.body)
  const [plan, receiptVerified] = await Promise.all([
    row.kind === 'plan' && row.run !== null && result.kind === 'plan'
      ? preparePlan(deps, row.run, { outcome: request.outcome, result })
      : null,
    isGenuineReceipt(request.receipt, row, publicKey),
  ])
  const isOther = result.kind !== (row.kind === 'plan' || row.kind === 'refs' ? row.kind : 'job')
  const failure = isOther
    ? { code: 'E_PROTOCOL', message: 'The runner answered with a result of another kind' }
    : (plan?.failure ?? request.reason)
  const outcome = isOther ? 'errored' : (plan?.outcome ?? request.outcome)
  return { outcome, failure, plan, receiptVerified, object }
}

const isGenuineReceipt = async (receipt: string | null, row: Row, key: CryptoKey): Promise<boolean> => {
  if (receipt === null) return false
  const claims = await verifyJws(receipt, { typ: 'mayfly-receipt+jwt', keyFor: () => key })
  return claims?.attempt === row.id
}

type Ending = { readonly told: Told; readonly end: End }

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

const markFinished = (
  tx: Tx,
  row: Row,
  { told, end, log }: Ending & { readonly log: LogBrought },
): Promise<boolean> => {
  const { failure } = end
  const { request, events } = told.body
  const folded = foldEvents(events, row.lastEvent)
  const steps = folded.steps.map(endedWithSandbox)
  const missing = request.lastSeq - log.lastSeq
  const notes = missing > 0 ? [`The log is incomplete: ${missing} pieces did not arrive`] : []
  return writeNews(
    tx,
    row.id,
    { ...folded, steps },
    {
      where: sql`lease_id = ${told.key.lease} and status = 'running' and last_event = ${row.lastEvent} and last_seq = ${row.lastSeq}`,
      set: sql`
        finish_digest = ${told.digest}, phase = null, log_complete = true, ${withNotes([...folded.notes, ...notes])},
        failure_code = ${failure?.code ?? null}, failure_message = ${failure === null ? null : storable(failure.message)},
        receipt = ${request.receipt}, receipt_verified = ${end.receiptVerified},
        last_seq = ${log.lastSeq}, log_key = ${log.key}`,
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
      notices: [logNotice(row)],
      locked: async () => {
        if (!(await mark(tx))) return false
        if (end.plan !== null) await storePlan(tx, run, end.plan)
        return true
      },
    },
  )
  if (changed === null) return false
  const message = end.plan?.headline ?? end.failure?.message ?? `ended ${end.outcome}`
  await setHeadline(tx, changed, job, storable(message))
  return true
}

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
