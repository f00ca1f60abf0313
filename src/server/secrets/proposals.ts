// What the vault did not take from one person alone waits here for a second, as it was sent: signed, and sealed where it holds a
// value. Nothing is decided here; the vault looks at both signatures when the second has come.
import { type RawBuilder, sql } from 'kysely'
import { type Fault, fault, isFault } from '../../base/faults.ts'
import type { ContextId, ProjectId, ProposalId } from '../../base/ids.ts'
import type { Proposal } from '../../protocol/api/proposals.ts'
import { proposalAgeSecondsMax, type Statement } from '../../protocol/statement.ts'
import type { VaultRequest } from '../../protocol/vault.ts'
import { statementDigest } from '../../seal/index.ts'
import { type Actor, actorId, type Scope } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import type { Db } from '../db/database.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { actorIn } from '../runs/actor-name.ts'

/** What may wait, with what the vault is asked. */
export type Proposed = {
  readonly [V in Proposal['kind']]: { readonly verb: V; readonly request: VaultRequest<V> }
}[Proposal['kind']]
export type Waiting = Proposed & {
  readonly id: ProposalId
  readonly project: ProjectId | null
  readonly context: ContextId | null
  readonly proposedBy: string
}

/** In an organisation at a time. */
const waitingMax = 100

type Deps = { readonly database: { readonly db: Db }; readonly newId: NewId }
type About = { readonly project: ProjectId | null; readonly context: ContextId | null }

/** Makes the change, or lets it wait when the vault wants a second person; then it throws, and says where it waits. */
export const orProposed = async <T>(
  deps: Deps,
  actor: Actor,
  { about, ...proposed }: Proposed & { readonly about: About },
  change: () => Promise<T>,
): Promise<T> => {
  try {
    return await change()
  } catch (error) {
    if (!isFault(error, 'E_STMT_SECOND') || proposed.request.second !== undefined) throw error
    throw await propose(deps, actor, { ...proposed, ...about })
  }
}

const propose = async (
  { database, newId }: Deps,
  actor: Actor,
  { verb, request, project, context }: Proposed & About,
): Promise<Fault> => {
  const { organisation } = actor.scope
  const statement: Statement = request.statement
  const digest = await statementDigest(statement)
  const id = await inTransaction(database.db, async (tx) => {
    await requireRoom(tx, actor.scope)
    const { rows } = await sql<{ id: ProposalId }>`
      insert into proposals (id, organisation_id, verb, project_id, context_id, digest, request, proposed_by, expires_at)
      values (${newId('proposal')}, ${organisation}, ${verb}, ${project}, ${context}, ${digest},
        ${JSON.stringify(request)}, ${actorId(actor)}, to_timestamp(${statement.iat + proposalAgeSecondsMax}))
      on conflict (organisation_id, digest) do update set state = 'waiting', request = excluded.request,
        proposed_by = excluded.proposed_by, decided_by = null, decided_at = null
      returning id`.execute(tx)
    const [row] = rows
    if (row === undefined) throw new Error('an insert answers its row')
    const facts = { verb, digest, signer: statement.iss }
    await writeAudit(tx, actor, { action: 'proposal.make', target: row.id, result: 'ok', facts })
    return row.id
  })
  return fault('E_STMT_SECOND', {
    public: `It lets more jobs have it, or for longer, and waits for a second person as ${id}`,
  })
}

const requireRoom = async (tx: Tx, scope: Scope): Promise<void> => {
  const { rows } = await sql<{ many: boolean }>`
    select count(*) >= ${waitingMax} as many from proposals p where ${waitingIn(scope)}`.execute(tx)
  if (rows[0]?.many !== false)
    throw fault('E_TOO_LARGE', { public: `At most ${waitingMax} changes wait for a second person` })
}

/** What nobody signed in time is not kept, above all no sealed value. */
export const expireProposals = async (db: Db): Promise<void> => {
  await sql`
    update proposals set state = 'expired', request = null where state = 'waiting' and expires_at <= now()`.execute(
    db,
  )
}

type Row = {
  readonly id: ProposalId
  readonly verb: Proposal['kind']
  readonly statement: Record<string, unknown>
  readonly name: string | null
  readonly project: string | null
  readonly context: string | null
  readonly by: { readonly name: string }
  readonly at: Date
  readonly until: Date
}

const waitingIn = ({ organisation }: Scope): RawBuilder<unknown> =>
  sql`p.organisation_id = ${organisation} and p.state = 'waiting' and p.expires_at > now()`

export const listProposals = async (db: Db, scope: Scope): Promise<readonly Proposal[]> => {
  const { rows } = await sql<Row>`
    select p.id, p.verb, p.request->'statement' as statement, p.request->>'name' as name,
      projects.name as project, contexts.name as context, ${actorIn(sql`p.proposed_by`)} as by,
      p.proposed_at as at, p.expires_at as until
    from proposals p left join projects on projects.id = p.project_id left join contexts on contexts.id = p.context_id
    where ${waitingIn(scope)} order by p.proposed_at desc, p.id desc`.execute(db)
  return rows.map(({ id, verb: kind, statement, name, project, context, by, at, until }) => ({
    ...{ id, kind, statement, proposed_by: by.name },
    secret: name === null ? null : { name, project, context },
    ...{ proposed_at: at.toISOString(), expires_at: until.toISOString() },
  }))
}

export const getWaiting = async (db: Db, scope: Scope, proposal: string): Promise<Waiting> => {
  const { rows } = await sql<Waiting>`
    select p.id, p.verb, p.request, p.project_id as project, p.context_id as context, p.proposed_by as "proposedBy"
    from proposals p where p.id = ${proposal} and ${waitingIn(scope)}`.execute(db)
  const [row] = rows
  if (row === undefined) throw fault('E_NOT_FOUND', { public: 'No such change waits for a second person' })
  return row
}

/** Whoever comes second finds nothing that waits. */
export const decide = async (
  db: Db,
  actor: Actor,
  {
    id,
    state,
    signer,
  }: { readonly id: ProposalId; readonly state: 'accepted' | 'withdrawn'; readonly signer?: string },
): Promise<void> =>
  inTransaction(db, async (tx) => {
    const { numAffectedRows } = await sql`
      update proposals p set state = ${state}, request = null, decided_by = ${actorId(actor)}, decided_at = now()
      where p.id = ${id} and ${waitingIn(actor.scope)}`.execute(tx)
    if (numAffectedRows !== 1n && state === 'withdrawn') throw fault('E_NOT_FOUND')
    const action = state === 'accepted' ? 'proposal.sign' : 'proposal.withdraw'
    await writeAudit(tx, actor, {
      ...{ action, target: id, result: 'ok' },
      ...(signer === undefined ? {} : { facts: { signer } }),
    })
  })
