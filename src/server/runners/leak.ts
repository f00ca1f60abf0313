// A runner saw a secret in what its attempt said (protocol/leaks.ts). A ticket about the attempt goes with it to the vault, which knows what
// the attempt was given and what its owner chose; what became of it is written down here, and said on the attempt.
import { sql } from 'kysely'
import { type LeakAnswer, parseLeakReport } from '../../protocol/leaks.ts'
import { writeAudit } from '../access/audit.ts'
import type { Db } from '../db/database.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import { type LeasedJob, leasedJob } from '../stored/leased.ts'
import type { Caller } from './authenticate.ts'
import { parsedBody } from './bodies.ts'
import type { RunnerRoutes } from './listener.ts'
import { withNotes } from './news.ts'
import type { Tickets } from './tickets.ts'

type Deps = { readonly db: Db; readonly tickets: Pick<Tickets, 'tellLeak'> }

export const leakVerbs = ({ db, tickets }: Deps): RunnerRoutes['ofLease'] => ({
  leak: async ({ caller }, lease, body) => {
    const [eph = ''] = parsedBody(parseLeakReport, body).eph
    const job = await leasedJob(db, { lease, runner: caller.id })
    const told = await tickets.tellLeak(job, { caller, body: Buffer.from(body).toString('utf8'), eph })
    if (told.secrets.length > 0)
      await inTransaction(db, async (tx) => {
        for (const one of told.secrets) await write(tx, { job, caller }, one)
      })
    return told
  },
})

/** Once for each attempt and secret: it may be told again, because an answer was lost. */
const write = async (
  tx: Tx,
  { job, caller }: { readonly job: LeasedJob; readonly caller: Caller },
  { secret, name, version, became }: LeakAnswer['secrets'][number],
): Promise<void> => {
  const { organisation, project, run, attempt } = job
  const note = notes[became](name)
  const { numAffectedRows } = await sql`
    update attempts set ${withNotes([note])} where id = ${attempt} and not ${note} = any(notes)`.execute(tx)
  if (numAffectedRows === 0n) return
  if (became === 'revoked')
    await sql`
      update secrets set state = 'revoked', changed_by = ${caller.id}, changed_at = now()
      where id = ${secret} and version = ${version}`.execute(tx)
  const actor = { kind: 'host' as const, name: caller.id, organisation }
  await writeAudit(tx, actor, {
    ...{ action: 'secret.leaked', target: secret, project, run, result: 'error' },
    facts: { attempt, version, became },
  })
}

const notes = {
  revoked: (name: string) =>
    `ALARM: ${name} is revoked, as its owner chose for a secret that is in the output of a job. Jobs that have it keep it until they end: replace it where it opens something, then put the new value`,
  ended: (name: string) =>
    `ALARM: what ${name} was before goes to no job any more, as its owner chose for a secret that is in the output of a job. Replace it where it still opens something`,
  kept: (name: string) =>
    `ALARM: ${name} still goes to jobs. Replace it where it opens something, and put the new value; --on-leak revoke stops it by itself`,
}
