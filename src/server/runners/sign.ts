// A step of a job wants something signed (protocol/signing.ts): its runner asks, the vault decides and signs. Here a ticket about the
// attempt is made, while its lease goes on and not after; and who signed what is written down before the runner has it.
import { fault, isFault } from '../../base/faults.ts'
import { parseSignRequest, type Signature, type SignRequest } from '../../protocol/signing.ts'
import { type AuditEntry, writeAudit } from '../access/audit.ts'
import type { Db } from '../db/database.ts'
import { type LeasedJob, leasedJob } from '../stored/leased.ts'
import type { Caller } from './authenticate.ts'
import { parsedBody } from './bodies.ts'
import type { RunnerRoutes } from './listener.ts'
import type { Tickets } from './tickets.ts'

type Deps = { readonly db: Db; readonly tickets: Pick<Tickets, 'sign'> }

export const signVerbs = (deps: Deps): RunnerRoutes['ofLease'] => ({
  sign: async ({ caller }, lease, body) => {
    const request = parsedBody(parseSignRequest, body)
    const job = await leasedJob(deps.db, { lease, runner: caller.id })
    return sign(deps, job, caller, { request, body: Buffer.from(body).toString('utf8') })
  },
})

const sign = async (
  { db, tickets }: Deps,
  job: LeasedJob,
  caller: Caller,
  { request, body }: { readonly request: SignRequest; readonly body: string },
): Promise<Signature> => {
  const [eph] = request.eph
  if (eph === undefined || request.step > (job.spec?.steps.length ?? 0)) throw fault('E_INPUT')
  try {
    const signature = await tickets.sign(job, { caller, body, eph })
    const { secret, version, algorithm } = signature
    await write(db, job, caller, { request, target: secret, result: 'ok', facts: { version, algorithm } })
    return signature
  } catch (error) {
    if (!isFault(error, 'E_FORBIDDEN')) throw error
    await write(db, job, caller, { request, target: '-', result: 'denied', code: error.row.number })
    throw error
  }
}

const write = (
  db: Db,
  { organisation, project, run, attempt }: LeasedJob,
  { id }: Caller,
  {
    request: { step, digest },
    facts,
    ...entry
  }: Pick<AuditEntry, 'target' | 'result' | 'code' | 'facts'> & {
    readonly request: SignRequest
  },
): Promise<void> =>
  writeAudit(
    db,
    { kind: 'host', name: id, organisation },
    { action: 'secret.sign', project, run, ...entry, facts: { attempt, step, digest, ...facts } },
  )
