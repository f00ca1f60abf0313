// What people and runners wait for reads few rows also of a young database, whose tables nobody counted yet (decision 0077):
// as many with a thousand runs as with a hundred.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createRowsRead } from '../../../test/support/rows-read.ts'
import { createScriptedRunner } from '../../../test/support/scripted-runner.ts'
import { parseId, type RunId } from '../../base/ids.ts'
import { findComparedRun } from '../compare/read.ts'

const rowsRead = createRowsRead()
const parts = await openParts({ onConnect: rowsRead.onConnect })
const { db, runs, scope, actor } = parts
const project = await addLocalProject(parts, 'web')
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'r'))
after(() => runner.close())

const tables = ['runs', 'plans', 'workflows', 'jobs', 'attempts'] as const
const jobs = [{ key: 'a' }, { key: 'b', needs: [{ job: 'a', on: ['passed' as const] }] }]
const commitOf = (n: number) => n.toString(16).padStart(40, 'c')
const start = async (commit: string): Promise<RunId> =>
  parseId('run', (await runs.startRun(actor, { project: 'web', ref: 'main', commit })).id)!

/** To its end; a commit that was planned before begins at its jobs. */
const carryOut = async (commit: string): Promise<RunId> => {
  const id = await start(commit)
  const [first] = await runner.take({}, 1)
  if (first?.spec.kind === 'plan') await runner.finishPlan(first, jobs)
  else await runner.finish(first!)
  for (let left = first?.spec.kind === 'plan' ? 2 : 1; left > 0; left--) {
    const [held] = await runner.take({}, 1)
    await runner.finish(held!)
  }
  return id
}

/** So many more runs like `of`, with everything that belongs to them. */
const copyRuns = async (of: RunId, from: number, to: number): Promise<void> => {
  const id = (column: string) =>
    `'${column}', left(t.${column}, 4) || lpad(g::text, 8, '0') || right(t.${column}, 18)`
  const changes = {
    runs: `${id('id')}, 'number', 1000000 + g, 'commit', md5(g::text) || left(md5('x' || g), 8)`,
    plans: `${id('run_id')}, 'plan', jsonb_set(t.plan, '{inputs,event,commit}', to_jsonb(md5(g::text)))`,
    workflows: `${id('id')}, ${id('run_id')}`,
    jobs: `${id('id')}, ${id('run_id')}, ${id('workflow_id')}`,
    attempts: `${id('id')}, ${id('run_id')}, ${id('job_id')}, ${id('lease_id')}`,
  }
  for (const table of tables) {
    const { rows } = await sql<{ names: string[] }>`
      select array_agg(quote_ident(column_name) order by ordinal_position) as names from information_schema.columns
      where table_schema = 'public' and table_name = ${table} and is_generated = 'NEVER' and is_identity = 'NO'`.execute(
      db,
    )
    const names = rows[0]!.names
    const own = table === 'runs' ? 'id' : 'run_id'
    await sql
      .raw(
        `insert into ${table} (${names.join(', ')})
        select ${names.map((name) => `c.${name}`).join(', ')} from ${table} t cross join generate_series(${from}, ${to}) g
          cross join lateral jsonb_populate_record(t, jsonb_build_object(${changes[table]})) c
        where t.${own} = '${of}'`,
      )
      .execute(db)
  }
}

let run: RunId
before(async () => {
  // Nobody counts them until the test is over.
  for (const table of tables)
    await sql.raw(`alter table ${table} set (autovacuum_enabled = false)`).execute(db)
  for (let n = 0; n < 4; n++) run = await carryOut(commitOf(n))
})

let next = 100
const waits: Readonly<Record<string, () => Promise<unknown>>> = {
  'a run of a new commit, from its start to its end': () => carryOut(commitOf(next++)),
  'a run of a known commit, from its start to its end': () => carryOut(commitOf(0)),
  'a run that is cancelled': async () => {
    const id = await start(commitOf(next++))
    // Somebody looks while it is queued.
    await runs.findRun(scope, id)
    await runs.jobsSince(scope, id, -1)
    await runs.cancelRun(actor, id)
  },
  'the page of a run': async () => {
    assert.ok(await runs.findRun(scope, run))
    assert.ok(await runs.findTimeline(scope, run))
    assert.ok(await runs.findWorkspaces(scope, run))
    assert.ok(await runs.findChanges(scope, run))
    assert.ok(await findComparedRun(db, scope, run))
  },
  'what changed of a run': async () => assert.ok(await runs.jobsSince(scope, run, -1)),
  'the list of all runs': () => runs.listRuns(scope, { limit: 25 }),
  'the list of all runs, oldest first': () => runs.listRuns(scope, { limit: 25, sort: 'created_at' }),
  'the list of the runs of a project, by its id': () => runs.listRuns(scope, { limit: 25, project }),
  'the list of the runs of a project, by its name': () => runs.listRuns(scope, { limit: 25, project: 'web' }),
  'the list of failed runs of a project': () =>
    runs.listRuns(scope, { limit: 25, project: 'web', status: 'failed' }),
  'the list of failed runs': () => runs.listRuns(scope, { limit: 25, status: 'failed' }),
  'the list of the runs of a branch': () => runs.listRuns(scope, { limit: 25, branch: 'main' }),
  'the list of the runs of a branch that has none': () => runs.listRuns(scope, { limit: 25, branch: 'none' }),
  'the list of the runs of a commit': () => runs.listRuns(scope, { limit: 25, commit: commitOf(0) }),
  'the list of scheduled runs': () => runs.listRuns(scope, { limit: 25, event: 'schedule' }),
  'the list of the runs of an author': () => runs.listRuns(scope, { limit: 25, author: 'Nobody' }),
}

/** Of what belongs to a run, to the runs of a page or the last twenty; and of what this file left behind, which nobody sweeps up either. */
const enough = 400
/** A statement is planned for its values five times, and then perhaps once for all. */
const times = 7

test('what is planned while there is nothing stays planned so', async () => {
  for (const work of Object.values(waits)) for (let n = 0; n < times; n++) await work()
})

for (const [from, to] of [
  [1, 700],
  [701, 3000],
] as const) {
  test(`nobody counted the tables with ${to} more runs`, async () => {
    await copyRuns(run, from, to)
    const { rows } = await sql<{ counted: number; runs: number }>`
      select (select count(*) from pg_class where relname = any(${[...tables]}::text[]) and reltuples >= 0)::int as counted,
        (select count(*) from runs)::int as runs`.execute(db)
    assert.equal(rows[0]?.counted, 0)
    assert.ok(rows[0].runs > to)
  })
  for (const [name, work] of Object.entries(waits))
    test(`${name} reads few rows among ${to}`, async () => {
      for (let n = 0; n < times; n++) {
        const { statements, readings } = await rowsRead.during(work)
        assert.ok(statements > 0, 'PostgreSQL tells what it reads')
        assert.deepEqual(
          readings.filter(({ rows }) => rows > enough),
          [],
        )
      }
    })
}
