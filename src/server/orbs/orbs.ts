// The orb store of an organisation: sources of public orbs under their exact ids, put here by somebody who answers for
// them. Nothing is fetched. An exact version never changes; a `dev:` label and an address may be put again.
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { OrganisationId } from '../../base/ids.ts'
import type { Orb, OrbSource } from '../../protocol/api/shapes.ts'
import type { PollAnswer } from '../../protocol/runner-wire.ts'
import { type Actor, actorId, type Scope } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import type { Database, Db } from '../db/database.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import { actorIn } from '../runs/actor-name.ts'
import type { Orbs } from '../use-cases.ts'
import type { CheckOrb } from './check.ts'

const storeBytesMax = 4 * 1024 * 1024
const orbsMax = 200

export type OrbsDeps = { readonly database: Database; readonly checkOrb: CheckOrb }

export const createOrbs = ({ database, checkOrb }: OrbsDeps): Orbs => ({
  list: (scope) => list(database.db, scope),
  sources: async ({ organisation }) => {
    const store = (await orbsOf(database.db, [organisation]))[organisation] ?? {}
    return { items: Object.entries(store).map(([id, text]) => ({ id, text })), next_cursor: null }
  },
  source: async ({ organisation }, id) => {
    const { rows } = await sql<OrbSource>`
      select id, text from orbs where organisation_id = ${organisation} and id = ${id}`.execute(database.db)
    return rows[0] ?? null
  },
  put: async (actor, input) => {
    await checkOrb(input.id, input.text)
    return put(database.db, actor, input)
  },
})

type Row = {
  readonly id: string
  readonly sha256: string
  readonly bytes: number
  readonly added_at: Date
  readonly added_by: string
  readonly added_by_name: string
}

const list = async (db: Db, { organisation }: Scope): Promise<{ items: Orb[]; next_cursor: null }> => {
  const { rows } = await sql<Row>`
    select id, sha256, octet_length(text) as bytes, added_at, added_by,
      ${actorIn(sql`added_by`)}->>'name' as added_by_name from orbs
    where organisation_id = ${organisation} order by id limit ${orbsMax}`.execute(db)
  return { items: rows.map((row) => ({ ...row, added_at: row.added_at.toISOString() })), next_cursor: null }
}

const put = async (db: Db, actor: Actor, { id, text }: { id: string; text: string }): Promise<Orb> => {
  const { organisation } = actor.scope
  const sha256 = createHash('sha256').update(text).digest('hex')
  await inTransaction(db, async (tx) => {
    // One at a time: the bounds hold for the store as a whole.
    await sql`select 1 from organisations where id = ${organisation} for update`.execute(tx)
    const known = await sql<{ sha256: string }>`
      select sha256 from orbs where organisation_id = ${organisation} and id = ${id}`.execute(tx)
    if (known.rows[0] !== undefined && known.rows[0].sha256 !== sha256 && isExact(id))
      throw fault('E_CONFLICT', {
        public: `${id} is here already, with another text; a version never changes`,
      })
    await sql`
      insert into orbs (organisation_id, id, text, sha256, added_by)
      values (${organisation}, ${id}, ${text}, ${sha256}, ${actorId(actor)})
      on conflict (organisation_id, id) do update
        set text = excluded.text, sha256 = excluded.sha256, added_at = now(), added_by = excluded.added_by
        where orbs.sha256 <> excluded.sha256`.execute(tx)
    await checkSize(tx, organisation)
    await writeAudit(tx, actor, { action: 'orb.put', target: id, result: 'ok', facts: { sha256 } })
  })
  const { items } = await list(db, actor.scope)
  const orb = items.find((item) => item.id === id)
  if (orb === undefined) throw fault('E_NOT_FOUND')
  return orb
}

const isExact = (id: string): boolean => /@\d+\.\d+\.\d+$/.test(id)

/** All of it goes to the runner that plans, in one answer. */
const checkSize = async (tx: Tx, organisation: OrganisationId): Promise<void> => {
  const { rows } = await sql<{ count: number; bytes: number }>`
    select count(*)::int as count, sum(octet_length(text))::int as bytes from orbs
    where organisation_id = ${organisation}`.execute(tx)
  const { count = 0, bytes = 0 } = rows[0] ?? {}
  if (count > orbsMax || bytes > storeBytesMax)
    throw fault('E_INPUT', {
      public: `the orb store holds at most ${orbsMax} orbs and ${storeBytesMax / 1024 / 1024} MiB`,
    })
}

type Expression = ReturnType<typeof sql>

/**
 * What a plan depends on beside compiler, event and parameters: the orbs of the store, in one word; empty without any.
 * `organisation` is an SQL expression.
 */
export const orbsKeySql = (organisation: Expression) => sql<string>`
  coalesce((select ':' || md5(string_agg(o.id || ' ' || o.sha256, ',' order by o.id)) from orbs o
    where o.organisation_id = ${organisation}), '')`

/** What an attempt says its plan was made with: other orbs may make another plan. Both are SQL expressions. */
export const planMadeWithSql = ({
  compiler,
  organisation,
}: {
  readonly compiler: Expression
  readonly organisation: Expression
}) => sql<string | null>`(${compiler}::text || ${orbsKeySql(organisation)})`

/** For the answer to a poll that leases plans. */
export const orbsOf = async (
  db: Db,
  organisations: readonly OrganisationId[],
): Promise<NonNullable<PollAnswer['orbs']>> => {
  const { rows } = await sql<{ organisation: OrganisationId; id: string; text: string }>`
    select organisation_id as organisation, id, text from orbs
    where organisation_id = any(${[...organisations]}::text[]) order by id`.execute(db)
  const stores = new Map<string, Record<string, string>>()
  for (const { organisation, id, text } of rows)
    stores.set(organisation, { ...stores.get(organisation), [id]: text })
  return Object.fromEntries(stores)
}
