// The runner protocol over real TLS, with a real database and a real vault; the runner is scripted.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner, type ScriptedRunner } from '../../../test/support/scripted-runner.ts'

const parts = await openParts()
const project = await addLocalProject(parts, 'web')
const opened: ScriptedRunner[] = []
after(() => {
  for (const runner of opened) runner.close()
})
const open = (...args: Parameters<typeof createScriptedRunner>): ScriptedRunner => {
  const runner = createScriptedRunner(...args)
  opened.push(runner)
  return runner
}

test('a run goes from its plan through its jobs to its end', async () => {
  const runner = open(parts, await enrolRunner(parts, 'one'))
  const started = await parts.runs.startRun(parts.actor, { project, ref: 'main' })
  assert.equal(started.status, 'queued')
  const [plan] = await runner.take()
  assert.equal(plan?.spec.kind, 'plan')
  assert.equal((await parts.runs.findRun(parts.scope, started.id as never))?.status, 'running')
  assert.equal(
    (await runner.finishPlan(plan!, [{ key: 'a' }, { key: 'b', needs: [{ job: 'a', on: ['passed'] }] }]))
      .status,
    200,
  )
  const planned = (await parts.runs.findRun(parts.scope, started.id as never))!
  assert.deepEqual(
    planned.jobs.map((job) => [job.name, job.status]),
    [
      ['plan', 'passed'],
      ['a', 'queued'],
      ['b', 'waiting'],
    ],
  )
  assert.equal(planned.event.commit, 'c'.repeat(40))
  assert.equal(planned.event.subject, 'Say hello')
  const [first] = await runner.take()
  assert.equal(first?.spec.kind === 'job' && first.spec.job.key, 'a')
  const frames = await runner.frames(first!, 0, 'hello\n', 'world\n')
  assert.deepEqual(frames.body.leases, { [first!.lease]: { durable: 2, watched: false } })
  assert.equal((await runner.finish(first!)).status, 200)
  const [second] = await runner.take()
  assert.equal((await runner.finish(second!)).status, 200)
  const done = (await parts.runs.findRun(parts.scope, started.id as never))!
  assert.equal(done.status, 'passed')
  assert.ok(done.finished_at)
})
