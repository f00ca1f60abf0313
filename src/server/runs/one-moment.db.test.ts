// A run and its jobs are read as of one moment. Who follows a run from the `rev` that was read is told only what changed
// after it: a job read earlier than its run would stay as it was, on the screen of everybody who follows.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, openParts } from '../../../test/support/parts.ts'
import { parseId, type RunId } from '../../base/ids.ts'
import { inTransaction } from '../db/transaction.ts'

const changes = 300

test('a run that changes while it is read is read with its jobs as of the same moment', async () => {
  const parts = await openParts()
  const { runs, scope, actor } = parts
  await addLocalProject(parts, 'web')
  const run = parseId('run', (await runs.startRun(actor, { project: 'web' })).id)!
  await sql`update jobs set rev = (select rev from runs where id = ${run}) where run_id = ${run}`.execute(
    parts.db,
  )
  const change = (id: RunId) =>
    inTransaction(parts.db, async (tx) => {
      await sql`update runs set rev = rev + 1 where id = ${id}`.execute(tx)
      await sql`update jobs set rev = (select rev from runs where id = ${id}) where run_id = ${id}`.execute(
        tx,
      )
    })
  const all = { done: false }
  const changing = (async () => {
    for (let n = 0; n < changes; n++) await change(run)
  })().finally(() => {
    all.done = true
  })
  let reads = 0
  while (!all.done) {
    const shown = await runs.findRun(scope, run)
    reads += 1
    assert.ok(shown !== null && shown.jobs.length > 0)
    for (const job of shown.jobs) assert.equal(job.rev, shown.rev)
  }
  await changing
  assert.ok(reads > 3, `${reads} reads`)
})
