// Marks a line of a log as the error of its attempt, for everybody who opens it; there is one such line, or none. Only where it stands
// is kept: the text stays in the sealed log. Pages that are open hear of it as of every change of the job.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { AttemptId, OrganisationId, ProjectId, RunId } from '../../base/ids.ts'
import type { Attempt } from '../../protocol/api/shapes.ts'
import { type Actor, actorId } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import { inScope } from '../access/in-scope.ts'
import type { Db } from '../db/database.ts'
import { notify } from '../db/notify.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import { findAttempt } from './attempt-read.ts'
import { runNotice } from './run-notice.ts'

type Pin = { readonly step: number; readonly line: number }
type Row = { readonly project: ProjectId; readonly run: RunId | null }

/** `pin` null: no line is marked any more. */
export const pinError = async (
  db: Db,
  actor: Actor,
  { attempt, pin }: { readonly attempt: AttemptId; readonly pin: Pin | null },
): Promise<Attempt> => {
  await inTransaction(db, async (tx) => {
    const { rows } = await sql<Row>`
      select project_id as project, run_id as run from attempts
      where id = ${attempt} and ${inScope(actor.scope)}`.execute(tx)
    if (rows[0] === undefined) throw fault('E_NOT_FOUND', { public: 'No such attempt' })
    const { project, run } = rows[0]
    const changed = pin === null ? removed(attempt) : marked(attempt, actor, pin)
    if ((await changed.execute(tx)).rows.length === 0) return
    if (run !== null) await countAsChange(tx, run, attempt)
    await writeAudit(tx, actor, {
      ...{ action: pin === null ? 'log.unpin' : 'log.pin', target: attempt, project, result: 'ok' },
      ...(run === null ? {} : { run }),
      ...(pin === null ? {} : { facts: pin }),
    })
  })
  const shown = await findAttempt(db, actor.scope, attempt)
  if (shown === null) throw fault('E_NOT_FOUND', { public: 'No such attempt' })
  return shown
}

/** A rev of the run in which nothing but this job changed: whoever follows the run reads the job again. */
const countAsChange = async (tx: Tx, run: RunId, attempt: AttemptId): Promise<void> => {
  const { rows } = await sql<{ organisation: OrganisationId; project: ProjectId; rev: number }>`
    with changed as (
      update runs set rev = rev + 1 where id = ${run}
      returning id, organisation_id as organisation, project_id as project, rev),
    of as (
      update jobs j set rev = changed.rev from changed, attempts a
      where a.id = ${attempt} and j.id = a.job_id and j.run_id = changed.id)
    select organisation, project, rev from changed`.execute(tx)
  await notify(
    tx,
    rows.map((row) => runNotice({ ...row, run })),
  )
}

const removed = (attempt: AttemptId) =>
  sql`delete from pinned_errors where attempt_id = ${attempt} returning 1`

/** Nothing when it is that line already: whoever marked it first did. */
const marked = (attempt: AttemptId, actor: Actor, { step, line }: Pin) => sql`
  insert into pinned_errors as p (attempt_id, step, line, pinned_by) values (${attempt}, ${step}, ${line}, ${actorId(actor)})
  on conflict (attempt_id) do update set step = excluded.step, line = excluded.line, pinned_by = excluded.pinned_by, pinned_at = now()
  where (p.step, p.line) <> (excluded.step, excluded.line) returning 1`
