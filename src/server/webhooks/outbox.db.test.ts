// Events are rows of the transaction that they are about: a run of a scripted runner tells what happened in its order, one that is
// rolled back tells nothing, and no run pays a statement for it.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type KyselyPlugin, sql } from 'kysely'
import { enrolRunner } from '../../../test/support/parts.ts'
import { createScriptedRunner } from '../../../test/support/scripted-runner.ts'
import { openWebhookWorld } from '../../../test/support/webhook-world.ts'
import { parseId, type RunId } from '../../base/ids.ts'
import { inTransaction } from '../db/transaction.ts'
import { changeRun } from '../runs/change.ts'
import { eventOf, insertRun } from '../runs/create.ts'
import { noPlacing } from '../runs/places.ts'
import { openSender } from './sender.ts'

const world = await openWebhookWorld()
const { parts, webhooks, receiver } = world
const { db, actor, newId } = parts
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'r'))
after(() => runner.close())
const inWeb = (webhook: string) => ({ project: 'web', webhook })
const told = async (webhook: string): Promise<readonly string[]> =>
  (await world.deliveries(webhook))
    .toReversed()
    .map(({ event, status, job }) => [event, status, ...(job === null ? [] : [job.name])].join(' '))
const start = async (): Promise<RunId> =>
  parseId('run', (await parts.runs.startRun(actor, { project: 'web', ref: 'main' })).id)!

test('a project without targets writes nothing and has no statement more; one with targets neither', async () => {
  const count = { statements: 0 }
  const counting: KyselyPlugin = {
    transformQuery: ({ node }) => {
      count.statements++
      return node
    },
    transformResult: async ({ result }) => result,
  }
  const counted = db.withPlugin(counting)
  const statementsOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = count.statements
    await work()
    return count.statements - before
  }
  const begin = () =>
    inTransaction(counted, (tx) =>
      insertRun(tx, newId, {
        ...{ organisation: parts.organisation, project: world.project.id, delivery: null, startedBy: 'test' },
        event: eventOf('manual', 'refs/heads/main', 'a'.repeat(40)),
        ...{ plan: null, placing: noPlacing, isLimited: false },
      }),
    )
  const both = async () => {
    const run: { id?: RunId } = {}
    const begun = await statementsOf(async () => {
      run.id = (await begin()).id
    })
    const ended = await statementsOf(() =>
      inTransaction(counted, (tx) =>
        changeRun(tx, run.id!, [{ kind: 'cancel-requested' }], { newId, by: 'test' }),
      ),
    )
    return { begun, ended }
  }
  assert.deepEqual(await both(), { begun: 1, ended: 2 })
  const { rows } = await sql`select 1 from webhook_deliveries`.execute(db)
  assert.equal(rows.length, 0)
  await world.add('counted')
  assert.deepEqual(await both(), { begun: 1, ended: 2 })
  assert.deepEqual(await told('counted'), ['run.queued queued', 'run.finished cancelled'])
  await webhooks.remove(actor, inWeb('counted'))
})

test('a run tells what happens in its order, to each target what it wants', async () => {
  await world.add('all')
  await world.add('ends', { events: ['run.finished'] })
  await world.add('theirs', { format: 'circleci' })
  await world.add('off')
  await webhooks.set(actor, inWeb('off'), { enabled: false })
  await start()
  const [plan] = await runner.take()
  await runner.finishPlan(plan!, [
    { key: 'build' },
    { key: 'gate', kind: 'approval', needs: [{ job: 'build', on: ['passed'] }] },
    { key: 'deploy', needs: [{ job: 'gate', on: ['passed'] }] },
  ])
  const [build] = await runner.take()
  await runner.finish(build!)
  const { items } = await parts.runs.listRuns(parts.scope, { limit: 1 })
  const run = (await parts.runs.findRun(parts.scope, parseId('run', items[0]!.id)!))!
  const gate = parseId('job', run.jobs.find(({ key }) => key === 'gate')!.id)!
  await parts.runs.decideApproval(actor, gate, { decision: 'approved', comment: null })
  const [deploy] = await runner.take()
  await runner.finish(deploy!, { outcome: 'failed' })
  // Two statements of one millisecond may stand there in either order.
  const expected = [
    'run.queued queued',
    'run.started running',
    'job.started running build',
    'run.hold on_hold',
    'job.finished passed build',
    'job.hold on_hold gate',
    'job.finished passed gate',
    'job.started running deploy',
    'job.finished failed deploy',
    'run.finished failed',
  ]
  assert.deepEqual((await told('all')).toSorted(), expected.toSorted())
  assert.deepEqual(await told('ends'), ['run.finished failed'])
  assert.deepEqual((await told('theirs')).toSorted(), [
    'job-completed failed deploy',
    'job-completed passed build',
    'workflow-completed failed',
  ])
  assert.deepEqual(await told('off'), [])
})

test('all targets are told of one event under one id', async () => {
  const idOf = async (webhook: string) =>
    (await world.deliveries(webhook)).find(({ event }) => event === 'run.finished')?.id
  assert.equal(await idOf('all'), await idOf('ends'))
})

test('what is rolled back was never told', async () => {
  const before = await told('all')
  await assert.rejects(
    inTransaction(db, async (tx) => {
      await insertRun(tx, newId, {
        ...{ organisation: parts.organisation, project: world.project.id, delivery: null, startedBy: 'test' },
        event: eventOf('manual', 'refs/heads/main', 'a'.repeat(40)),
        ...{ plan: null, placing: noPlacing, isLimited: false },
      })
      throw new Error('the server ends here')
    }),
    /ends here/,
  )
  assert.deepEqual(await told('all'), before)
})

test('a target that is removed at that moment keeps no run from beginning', async () => {
  const { webhook } = await world.add('leaving')
  let begun: Promise<RunId> | null = null
  await inTransaction(db, async (tx) => {
    await sql`delete from webhooks where id = ${webhook.id}`.execute(tx)
    begun = start()
    for (;;) {
      const { rows } = await sql`
        select 1 from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`.execute(db)
      if (rows.length > 0) return
    }
  })
  const run = await begun!
  assert.ok(run)
  assert.equal((await told('all')).filter((each) => each.startsWith('run.queued')).length, 2)
})

test('what this process wrote is sent right after its commit, what a server left behind by the next one', async () => {
  const before = receiver.received.length
  const waiting = (await Promise.all(['all', 'ends', 'theirs'].map((name) => world.deliveries(name)))).flat()
  const open = () => openSender({ ...world.send, database: parts.database })
  const arrived = async (count: number) => {
    while (receiver.received.length < before + count) await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const first = open()
  await arrived(waiting.length)
  await first.close()
  const second = open()
  await start()
  await arrived(waiting.length + 1)
  const isOver = async () => (await world.deliveries('all')).every(({ state }) => state === 'delivered')
  while (!(await isOver())) await new Promise((resolve) => setTimeout(resolve, 10))
  await second.close()
  const ids = receiver.received.slice(before).map(({ headers, body }) => `${headers['webhook-id']} ${body}`)
  assert.ok(ids.length >= waiting.length + 1)
  for (const { id } of waiting)
    assert.ok(
      ids.some((each) => each.startsWith(id)),
      id,
    )
})
