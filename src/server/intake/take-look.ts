// The answer of a look at a source host (polls.ts): what is new, moved or deleted since the last one becomes deliveries, in
// the transaction that ends the attempt, so each change is told once whoever dies. The first look only remembers.
import { sql } from 'kysely'
import type { AttemptId, ProjectId } from '../../base/ids.ts'
import type { RefsResult } from '../../protocol/runner-wire.ts'
import type { Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import type { NewId } from '../new-id.ts'
import { isZeroCommit } from '../runs/git-names.ts'
import { noPlacing } from '../runs/places.ts'
import { findDeliveredProject } from './delivered-project.ts'
import { judgeRef } from './judge.ts'
import { nextLookAfterAnswer } from './polls.ts'
import { type RefChange, refChanges } from './ref-changes.ts'
import { storeDelivery } from './store-delivery.ts'
import { lockPolled, pairWithTold } from './twice.ts'

type Look = { readonly startedAt: Date; readonly polledAt: Date | null }

/** Returns how many refs changed; null when it was no look, or found nothing out. */
export const takeLook = async (
  tx: Tx,
  newId: NewId,
  { id, project }: { readonly id: AttemptId; readonly project: ProjectId },
  refs: RefsResult['refs'],
): Promise<number | null> => {
  if (refs.length === 0 && !(await isOfEmpty(tx, id))) return null
  await lockPolled(tx, project)
  const look = await findLook(tx, id)
  if (look === null) return null
  const isCut = refs.length >= limits.refsPerLookMax
  const known = await knownRefs(tx, project)
  const changes = refChanges(known, refs, { isCut })
  // A first look, or one after polling was off, starts nothing.
  const told = look.polledAt === null ? changes : changes.slice(0, limits.deliveriesPerLookMax)
  if (look.polledAt !== null)
    for (const change of told) await tell(tx, newId, { project, change, since: look.polledAt })
  await remember(tx, project, told)
  const isAll = told.length === changes.length
  // What was left is found again at once; until then what hooks tell meanwhile still counts from the look before.
  await sql`
    update projects set poll_failures = 0, polled_at = ${isAll ? look.startedAt : look.polledAt},
      poll_next_at = ${isAll ? nextLookAfterAnswer : sql`now()`}
    where id = ${project}`.execute(tx)
  return changes.length
}

/**
 * Whether a list without any ref is of a repository that is empty so far: nothing is known of it, and its host could be read. One whose key
 * nobody had confirmed shows no refs either; where there were some, all gone at once is no answer (docs/decisions/0027).
 */
const isOfEmpty = async (tx: Tx, attempt: AttemptId): Promise<boolean> => {
  const { rows } = await sql`
    select from attempts a join projects p on p.id = a.project_id
    where a.id = ${attempt} and a.status = 'passed' and not exists (select from known_refs k where k.project_id = p.id)
      and (p.source ->> 'kind' = 'local' or exists (
        select from host_keys h where h.project_id = p.id and h.confirmed_at < a.started_at))`.execute(tx)
  return rows.length === 1
}

const findLook = async (tx: Tx, attempt: AttemptId): Promise<Look | null> => {
  const { rows } = await sql<Look>`
    select a.started_at as "startedAt", p.polled_at as "polledAt"
    from attempts a join jobs j on j.id = a.job_id join projects p on p.id = a.project_id
    where a.id = ${attempt} and j.key = 'poll' and p.poll_seconds is not null`.execute(tx)
  return rows[0] ?? null
}

const knownRefs = async (tx: Tx, project: ProjectId): Promise<ReadonlyMap<string, string>> => {
  const { rows } = await sql<{ ref: string; commit: string }>`
    select ref, commit from known_refs where project_id = ${project}`.execute(tx)
  return new Map(rows.map(({ ref, commit }) => [ref, commit]))
}

const tell = async (
  tx: Tx,
  newId: NewId,
  {
    project: id,
    change,
    since,
  }: { readonly project: ProjectId; readonly change: RefChange; readonly since: Date },
): Promise<void> => {
  if ((await pairWithTold(tx, id, { push: change, since })) !== null) return
  const project = await findDeliveredProject(tx, { id })
  if (project === null) return
  // What stands in the message is known to nobody before the plan.
  const judged = judgeRef({ ...change, skip: false }) ?? {
    ...({ verdict: 'run', reason: 'Found by polling: a run was started' } as const),
  }
  await storeDelivery(tx, newId, project, {
    ...{ id: newId('delivery'), source: 'poll', push: { ...change, sentAt: null } },
    ...{ decided: { ...judged, run: null }, plan: null, placing: noPlacing },
  })
}

const remember = async (tx: Tx, project: ProjectId, changes: readonly RefChange[]): Promise<void> => {
  const [gone, here] = [
    changes.filter((change) => isZeroCommit(change.new)),
    changes.filter((change) => !isZeroCommit(change.new)),
  ]
  await sql`
    delete from known_refs where project_id = ${project} and ref = any(${gone.map(({ ref }) => ref)}::text[])`.execute(
    tx,
  )
  await sql`
    insert into known_refs (project_id, ref, commit)
    select ${project}, ref, commit
    from unnest(${here.map(({ ref }) => ref)}::text[], ${here.map((change) => change.new)}::text[]) as seen (ref, commit)
    on conflict (project_id, ref) do update set commit = excluded.commit`.execute(tx)
}
