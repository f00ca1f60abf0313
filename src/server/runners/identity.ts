// A step of a job that proves who it is begins: its runner asks for tokens (protocol/identity.ts), the vault mints and seals them.
// What passes here is a ticket about the attempt; no token can be read.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { RunId, UserId } from '../../base/ids.ts'
import { type IdentityAnswer, type IdentityRequest, parseIdentityRequest } from '../../protocol/identity.ts'
import type { Db } from '../db/database.ts'
import { type LeasedJob, leasedJob } from '../stored/leased.ts'
import type { Caller } from './authenticate.ts'
import { parsedBody } from './bodies.ts'
import type { LeaseKey } from './events.ts'
import type { RunnerRoutes } from './listener.ts'
import type { Tickets } from './tickets.ts'

type Deps = { readonly db: Db; readonly tickets: Tickets }

export const identityVerbs = (deps: Deps): RunnerRoutes['ofLease'] => ({
  identity: ({ caller }, lease, body) =>
    releaseTokens(deps, { lease, runner: caller.id }, caller, {
      request: parsedBody(parseIdentityRequest, body),
      body: Buffer.from(body).toString('utf8'),
    }),
})

const releaseTokens = async (
  { db, tickets }: Deps,
  key: LeaseKey,
  caller: Caller,
  { request, body }: { readonly request: IdentityRequest; readonly body: string },
): Promise<IdentityAnswer> => {
  const job = await leasedJob(db, key)
  requireDeclared(job, request)
  const [eph] = request.eph
  if (eph === undefined) throw fault('E_INPUT')
  const actor = await starterOf(db, job.run)
  const extras = {
    ...(actor === null ? {} : { actor }),
    ...(job.workflow === null ? {} : { workflow: job.workflow }),
  }
  return tickets.release(job, { caller, body, eph }, { type: 'oidc' }, extras)
}

/** A token for an audience that the plan does not name is nobody's. */
const requireDeclared = ({ spec }: LeasedJob, { step, audiences }: IdentityRequest): void => {
  const isDeclared = audiences.every((audience) => spec?.audiences?.includes(audience) === true)
  if (!isDeclared || step > (spec?.steps.length ?? 0))
    throw fault('E_FORBIDDEN', { public: 'The plan of this job declares no such audience' })
}

const starterOf = async (db: Db, run: RunId): Promise<UserId | null> => {
  const { rows } = await sql<{ id: UserId | null }>`
    select u.id from runs r join users u on u.id = r.started_by where r.id = ${run}`.execute(db)
  return rows[0]?.id ?? null
}
