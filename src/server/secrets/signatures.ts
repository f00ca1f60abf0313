// What was signed with a key: rows of the audit log that were written when the vault had signed (runners/sign.ts).
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { RunId } from '../../base/ids.ts'
import type { SecretSignature } from '../../protocol/api/secrets.ts'
import type { SigningAlgorithm } from '../../protocol/signing.ts'
import type { SecretOwner } from '../../protocol/statement.ts'
import type { Scope } from '../access/actor.ts'
import type { Db } from '../db/database.ts'
import type { Page, Paging } from '../use-cases.ts'

type Row = {
  readonly id: string
  readonly at: Date
  readonly run: RunId
  readonly number: number | null
  readonly project: string | null
  readonly runner: string
  readonly details: {
    readonly attempt: string
    readonly step: number
    readonly digest: string
    readonly version: number
    readonly algorithm: SigningAlgorithm
  }
}

export const listSignatures = async (
  db: Db,
  { organisation }: Scope,
  { owner, name }: { readonly owner: SecretOwner; readonly name: string },
  { limit, cursor }: Paging,
): Promise<Page<SecretSignature>> => {
  if (cursor !== undefined && !/^\d{1,18}$/.test(cursor))
    throw fault('E_INPUT', { public: 'cursor is not one of ours' })
  const before = cursor === undefined ? sql`` : sql`and a.id < ${cursor}`
  const { rows } = await sql<Row>`
    select a.id::text, a.at, a.run_id as run, r.number, p.name as project, a.actor_id as runner, a.details
    from secrets s
    join audit a on a.target = s.id and a.organisation_id = s.organisation_id
    left join runs r on r.id = a.run_id left join projects p on p.id = r.project_id
    where s.organisation_id = ${organisation} and (s.project_id = ${owner} or s.context_id = ${owner})
      and s.name = ${name} and a.action = 'secret.sign' ${before}
    order by a.id desc limit ${limit + 1}`.execute(db)
  const page = rows.slice(0, limit)
  return {
    items: page.map(shape),
    next_cursor: rows.length > page.length ? (page.at(-1)?.id ?? null) : null,
  }
}

const shape = ({ at, run, number, project, runner, details }: Row): SecretSignature => {
  const { attempt, step, digest, version, algorithm } = details
  return {
    ...{ at: at.toISOString(), digest, algorithm, version, run_id: run, run_number: number, project },
    ...{ attempt_id: attempt, step, runner_id: runner },
  }
}
