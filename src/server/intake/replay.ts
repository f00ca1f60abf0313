// A stored delivery once more, because a person wants it: a further delivery that names the first, and a run of the same
// commit. What kept the first from starting one (too old, [ci skip], a duplicate) is what the person overrules.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { DeliveryId, ProjectId } from '../../base/ids.ts'
import type { ToldCommit } from '../../protocol/plan.ts'
import { type Actor, actorId, type Scope } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import { inScope } from '../access/in-scope.ts'
import type { Database, Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { eventOf } from '../runs/create.ts'
import { findKnownPlan } from '../runs/known-plan.ts'
import { type Places, withPlacing } from '../runs/places.ts'
import { findDeliveredProject } from './delivered-project.ts'
import type { ToldPullRequest } from './delivery-body.ts'
import { nothingToRun } from './judge.ts'
import { storeDelivery } from './store-delivery.ts'

export type ReplayDeps = {
  readonly database: Database
  readonly newId: NewId
  readonly places: Places
  /** What this release compiles with. */
  readonly compiler: string | null
}

/** Returns the new delivery. */
export const replayDelivery = async (
  deps: ReplayDeps,
  actor: Actor,
  first: DeliveryId,
): Promise<DeliveryId> => {
  const { db } = deps.database
  const { project: projectId, ...push } = await findReplayable(db, actor.scope, first)
  const project = await findDeliveredProject(db, { id: projectId })
  if (project === null) throw fault('E_NOT_FOUND', { public: 'No such delivery' })
  const inputs = { event: eventOf('push', push.ref, push.new), parameters: {} }
  const plan = await findKnownPlan({ ...deps, db }, project.id, inputs, actorId(actor))
  const id = deps.newId('delivery')
  const replay = { of: first, by: actorId(actor) }
  const decided = { verdict: 'run', reason: 'Replayed: a run was started', run: null } as const
  await withPlacing(deps.places, (placing) =>
    inTransaction(db, async (tx) => {
      const made = { id, source: 'replay', push: { ...push, sentAt: null }, decided, replay } as const
      const { run } = await storeDelivery(tx, deps.newId, project, { ...made, plan, placing })
      await writeAudit(tx, actor, {
        ...{ action: 'delivery.replay', target: first, project: project.id, result: 'ok' },
        ...(run === null ? {} : { run }),
        facts: { delivery: id },
      })
    }),
  )
  return id
}

type Replayable = {
  readonly project: ProjectId
  readonly ref: string
  readonly old: string | null
  readonly new: string
  readonly toldCommit?: ToldCommit
  readonly pullRequest?: ToldPullRequest
}

const findReplayable = async (db: Db, scope: Scope, id: DeliveryId): Promise<Replayable> => {
  const { rows } = await sql<{
    readonly project: ProjectId
    readonly ref: string | null
    readonly old: string | null
    readonly new: string | null
    readonly toldCommit: ToldCommit | null
    readonly pullRequest: ToldPullRequest | null
  }>`
    select project_id as project, ref, old_commit as old, new_commit as new, told_commit as "toldCommit",
      pull_request as "pullRequest" from deliveries
    where id = ${id} and ${inScope(scope)}`.execute(db)
  const [row] = rows
  if (row === undefined) throw fault('E_NOT_FOUND', { public: 'No such delivery' })
  const { project, ref, old, new: commit, toldCommit, pullRequest } = row
  if (ref === null || commit === null)
    throw fault('E_CONFLICT', {
      public: 'Nothing of it can be replayed: it named no commit that could be believed',
    })
  const push = {
    ...{ ref, old, new: commit },
    ...(toldCommit === null ? {} : { toldCommit }),
    ...(pullRequest === null ? {} : { pullRequest }),
  }
  const nothing = nothingToRun(push)
  if (nothing !== null) throw fault('E_CONFLICT', { public: `Nothing of it can be replayed: ${nothing}` })
  return { project, ...push }
}
