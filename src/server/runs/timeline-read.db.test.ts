// The timeline of a run over the real runner protocol: stages of each attempt, caches by what steps said of them, and how long a
// job takes with warm ones by the runs before it.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner } from '../../../test/support/scripted-runner.ts'
import { type OrganisationId, parseId, type RunId } from '../../base/ids.ts'
import { attempt } from '../../protocol/api/runs.ts'
import type { AttemptTimeline } from '../../protocol/api/timeline.ts'
import { attemptUsage } from '../../protocol/api/usage.ts'
import type { AttemptEvent } from '../../protocol/runner-wire.ts'
import type { CacheHit } from '../../protocol/stored-object.ts'
import { scopeOfOrganisation } from '../access/actor.ts'

const parts = await openParts()
await addLocalProject(parts, 'web')
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'r'))
after(() => runner.close())

/** A restore for each word, then a command. */
const storyOf = (caches: readonly CacheHit[]): readonly AttemptEvent[] => {
  const [atMs, end] = [Date.now(), { exitCode: null, ms: 1, leftovers: 0, message: null } as const]
  const steps = [...caches.map((cache) => ({ type: 'restore-cache', cache })), { type: 'run' }]
  return steps.flatMap((each, i) => {
    const { type, ...said } = each
    return [
      { seq: 2 * i + 1, atMs, kind: 'step-started', step: i + 1, name: type, type },
      { seq: 2 * i + 2, atMs, kind: 'step-finished', step: i + 1, status: 'passed', ...end, ...said },
    ] as const
  })
}

/** With one job `a`, which is under way. */
const beginRun = async () => {
  const { id } = await parts.runs.startRun(parts.actor, { project: 'web' })
  const [plan] = await runner.take()
  await runner.finishPlan(plan ?? assert.fail(), [{ key: 'a' }])
  const held = (await runner.take())[0] ?? assert.fail()
  return { run: parseId('run', id) ?? assert.fail(), held }
}

/** Its job took so many seconds. */
const runOf = async (
  caches: readonly CacheHit[],
  seconds: number,
  outcome: 'passed' | 'failed' = 'passed',
): Promise<RunId> => {
  const { run, held } = await beginRun()
  const events = storyOf(caches)
  await runner.events(held, events)
  const reason = outcome === 'passed' ? null : { code: null, message: 'no' }
  await runner.finish(held, { outcome, reason, lastEvent: events.length })
  await sql`
    update attempts set finished_at = started_at + make_interval(secs => ${seconds}) where id = ${held.attempt}`.execute(
    parts.db,
  )
  return run
}
const timelineOf = async (run: RunId): Promise<AttemptTimeline> => {
  const found = await parts.runs.findTimeline(parts.scope, run)
  assert.equal(found?.items.length, 2, 'the plan and the job')
  return found.items[1] ?? assert.fail()
}

test('a cold cache is set against the runs before it that missed nothing', async () => {
  for (const seconds of [10, 30]) await runOf(['exact'], seconds)
  const early = await timelineOf(await runOf(['miss'], 90))
  assert.deepEqual([early.cache, early.warm_ms], [{ hits: 0, misses: 1 }, null], 'two are too few')
  await runOf(['exact', 'prefix'], 20)
  // None of these says anything about warm ones.
  await runOf(['exact', 'miss'], 500)
  await runOf(['exact'], 1, 'failed')
  await runOf([], 1)
  const cold = await runOf(['miss', 'exact'], 120)
  const { attempt_id: _, job_id: __, stages, ...found } = await timelineOf(cold)
  assert.deepEqual(found, { cache: { hits: 1, misses: 1 }, warm_ms: 20_000 })
  assert.deepEqual(
    stages.map(({ name }) => name),
    ['queue', 'sandbox', 'prepare', 'steps', 'teardown'],
  )
  await runOf(['exact'], 1_000)
  assert.equal((await timelineOf(cold)).warm_ms, 20_000, 'what came later does not count')
})

test('who misses nothing is compared with nobody, and nobody else is told', async () => {
  const run = await runOf(['exact'], 60)
  const { cache, warm_ms } = await timelineOf(run)
  assert.deepEqual([cache, warm_ms], [{ hits: 1, misses: 0 }, null])
  const stranger = scopeOfOrganisation(`org_${'v'.repeat(26)}` as OrganisationId)
  assert.equal(await parts.runs.findTimeline(stranger, run), null)
})

test('an attempt that waits or runs has the stages that began', async () => {
  const { id } = await parts.runs.startRun(parts.actor, {
    project: 'web',
    ref: 'main',
    commit: '9'.repeat(40),
  })
  const run = parseId('run', id) ?? assert.fail()
  const stages = async () =>
    (await parts.runs.findTimeline(parts.scope, run))?.items.map((each) =>
      each.stages.map(({ name, duration_ms: ms }) => (ms === null ? `${name} …` : name)),
    )
  assert.deepEqual(await stages(), [['queue …']])
  const [plan] = await runner.take()
  assert.deepEqual(await stages(), [['queue', 'sandbox …']])
  await runner.finishPlan(plan ?? assert.fail(), [])
})

test('a runner that lies about its steps and what they used breaks no page', async () => {
  const { run, held } = await beginRun()
  const lie = Number.MAX_SAFE_INTEGER
  const [seen, of] = [{ atMs: lie }, { step: 1 }]
  const usage = { peakMemory: 1, cpuSeconds: 1, peakRamdisk: 1, peakPids: 1, oomKills: 0, egressUp: 0 }
  const said: readonly AttemptEvent[] = [
    { seq: 1, ...seen, kind: 'step-started', ...of, name: 'a', type: 'constructor' },
    {
      ...{ seq: 2, ...seen, kind: 'step-finished', ...of, status: 'passed', exitCode: 0, ms: lie },
      ...{ leftovers: 0, message: null },
    },
    { seq: 3, ...seen, kind: 'usage', usage: { ...usage, egressDown: 0, throttledMs: lie } },
  ]
  assert.equal((await runner.events(held, said)).status, 200)
  const endless = { ...usage, egressDown: 0, throttledMs: 0, cpuSeconds: Number.MAX_VALUE }
  const refused = await runner.events(held, [{ seq: 4, ...seen, kind: 'usage', usage: endless }])
  assert.equal(refused.status, 400)
  await runner.finish(held, { lastEvent: 3 })
  const { stages } = await timelineOf(run)
  assert.deepEqual(
    stages.map(({ name }) => name),
    ['queue', 'sandbox', 'steps', 'teardown'],
  )
  const shown = await parts.runs.findAttempt(parts.scope, held.attempt)
  assert.deepEqual(attempt.parse(shown), shown)
  const used = await parts.runs.findUsage(parts.scope, held.attempt)
  assert.deepEqual(attemptUsage.parse(used), used)
})
