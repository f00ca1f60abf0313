// A runner proves what it is about to run, and asks for the secrets that the job is owed (protocol/evidence.ts): told what the plan
// was made from, it sends its evidence, which passes here with a ticket about the attempt. The vault judges both.
import { sql } from 'kysely'
import { parseSecretsRequest } from '../../protocol/evidence.ts'
import { type JobTerms, parseTermsRequest } from '../../protocol/job-terms.ts'
import type { Plan } from '../../protocol/plan.ts'
import type { Db } from '../db/database.ts'
import { orbsOf } from '../orbs/orbs.ts'
import { type LeasedJob, leasedJob } from '../stored/leased.ts'
import { parsedBody } from './bodies.ts'
import type { LeaseKey } from './events.ts'
import type { RunnerRoutes } from './listener.ts'
import type { Tickets } from './tickets.ts'

type Deps = { readonly db: Db; readonly tickets: Tickets }

export const secretsVerbs = ({ db, tickets }: Deps): RunnerRoutes['ofLease'] => ({
  terms: ({ caller }, lease, body) => {
    parsedBody(parseTermsRequest, body)
    return termsOf(db, { lease, runner: caller.id })
  },
  secrets: async ({ caller }, lease, body) => {
    const [eph = ''] = parsedBody(parseSecretsRequest, body).eph
    const job = await leasedJob(db, { lease, runner: caller.id })
    const text = Buffer.from(body).toString('utf8')
    return tickets.release(job, { caller, body: text, eph }, { type: 'secrets' })
  },
})

const termsOf = async (db: Db, key: LeaseKey): Promise<JobTerms> => {
  const job = await leasedJob(db, key)
  const [stores, continued] = await Promise.all([orbsOf(db, [job.organisation]), continuedWith(db, job)])
  const orbs = stores[job.organisation] ?? {}
  return { parameters: job.parameters ?? {}, orbs, ...(continued === null ? {} : { continued }) }
}

/** Of a job that came with the second plan of its run. */
const continuedWith = async (
  db: Db,
  { workflow }: LeasedJob,
): Promise<NonNullable<JobTerms['continued']> | null> => {
  const { rows } = await sql<{ plan: Plan; proof: string | null }>`
    select c.plan, c.proof from workflows w join continuations c on c.run_id = w.run_id
    where w.id = ${workflow} and w.continued`.execute(db)
  const [found] = rows
  if (found === undefined) return null
  const { plan, proof } = found
  return proof === null ? { plan } : { plan, proof }
}
