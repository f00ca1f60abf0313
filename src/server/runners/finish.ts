// The end of an attempt, told by its runner: compare-and-set on (attempt, lease), in one transaction with everything that
// follows. The same body again gets the same answer; anything else about a lease that has ended is 409.
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { toBase64Url } from '../../base/bytes.ts'
import type { ProjectId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { Outcome } from '../../protocol/plan.ts'
import type { FinishRequest } from '../../protocol/runner-wire.ts'
import { statusOf } from '../../schedule/index.ts'
import { type CryptoKey, verifyJws } from '../../seal/index.ts'
import type { Db } from '../db/database.ts'
import { type Notice, notify } from '../db/notify.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { changeRun } from '../runs/change.ts'
import { setHeadline } from '../runs/headline.ts'
import type { VaultClient } from '../vault-client.ts'
import { type LeasedAttempt, type LeaseKey, leaseLost, storable } from './events.ts'
import { preparePlan, storePlan } from './finish-plan.ts'
import { storeRefs } from './finish-refs.ts'

export type FinishDeps = {
  readonly db: Db
  readonly newId: NewId
  readonly vault: VaultClient
  readonly log: Log
}

type Row = LeasedAttempt & {
  readonly project: ProjectId
  readonly kind: string
  readonly status: string
  readonly digest: Buffer | null
  readonly lastSeq: number
  readonly logKey: Buffer | null
}

export const finishAttempt = async (
  deps: FinishDeps,
  key: LeaseKey & { readonly publicKey: CryptoKey },
  { request, body }: { readonly request: FinishRequest; readonly body: Uint8Array },
): Promise<void> => {
  const digest = createHash('sha256').update(body).digest()
  const row = await findByLease(deps.db, key)
  if (row === null) throw leaseLost()
  if (row.status !== 'running') {
    if (row.digest?.equals(digest)) return
    throw leaseLost()
  }
  const end = await prepareEnd(deps, row, { request, key: key.publicKey })
  const mark = (tx: Tx) => markFinished(tx, row, { key, digest, end, request })
  const isDone = await inTransaction(deps.db, (tx) =>
    row.run === null
      ? endOutsideRuns(tx, row, { end, mark })
      : endInRun(tx, deps, { ...row, run: row.run }, { end, mark }),
  )
  if (!isDone) return finishAttempt(deps, key, { request, body })
}

const findByLease = async (db: Db, { lease, runner }: LeaseKey): Promise<Row | null> => {
  const { rows } = await sql<Row>`
    select a.id, a.job_id as job, a.run_id as run, a.number, a.project_id as project, j.kind, a.status,
      a.finish_digest as digest, a.last_seq as "lastSeq", a.log_key as "logKey"
    from attempts a join jobs j on j.id = a.job_id
    where a.lease_id = ${lease} and a.runner_id = ${runner}`.execute(db)
  return rows[0] ?? null
}

/** Everything that needs no lock: signatures, the digest of a plan, the vault. */
type End = {
  readonly outcome: Outcome
  readonly failure: { readonly code: string | null; readonly message: string } | null
  readonly request: FinishRequest
  readonly plan: Awaited<ReturnType<typeof preparePlan>> | null
  readonly receiptVerified: boolean
  readonly wrapped: string | null
}

const prepareEnd = async (
  deps: FinishDeps,
  row: Row,
  { request, key }: { readonly request: FinishRequest; readonly key: CryptoKey },
): Promise<End> => {
  const { result } = request
  const plan =
    row.kind === 'plan' && row.run !== null && result.kind === 'plan'
      ? await preparePlan(deps, row.run, { outcome: request.outcome, result })
      : null
  const isOther = result.kind !== (row.kind === 'plan' || row.kind === 'refs' ? row.kind : 'job')
  const failure = isOther
    ? { code: 'E_PROTOCOL', message: 'The runner answered with a result of another kind' }
    : (plan?.failure ?? request.reason)
  return {
    outcome: isOther ? 'errored' : (plan?.outcome ?? request.outcome),
    failure,
    request,
    plan,
    receiptVerified: await isGenuineReceipt(request.receipt, row, key),
    wrapped: await wrapLogKey(deps, row),
  }
}

const isGenuineReceipt = async (receipt: string | null, row: Row, key: CryptoKey): Promise<boolean> => {
  if (receipt === null) return false
  const claims = await verifyJws(receipt, { typ: 'mayfly-receipt+jwt', keyFor: () => key })
  return claims?.attempt === row.id
}

/** From the runner's seal to the project's own key. If the vault is away, the sealed one still serves. */
const wrapLogKey = async ({ vault, log }: FinishDeps, row: Row): Promise<string | null> => {
  if (row.logKey === null) return null
  try {
    const sealedKey = toBase64Url(row.logKey)
    return (await vault.call('blob.rewrap', { object: row.id, project: row.project, sealedKey })).wrapped
  } catch (error) {
    log.warn('log key not wrapped', { attempt: row.id, error })
    return null
  }
}

/** false when somebody else ended it meanwhile. Steps that were under way ended with their sandbox. */
const markFinished = async (
  tx: Tx,
  row: Row,
  { key, digest, end, request }: { key: LeaseKey; digest: Buffer; end: End; request: FinishRequest },
): Promise<boolean> => {
  const { failure } = end
  const missing = request.lastSeq - row.lastSeq
  const notes = missing > 0 ? [`The log is incomplete: ${missing} pieces did not arrive`] : []
  const { rows } = await sql`
    with marked as (
      update attempts set finish_digest = ${digest}, phase = null, log_complete = true, notes = notes || ${notes}::text[],
        failure_code = ${failure?.code ?? null}, failure_message = ${failure === null ? null : storable(failure.message)},
        receipt = ${request.receipt}, receipt_verified = ${end.receiptVerified}, log_key_wrapped = ${end.wrapped}
      where id = ${row.id} and lease_id = ${key.lease} and status = 'running' returning id
    ), ended as (
      update steps s set status = 'cancelled' from marked m where s.attempt_id = m.id and s.status = 'running'
    ) select 1 from marked`.execute(tx)
  return rows.length === 1
}

type Ending = { readonly end: End; readonly mark: (tx: Tx) => Promise<boolean> }

const endInRun = async (
  tx: Tx,
  deps: FinishDeps,
  row: Row & { readonly run: NonNullable<Row['run']> },
  { end, mark }: Ending,
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
      ...(ready === undefined ? {} : { insertPlanned: ready.insertPlanned }),
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

const endOutsideRuns = async (tx: Tx, row: Row, { end, mark }: Ending): Promise<boolean> => {
  if (!(await mark(tx))) return false
  const { status, skip } = statusOf(end.outcome)
  await sql`update jobs set status = ${status}, skip_reason = ${skip} where id = ${row.job}`.execute(tx)
  await sql`update attempts set status = ${status}, finished_at = now() where id = ${row.id}`.execute(tx)
  if (end.request.result.kind === 'refs') await storeRefs(tx, row, end.request.result)
  await notify(tx, [logNotice(row)])
  return true
}

const logNotice = ({ id }: Row): Notice => ({ channel: 'mayfly_log', payload: id })
