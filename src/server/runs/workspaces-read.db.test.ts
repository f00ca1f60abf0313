// Who hands on files to whom over the real runner protocol: by the plans of a run, and by what is stored of its newest attempts.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner, type Held, planJob } from '../../../test/support/scripted-runner.ts'
import { type OrganisationId, parseId } from '../../base/ids.ts'
import type { PlanStep } from '../../protocol/plan.ts'
import { scopeOfOrganisation } from '../access/actor.ts'

const parts = await openParts()
await addLocalProject(parts, 'web')
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'r'))
after(() => runner.close())

const persist: PlanStep = { kind: 'persist', name: 'keep', when: 'on_success', root: '.', paths: ['*'] }
const attach: PlanStep = { kind: 'attach', name: 'take', when: 'on_success', at: '.' }
const jobOf = (key: string, steps: readonly PlanStep[], shards = 1) => {
  const { spec, ...job } = planJob({ key, shards })
  return { ...job, spec: spec && { ...spec, steps: [...spec.steps, ...steps] } }
}
const store = (held: Held, kind: string, bytes: number, state = 'kept') =>
  sql`insert into stored_objects (id, organisation_id, project_id, run_id, job_id, attempt_id, kind, scope, state, sha256, size_bytes, manifest, wrapped_key)
    select ${parts.newId('object')}, organisation_id, project_id, run_id, job_id, id, ${kind}, 's', ${state}, repeat('a', 64), ${bytes}, 'm', 'k'
    from attempts where id = ${held.attempt}`.execute(parts.db)

test('jobs that persist or attach are named, with what their newest attempt left', async () => {
  const { id } = await parts.runs.startRun(parts.actor, { project: 'web' })
  const run = parseId('run', id) ?? assert.fail()
  const workspaces = async () => {
    const found = await parts.runs.findWorkspaces(parts.scope, run)
    const { jobs } = (await parts.runs.findRun(parts.scope, run)) ?? assert.fail()
    return found?.items.map(({ job_id, persists, attaches, size_bytes: size }) => {
      const job = jobs.find((each) => each.id === job_id)
      return [`${job?.key}.${job?.shard}`, persists, attaches, size]
    })
  }
  assert.deepEqual(await workspaces(), [], 'there is no plan yet')
  const [plan] = await runner.take()
  const jobs = [
    jobOf('build', [persist], 2),
    jobOf('both', [attach, persist]),
    jobOf('lint', []),
    jobOf('deploy', [attach]),
  ]
  await runner.finishPlan(plan ?? assert.fail(), jobs)
  const [held] = await runner.take({}, 1)
  assert.ok(held?.spec.kind === 'job' && held.spec.job.key === 'build')
  await store(held, 'workspace', 700)
  await store(held, 'workspace', 34)
  await store(held, 'artifacts', 5_000)
  await store(held, 'workspace', 9_000, 'coming')
  const rest = [
    ['build.1', true, false, null],
    ['both.0', true, true, null],
    ['deploy.0', false, true, null],
  ]
  assert.deepEqual(await workspaces(), [['build.0', true, false, 734], ...rest])
  await runner.finish(held)
  for (const other of await runner.take({}, 4)) await runner.finish(other)
  await parts.runs.rerunJob(parts.actor, parseId('job', held.spec.job.id) ?? assert.fail())
  assert.deepEqual(await workspaces(), [['build.0', true, false, null], ...rest], 'a rerun replaces what was')
  const stranger = scopeOfOrganisation(`org_${'v'.repeat(26)}` as OrganisationId)
  assert.equal(await parts.runs.findWorkspaces(stranger, run), null)
})
