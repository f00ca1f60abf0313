// A project that is removed is nowhere at once, leaves no row and no object, and takes nothing of the others with it.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addHookedProject, deliver } from '../../../test/support/hooked-project.ts'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner } from '../../../test/support/scripted-runner.ts'
import { type CallVault, enrolSigner, makeSigner, signPut, signRevoke } from '../../../test/support/signer.ts'
import { isFault } from '../../base/faults.ts'
import type { AttemptId, JobId, ProjectId, RunId } from '../../base/ids.ts'
import { objectsStayLock } from '../../protocol/objects-stay.ts'
import { createDeliveries } from '../intake/deliveries.ts'
import { limits } from '../limits.ts'
import { createSecrets } from '../secrets/secrets.ts'
import { createArtifacts } from '../stored/artifacts.ts'
import { storedObjectKey } from '../stored/object-key.ts'
import { tidyRows } from '../tidy.ts'
import { createProjects } from './projects.ts'
import { removeRest } from './remove.ts'

const parts = await openParts()
const { db, actor, scope } = parts
const projects = createProjects({
  ...parts,
  localRepositoryRoots: ['/srv'],
  serverUrl: () => 'https://ci.example',
})
const deliveries = createDeliveries({ ...parts, compiler: null })
const artifacts = createArtifacts({ ...parts, retention: limits.retentionDays })
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'keeper'))
after(() => runner.close())
const refuses = (work: Promise<unknown>, code: Parameters<typeof isFault>[1], words = /./) =>
  assert.rejects(
    work,
    (error) => (isFault(error, code) && words.test(error.public)) || assert.fail(String(error)),
  )

const once = async function* () {
  yield Buffer.from('x')
}

/** With a log, an artifact and a cache; another run took its place, and its delivery was sent again. */
const runOf = async (project: ProjectId) => {
  const { id } = await parts.runs.startRun(actor, { project })
  const [plan] = await runner.take()
  if (plan?.spec.kind === 'plan') await runner.finishPlan(plan, [{ key: 'a' }])
  const held = plan?.spec.kind === 'plan' ? (await runner.take())[0]! : plan!
  await runner.frames(held, 0, 'one line\n')
  await runner.finish(held)
  const stored = await Promise.all(['artifacts', 'cache'].map((kind) => store(held.attempt, kind)))
  const log = `log/${held.attempt}`
  await parts.objects.put(log, once(), { bytesMax: 10 })
  await sql`
    insert into log_objects (attempt_id, object_key, size_bytes) values (${held.attempt}, ${log}, 1)
    on conflict (attempt_id) do update set object_key = ${log}`.execute(db)
  const delivery = parts.newId('delivery')
  await sql`
    insert into deliveries (id, organisation_id, project_id, ref, new_commit, verdict, reason, run_id)
    values (${delivery}, ${parts.organisation}, ${project}, 'refs/heads/main', ${'a'.repeat(40)}, 'run', 'x', ${id}),
      (${parts.newId('delivery')}, ${parts.organisation}, ${project}, 'refs/heads/main', ${'a'.repeat(40)}, 'no_run', 'x', null)`.execute(
    db,
  )
  await sql`
    update deliveries set replay_of = ${delivery} where project_id = ${project} and id <> ${delivery} and replay_of is null`.execute(
    db,
  )
  await sql`update runs set delivery_id = ${delivery} where id = ${id}`.execute(db)
  await sql`update runs set superseded_by = ${id} where project_id = ${project} and id <> ${id}`.execute(db)
  // SAFE: the id of a run that was just made.
  return { id: id as RunId, keys: [log, ...stored] }
}

const store = async (attempt: string, kind: string) => {
  const object = parts.newId('object')
  await sql`
    insert into stored_objects (id, organisation_id, project_id, run_id, job_id, attempt_id, kind, scope, cache_key, state, sha256, size_bytes,
      manifest, wrapped_key)
    select ${object}, j.organisation_id, j.project_id, j.run_id, j.id, a.id, ${kind}, 's', ${kind === 'cache' ? object : null}, 'kept',
      ${'a'.repeat(64)}, 1, 'm', 'w'
    from attempts a join jobs j on j.id = a.job_id where a.id = ${attempt}`.execute(db)
  await parts.objects.put(storedObjectKey(object), once(), { bytesMax: 10 })
  return storedObjectKey(object)
}

const isThere = (key: string): Promise<boolean> =>
  parts.objects.read(key, { offset: 0, length: 1 }).then(
    () => true,
    () => false,
  )

/** How many rows of a project each table has. */
const rowsOf = async (project: ProjectId): Promise<Readonly<Record<string, number>>> => {
  const { rows: tables } = await sql<{ name: string }>`
    select table_name as name from information_schema.columns
    where table_schema = 'public' and column_name = 'project_id' order by 1`.execute(db)
  const found: Record<string, number> = {}
  for (const { name } of tables) {
    const { rows } = await sql<{ n: number }>`
      select count(*)::integer as n from ${sql.table(name)} where project_id = ${project}`.execute(db)
    if ((rows[0]?.n ?? 0) > 0) found[name] = rows[0]?.n ?? 0
  }
  return found
}

/** To whoever kept an address of it, or looks at what all projects have. */
const isNowhere = async (project: ProjectId, run: RunId) => {
  const { rows } = await sql<{ job: JobId; attempt: AttemptId; object: string }>`
    select j.id as job, a.id as attempt, o.id as object
    from jobs j join attempts a on a.job_id = j.id join stored_objects o on o.attempt_id = a.id
    where j.run_id = ${run} and o.kind = 'artifacts'`.execute(db)
  const { job, attempt, object } = rows[0]!
  const listed = await parts.runs.listRuns(scope, { limit: 100 })
  assert.ok(!listed.items.some((each) => each.project.id === project))
  const told = await deliveries.list(scope, { limit: 100 })
  assert.ok(!told.items.some((each) => each.project.id === project))
  for (const found of [
    parts.runs.findRun(scope, run),
    parts.runs.findConfig(scope, run),
    parts.runs.findTimeline(scope, run),
    parts.runs.jobsSince(scope, run, -1),
    parts.runs.findAttempt(scope, attempt),
    parts.runs.findUsage(scope, attempt),
  ])
    assert.equal(await found, null)
  const reader = { user: 'operator', session: 'operator', reason: 'test' }
  await refuses(artifacts.open(scope, `${object}.0`, reader), 'E_NOT_FOUND')
  assert.deepEqual((await artifacts.list(scope, run, { limit: 10 })).items, [])
  await refuses(parts.runs.rerunRun(actor, run, 'all'), 'E_NOT_FOUND')
  await refuses(parts.runs.rerunJob(actor, job), 'E_NOT_FOUND')
  await refuses(parts.runs.cancelRun(actor, run), 'E_NOT_FOUND')
}

const batches = async () =>
  (await sql<{ n: number }>`select count(*)::integer as n from log_batches`.execute(db)).rows[0]?.n

test('all of a removed project is gone, of the others nothing, and its name is free', async () => {
  const [web, api] = [await addLocalProject(parts, 'web'), await addLocalProject(parts, 'api')]
  const kept = await runOf(api)
  const before = [await rowsOf(api), await batches()]
  const gone = [...(await runOf(web)).keys, ...(await runOf(web)).keys]
  await projects.set(actor, 'web', { poll_seconds: 60 })
  await projects.contact(actor, 'web')
  await sql`
    insert into schedules (id, organisation_id, project_id, name, cron, zone, created_by, next_at)
    values (${parts.newId('schedule')}, ${parts.organisation}, ${web}, 's', '0 0 * * *', 'UTC', 'operator', now())`.execute(
    db,
  )
  await sql`
    insert into webhooks (id, organisation_id, project_id, name, url, format, events, public_key, created_by)
    values (${parts.newId('webhook')}, ${parts.organisation}, ${web}, 'w', 'https://example.org/', 'standard', '{run.finished}', 'whpk_x',
      'operator')`.execute(db)
  await projects.remove(actor, 'web')
  assert.deepEqual(Object.keys(await rowsOf(web)), ['audit'])
  assert.deepEqual((await sql`select 1 from projects where id = ${web}`.execute(db)).rows, [])
  for (const key of gone) assert.equal(await isThere(key), false, key)
  assert.deepEqual([await rowsOf(api), await batches()], before)
  for (const key of kept.keys) assert.equal(await isThere(key), true, key)
  assert.equal((await parts.runs.findRun(scope, kept.id))?.status, 'passed')
  await refuses(parts.vault.call('project.delete', { project: web }), 'E_NOT_FOUND')
  assert.notEqual(await addLocalProject(parts, 'web'), web)
})

test('as long as a backup holds the objects, it is nowhere already, and its rows go when one tidies up', async () => {
  const project = await addLocalProject(parts, 'held')
  const { id, keys } = await runOf(project)
  await db.connection().execute(async (backup) => {
    await sql`select pg_advisory_lock_shared(${sql.lit(objectsStayLock)})`.execute(backup)
    await projects.remove(actor, 'held')
    await sql`select pg_advisory_unlock_shared(${sql.lit(objectsStayLock)})`.execute(backup)
  })
  assert.equal(await projects.find(scope, 'held'), null)
  assert.equal(await projects.find(scope, project), null)
  assert.ok(!(await projects.list(scope, { limit: 100 })).items.some(({ name }) => name === 'held'))
  for (const named of ['held', project]) {
    await refuses(parts.runs.startRun(actor, { project: named }), 'E_NOT_FOUND')
    await refuses(projects.remove(actor, named), 'E_NOT_FOUND')
    await refuses(projects.set(actor, named, { auto_cancel: true }), 'E_NOT_FOUND')
  }
  assert.equal(await isThere(keys[0] ?? ''), true)
  assert.ok((await rowsOf(project)).runs, 'still there')
  await isNowhere(project, id)
  const again = await addLocalProject(parts, 'held')
  await tidyRows(parts, limits.retentionDays)
  assert.deepEqual(Object.keys(await rowsOf(project)), ['audit'])
  assert.equal(await parts.runs.findRun(scope, id), null)
  for (const key of keys) assert.equal(await isThere(key), false, key)
  assert.equal((await projects.find(scope, 'held'))?.id, again)
})

test('what is too much for one time goes in parts', async () => {
  const project = await addLocalProject(parts, 'large')
  const runs = [await runOf(project), await runOf(project), await runOf(project)]
  await sql`
    insert into jobs (id, organisation_id, project_id, run_id, workflow_id, number, key, name, kind, status, class)
    select replace(r.id, 'run_', 'job_') || n, r.organisation_id, r.project_id, r.id, w.id, 100 + n, 'j', 'j', 'noop', 'passed', 'small'
    from runs r join workflows w on w.run_id = r.id, generate_series(1, ${limits.removedParts.jobs}) n where r.id = ${runs[1]?.id}`.execute(
    db,
  )
  await db.connection().execute(async (backup) => {
    await sql`select pg_advisory_lock_shared(${sql.lit(objectsStayLock)})`.execute(backup)
    await projects.remove(actor, 'large')
    await sql`select pg_advisory_unlock_shared(${sql.lit(objectsStayLock)})`.execute(backup)
  })
  const left = []
  for (let times = 0; times < 10; times++) {
    left.push((await rowsOf(project)).runs ?? 0)
    if (await removeRest(parts, { partsMax: 1 })) break
  }
  assert.deepEqual(left.slice(0, 4), [3, 2, 1, 0], 'as many as have so many jobs, at least one')
  assert.deepEqual(Object.keys(await rowsOf(project)), ['audit'])
})

test('a project with a run that is not over stays, and says what to do', async () => {
  const project = await addLocalProject(parts, 'busy')
  const { id } = await parts.runs.startRun(actor, { project })
  await refuses(
    projects.remove(actor, 'busy'),
    'E_CONFLICT',
    /^1 run of this project is not over: cancel it first$/,
  )
  await parts.runs.cancelRun(actor, id as RunId)
  await projects.remove(actor, 'busy')
  assert.equal(await projects.find(scope, 'busy'), null)
})

test('a project with a secret that nobody revoked stays as it is', async () => {
  const project = await addLocalProject(parts, 'secretive')
  const call: CallVault = (verb, request) =>
    verb === 'signer.code' ? parts.admin(verb, request) : parts.vault.call(verb, request)
  const signer = await makeSigner()
  await enrolSigner(call, signer)
  const of = { owner: project, name: 'TOKEN', nowSeconds: Math.floor(parts.clock.now() / 1000) }
  const secrets = createSecrets(parts)
  const put = await signPut(call, signer, { ...of, value: 'hunter2hunter2' })
  const { detail } = await secrets.put(actor, { project: 'secretive' }, JSON.parse(JSON.stringify(put)))
  await refuses(projects.remove(actor, 'secretive'), 'E_CONFLICT', /secrets: revoke them first/)
  assert.equal((await projects.find(scope, 'secretive'))?.id, project)
  await secrets.revoke(
    actor,
    { project: 'secretive' },
    'TOKEN',
    JSON.parse(JSON.stringify(await signRevoke(signer, { ...of, prev: detail!.head }))),
  )
  await projects.remove(actor, 'secretive')
  assert.equal(await projects.find(scope, 'secretive'), null)
})

test('one that the vault ended already is removed when somebody asks again', async () => {
  const project = await addLocalProject(parts, 'half')
  await parts.vault.call('project.delete', { project })
  await projects.remove(actor, 'half')
  assert.equal(await projects.find(scope, 'half'), null)
})

test('nobody removes a project of another organisation', async () => {
  const project = await addLocalProject(parts, 'ours')
  const stranger = { ...actor, scope: { ...scope, organisation: parts.newId('organisation') } }
  await refuses(projects.remove(stranger, project), 'E_NOT_FOUND')
  assert.equal((await projects.find(scope, 'ours'))?.id, project)
})

test('what a runner and a hook still say about it is refused, and writes nothing', async () => {
  const project = await addHookedProject(parts, 'hooked')
  await projects.contact(actor, 'hooked')
  const [look] = await runner.take()
  await projects.remove(actor, 'hooked')
  assert.deepEqual((await runner.beat([look!])).body, { leases: { [look!.lease]: { lost: true } } })
  assert.equal((await runner.finish(look!, { outcome: 'failed' })).status, 409)
  const push = {
    old: '0'.repeat(40),
    new: 'a'.repeat(40),
    ref: 'refs/heads/main',
    sentAt: new Date().toISOString(),
  }
  assert.equal((await deliver(parts, project, push)).status, 401)
  assert.deepEqual(Object.keys(await rowsOf(project.id)), ['audit'])
})
