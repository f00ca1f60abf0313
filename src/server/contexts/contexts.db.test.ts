// Contexts through the server: whose jobs start, whose become unauthorized, and who is judged when somebody else wants the
// job (P-47). What a job that starts is given, the real vault decides once more.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { askSecrets } from '../../../test/support/evidence.ts'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner, type Held, planJob } from '../../../test/support/scripted-runner.ts'
import {
  type CallVault,
  enrolSigner,
  makeSigner,
  signAdmission,
  signContext,
  signContextDelete,
  signPut,
} from '../../../test/support/signer.ts'
import { fromBase64Url, utf8Decode } from '../../base/bytes.ts'
import { isFault } from '../../base/faults.ts'
import { type JobId, type ProjectId, parseId, type RunId } from '../../base/ids.ts'
import type { Job, Run } from '../../protocol/api/shapes.ts'
import type { ContextRules } from '../../protocol/contexts.ts'
import type { PlanJob } from '../../protocol/plan.ts'
import { policyInContext } from '../../protocol/statement.ts'
import type { JobPayload } from '../../protocol/vault.ts'
import { importVerifyKey, openRelease } from '../../seal/index.ts'
import type { Actor } from '../access/actor.ts'
import type { Role } from '../access/roles.ts'
import { createSecrets } from '../secrets/secrets.ts'
import { createAdmissions } from './admissions.ts'
import { createContexts } from './contexts.ts'

const parts = await openParts()
const contexts = createContexts(parts)
const admissions = createAdmissions(parts)
const secrets = createSecrets(parts)
const call: CallVault = (verb, request) =>
  verb === 'signer.code' ? parts.admin(verb, request) : parts.vault.call(verb, request)
const signer = await makeSigner()
await enrolSigner(call, signer)
const nowSeconds = Math.floor(parts.clock.now() / 1000)
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'one'))
after(() => runner.close())
const refuses = (work: Promise<unknown>, code: Parameters<typeof isFault>[1]) =>
  assert.rejects(work, (error) => isFault(error, code) || assert.fail(String(error)))
const json = <T>(value: T) => JSON.parse(JSON.stringify(value))

const heads = new Map<string, string>()
const putContext = async (name: string, rules: Partial<ContextRules>) => {
  const prev = heads.get(name) ?? null
  const signed = json(await signContext(signer, { org: parts.organisation, name, nowSeconds, prev, rules }))
  const made =
    prev === null ? await contexts.create(parts.actor, signed) : await contexts.set(parts.actor, name, signed)
  heads.set(name, made.head)
  return made
}
const putSecret = async (context: string, name: string, value: string) => {
  const owner = parseId('context', (await contexts.find(parts.scope, context)).id)!
  const put = { owner, name, value, nowSeconds, body: { policy: policyInContext } }
  return secrets.put(parts.actor, { context }, json(await signPut(call, signer, put)))
}

const person = async (role: Role): Promise<Actor> => {
  const user = parts.newId('user')
  await sql`
    insert into users (id, organisation_id, name, email, role)
    values (${user}, ${parts.organisation}, ${role}, ${`${user}@example.org`}, ${role})`.execute(parts.db)
  const { scope } = parts
  return {
    kind: 'user',
    user,
    session: parts.newId('session'),
    name: role,
    email: 'x@y',
    role,
    provedAgoMs: 0,
    scope,
  }
}
const [owner, developer] = [await person('owner'), await person('developer')]

const jobWith = (key: string, named: readonly string[], more: Partial<PlanJob> = {}): PlanJob => {
  const job = planJob({ key, ...more })
  return { ...job, spec: job.spec && { ...job.spec, contexts: [...named] } }
}

/** A run whose plan brings these jobs. */
const start = async (
  jobs: readonly PlanJob[],
  of: { readonly project: ProjectId; readonly by?: Actor; readonly ref?: string },
): Promise<Run> => {
  const { project, by = parts.actor, ref } = of
  const run = await parts.runs.startRun(by, { project, ref })
  const [plan] = await runner.take()
  assert.equal(plan?.spec.kind, 'plan')
  assert.equal((await runner.finishPlan(plan!, jobs)).status, 200)
  return found(run)
}
const found = async ({ id }: { readonly id: string }): Promise<Run> =>
  (await parts.runs.findRun(parts.scope, id as RunId)) ?? assert.fail('no such run')
const jobOf = (run: Run, key: string): Job =>
  run.jobs.find((job) => job.key === key) ?? assert.fail(`no job ${key}`)
const statusOf = (run: Run, key: string) => {
  const { status, reason, attempts } = jobOf(run, key)
  return [status, reason?.code ?? null, attempts.length]
}

const payloadOf = async (held: Held | undefined): Promise<JobPayload> => {
  const vsign = (await importVerifyKey(fromBase64Url((await call('health', {})).vsign)!))!
  const bytes = await openRelease(held!.ephKey!, held!.sealed!, { ticket: held!.ticket, vsign })
  return JSON.parse(utf8Decode(bytes!))
}
/** What a job that is owed something gets for true evidence. */
const valuesOf = async (held: Held | undefined): Promise<Record<string, string>> => {
  assert.deepEqual(await payloadOf(held), { agent: null, owed: true })
  const vsign = (await importVerifyKey(fromBase64Url((await call('health', {})).vsign)!))!
  const { secrets: given } = await (await askSecrets(runner, held!, { vsign })).open()
  return Object.fromEntries(
    given.map(({ name, value }) => [name, Buffer.from(value, 'base64url').toString()]),
  )
}
const cancelQueued = async (run: Run) => void (await parts.runs.cancelRun(parts.actor, run.id as RunId))

const web = await addLocalProject(parts, 'web')
const docs = await addLocalProject(parts, 'docs')
const forWeb = { projects: [web], refs: ['default', 'refs/heads/release/*'] }

test('a job that names a context gets what it holds; one that does not gets nothing of it', async () => {
  await putContext('deploy', forWeb)
  await putSecret('deploy', 'KEY', 'of the context')
  const run = await start([jobWith('with', ['deploy']), jobWith('without', [])], { project: web })
  const held = await runner.take()
  const byKey = new Map(held.map((each) => [each.spec.kind === 'job' ? each.spec.job.key : '', each]))
  assert.deepEqual(await valuesOf(byKey.get('with')), { KEY: 'of the context' })
  assert.equal(byKey.get('without')?.sealed, null)
  for (const each of held) await runner.finish(each)
  assert.equal((await found(run)).status, 'passed')
  const shown = await secrets.find(parts.actor, { context: 'deploy' }, 'KEY')
  assert.equal(shown?.detail?.last_release?.run_id, run.id)
})

test('project, ref and role: who may not use a context is unauthorized, with its name and what to do (P-47)', async () => {
  await putContext('matrix', { ...forWeb, roles: ['owner'] })
  const cases: readonly (readonly [project: ProjectId, by: Actor, ref: string, refusal: RegExp | null])[] = [
    [web, owner, 'refs/heads/main', null],
    [web, owner, 'refs/heads/release/1', null],
    [web, parts.actor, 'refs/heads/main', null],
    [
      docs,
      owner,
      'refs/heads/main',
      /"matrix" is not for this project\..* mayfly context edit "matrix" --project/,
    ],
    [web, owner, 'refs/heads/feature', /"matrix" is not for this branch or tag\..* --ref/],
    [web, owner, 'refs/tags/main', /not for this branch or tag/],
    [web, developer, 'refs/heads/main', /"matrix" is for runs of certain roles only.* may rerun the job/],
  ]
  for (const [project, by, ref, refusal] of cases) {
    const run = await start([jobWith('a', ['matrix'])], { project, by, ref })
    const { status, reason, attempts } = jobOf(run, 'a')
    const what = `${project === web ? 'web' : 'docs'} ${by.name} ${ref}`
    if (refusal === null) {
      assert.deepEqual([status, attempts.length], ['queued', 1], what)
      await cancelQueued(run)
    } else {
      assert.deepEqual([status, reason?.code, attempts.length], ['skipped', 'unauthorized', 0], what)
      assert.match(reason?.text ?? '', refusal)
    }
  }
  const unknown = await start([jobWith('a', ['nowhere'])], { project: web })
  assert.match(
    jobOf(unknown, 'a').reason?.text ?? '',
    /no context "nowhere".* mayfly context create "nowhere"/,
  )
})

test('the row of a run says that a job of it was refused, and a red end before that', async () => {
  const deploy = jobWith('deploy', ['nowhere'])
  const refusal = 'deploy may not use the context "nowhere"'
  const look = async (run: Run) => {
    const { status, headline, jobs } = await found(run)
    return [status, headline, jobs.map((job) => job.status).join(' ')]
  }
  const commit = 'e'.repeat(40)
  const alone = await parts.runs.startRun(owner, { project: web, commit })
  const [plan] = await runner.take()
  await runner.finishPlan(plan!, [deploy])
  assert.deepEqual(await look(alone), ['skipped', refusal, 'passed skipped'])
  const known = await parts.runs.startRun(owner, { project: web, commit })
  assert.equal(known.plan_of?.id, alone.id)
  assert.deepEqual(await look(known), ['skipped', refusal, 'passed skipped'])

  const beside = await start([jobWith('test', []), deploy], { project: web })
  const [first] = await runner.take()
  assert.equal((await found(beside)).headline, null, 'it may still fail')
  await runner.finish(first!)
  assert.deepEqual(await look(beside), ['skipped', refusal, 'passed passed skipped'])
  await parts.runs.rerunRun(parts.actor, beside.id as RunId, 'all')
  assert.equal((await found(beside)).headline, null, 'it goes on')
  const [again] = await runner.take()
  await runner.finish(again!, { outcome: 'failed' })
  assert.deepEqual(await look(beside), ['failed', 'test: ended failed', 'passed failed skipped'])
})

test('a context for every project is for those that a signer admitted, and for no other that the server has', async () => {
  await putContext('everywhere', { projects: '*', refs: ['default'] })
  await putSecret('everywhere', 'KEY', 'for all of us')
  const refused = await start([jobWith('a', ['everywhere'])], { project: web })
  assert.deepEqual(statusOf(refused, 'a'), ['skipped', 'unauthorized', 0])
  assert.match(jobOf(refused, 'a').reason?.text ?? '', /a signer has admitted.* mayfly project admit$/)
  const told = await admissions.list(parts.scope)
  const stateOf = async (project: ProjectId) =>
    (await admissions.list(parts.scope)).projects.find(({ project: { id } }) => id === project)
  assert.deepEqual([(await stateOf(web))?.state, (await stateOf(web))?.project.name], ['none', 'web'])
  const { source, host_keys } = (await stateOf(web)) ?? assert.fail()
  const admit = [{ project: web, source, host_keys }]
  const of = { org: parts.organisation, nowSeconds, prev: told.head }
  const elsewhere = [
    { project: web, source: { kind: 'local' as const, root: 0, path: 'elsewhere' }, host_keys },
  ]
  const wrong = json(await signAdmission(signer, { ...of, body: { admit: elsewhere } }))
  await refuses(admissions.set(parts.actor, wrong), 'E_INPUT')
  const forged = json(await signAdmission(await makeSigner('stranger'), { ...of, body: { admit } }))
  await refuses(admissions.set(parts.actor, forged), 'E_STMT_SIG')
  const made = await admissions.set(
    parts.actor,
    json(await signAdmission(signer, { ...of, body: { admit } })),
  )
  assert.equal(made.projects.find(({ project }) => project.id === web)?.signer?.id, signer.id)
  const run = await start([jobWith('a', ['everywhere'])], { project: web })
  assert.equal(jobOf(run, 'a').status, 'queued')
  const [held] = await runner.take()
  assert.deepEqual(await valuesOf(held), { KEY: 'for all of us' })
  await runner.finish(held!)
  const other = await start([jobWith('a', ['everywhere'])], { project: docs })
  assert.deepEqual(statusOf(other, 'a'), ['skipped', 'unauthorized', 0])
  // The server's copy says yes where the vault says no: nothing goes out, and the job says why.
  await sql`update projects set admitted = true where id = ${docs}`.execute(parts.db)
  await start([jobWith('a', ['everywhere'])], { project: docs })
  const [lied] = await runner.take()
  assert.equal((await payloadOf(lied)).refused?.rule, 'admission')
  await runner.finish(lied!, { outcome: 'failed' })
  const withdraw = json(await signAdmission(signer, { ...of, prev: made.head, body: { withdraw: [web] } }))
  await admissions.set(parts.actor, withdraw)
  const late = await start([jobWith('a', ['everywhere'])], { project: web })
  assert.deepEqual(statusOf(late, 'a'), ['skipped', 'unauthorized', 0])
  const { rows } = await sql<{ admitted: boolean }>`
    select admitted from projects where id = any(${[web, docs]}::text[])`.execute(parts.db)
  assert.deepEqual(
    rows.map(({ admitted }) => admitted),
    [false, false],
    'the copy follows the vault',
  )
})

test('a rerun is judged for the person who reruns', async () => {
  await putContext('reruns', { ...forWeb, roles: ['owner'] })
  await putSecret('reruns', 'KEY', 'for owners')
  const run = await start([jobWith('a', ['reruns'])], { project: web, by: developer })
  const id = jobOf(run, 'a').id as JobId
  assert.deepEqual(statusOf(run, 'a'), ['skipped', 'unauthorized', 0])
  await refuses(parts.runs.rerunJob(developer, id), 'E_CONFLICT')
  const again = await parts.runs.rerunJob(owner, id)
  assert.equal(jobOf(again, 'a').status, 'queued')
  const [held] = await runner.take()
  assert.deepEqual(await valuesOf(held), { KEY: 'for owners' })
  // Our own failure is tried once more, for the same person.
  await runner.finish(held!, { outcome: 'errored', reason: { code: null, message: 'broken' } })
  const [second] = await runner.take()
  assert.deepEqual(await valuesOf(second), { KEY: 'for owners' })
  await runner.finish(second!)
  // And the other way round: what an owner could, a developer who reruns cannot.
  await parts.runs.rerunRun(developer, run.id as RunId, 'all')
  assert.deepEqual(statusOf(await found(run), 'a').slice(0, 2), ['skipped', 'unauthorized'])
})

test('who approves is judged for what waited, and for nothing else', async () => {
  await putContext('gated', { ...forWeb, roles: ['owner'] })
  const plan = [
    planJob({ key: 'gate', kind: 'approval' }),
    jobWith('behind', ['gated'], { needs: [{ job: 'gate', on: ['passed'] }] }),
    planJob({ key: 'long' }),
    jobWith('beside', ['gated'], { needs: [{ job: 'long', on: ['passed'] }] }),
  ]
  const run = await start(plan, { project: web, by: developer })
  const approved = await parts.runs.decideApproval(owner, jobOf(run, 'gate').id as JobId, {
    ...{ decision: 'approved', comment: null },
  })
  assert.equal(jobOf(approved, 'behind').status, 'queued')
  for (const held of await runner.take()) await runner.finish(held)
  assert.deepEqual(statusOf(await found(run), 'beside'), ['skipped', 'unauthorized', 0])
})

test('rules and roles are those of the moment: for jobs that wait, and for the vault when one is leased', async () => {
  await putContext('moment', forWeb)
  await putSecret('moment', 'KEY', 'some value')
  const second = jobWith('second', ['moment'], { needs: [{ job: 'first', on: ['passed'] }] })
  const run = await start([planJob({ key: 'first' }), second], { project: web })
  const [first] = await runner.take()
  await putContext('moment', { ...forWeb, projects: [docs] })
  await runner.finish(first!)
  assert.deepEqual(statusOf(await found(run), 'second'), ['skipped', 'unauthorized', 0])

  await putContext('moment', forWeb)
  const queued = await start([jobWith('a', ['moment'])], { project: web })
  assert.equal(jobOf(queued, 'a').status, 'queued')
  await putContext('moment', { ...forWeb, refs: ['refs/heads/release/*'] })
  const [held] = await runner.take()
  const { refused, owed, agent } = await payloadOf(held)
  assert.deepEqual([refused?.rule, owed, agent], ['ref', undefined, null])
  await runner.finish(held!, {
    ...{ outcome: 'skipped:policy', reason: { code: 'E_CONTEXT_REFUSED', message: 'not for this branch' } },
  })
  assert.equal(jobOf(await found(queued), 'a').status, 'skipped')

  await putContext('moment', { ...forWeb, roles: ['owner'] })
  const fallen = await person('owner')
  await start([jobWith('a', ['moment'])], { project: web, by: fallen })
  await sql`update users set role = 'developer' where id = ${fallen.kind === 'user' ? fallen.user : ''}`.execute(
    parts.db,
  )
  const [late] = await runner.take()
  assert.equal((await payloadOf(late)).refused?.rule, 'person')
  await runner.finish(late!)
})

test('a plan that is known is judged anew; `unauthorized` is an outcome that others can ask for', async () => {
  await putContext('known', forWeb)
  const told = planJob({ key: 'told', needs: [{ job: 'a', on: ['skipped:policy'] }] })
  const commit = 'd'.repeat(40)
  const begin = (by: Actor) => parts.runs.startRun(by, { project: web, commit })
  const first = await begin(owner)
  const [plan] = await runner.take()
  assert.equal((await runner.finishPlan(plan!, [jobWith('a', ['known']), told])).status, 200)
  assert.equal(jobOf(await found(first), 'a').status, 'queued')
  await cancelQueued(first)
  await putContext('known', { ...forWeb, roles: ['owner'] })
  const second = await begin(developer)
  assert.equal(second.plan_of?.id, first.id)
  assert.deepEqual(statusOf(second, 'a'), ['skipped', 'unauthorized', 0])
  assert.equal(jobOf(second, 'told').status, 'queued')
  await cancelQueued(second)
  const third = await begin(owner)
  assert.deepEqual([third.plan_of?.id, jobOf(third, 'a').status], [first.id, 'queued'])
  await cancelQueued(third)
})

test('a push has no person; neither has a service token, nor somebody who was disabled', async () => {
  await putContext('persons', { ...forWeb, roles: ['owner', 'developer'] })
  const roleOf = async (by: string) => {
    const run = await start([jobWith('a', ['persons'])], { project: web, by: owner })
    await cancelQueued(run)
    await sql`update runs set started_by = ${by}, rerun_by = null where id = ${run.id}`.execute(parts.db)
    const { contextsSql } = await import('./of-jobs.ts')
    const of = { project: sql`${web}`, ref: sql`'refs/heads/main'`, names: sql`array['persons']` }
    const { rows } = await sql<{ seen: { wanting: { role: string | null } } }>`
      select ${contextsSql({ ...of, by: sql`started_by` })} as seen from runs where id = ${run.id}`.execute(
      parts.db,
    )
    return rows[0]?.seen.wanting.role
  }
  const token = async (user: string | null, ended = false) => {
    const id = parts.newId('token')
    await sql`
      insert into api_tokens (id, organisation_id, user_id, name, token_hash, prefix, scopes, created_by, expires_at, revoked_at)
      values (${id}, ${parts.organisation}, ${user}, 't', sha256(${id}::bytea), 'mfp_x', '{run.trigger}', 'operator',
        now() + interval '1 day', ${ended ? sql`now()` : null})`.execute(parts.db)
    return id
  }
  const gone = await person('owner')
  const id = gone.kind === 'user' ? gone.user : ''
  assert.equal(await roleOf(id), 'owner')
  assert.equal(await roleOf(await token(id)), 'owner')
  assert.equal(await roleOf(await token(id, true)), null)
  assert.equal(await roleOf(await token(null)), null)
  assert.equal(await roleOf('hook'), null)
  assert.equal(await roleOf('operator'), 'owner')
  await sql`update users set disabled_at = now() where id = ${id}`.execute(parts.db)
  assert.equal(await roleOf(id), null)
})

test('a change counts for what its sender has read; a deleted context lets nobody in; all of it is written down', async () => {
  const made = await putContext('edited', forWeb)
  assert.deepEqual(made.projects, [{ id: web, name: 'web' }])
  assert.deepEqual(
    (await contexts.list(parts.scope)).items.find(({ name }) => name === 'edited'),
    made,
  )
  await putSecret('edited', 'KEY', 'some value')
  const of = { org: parts.organisation, nowSeconds, prev: made.head }
  const edit = json(await signContext(signer, { ...of, name: 'edited', rules: { projects: '*' } }))
  const stale = () => {
    throw new Error('stale')
  }
  await assert.rejects(contexts.set(parts.actor, 'edited', edit, stale), /stale/)
  await refuses(contexts.set(parts.actor, 'deploy', edit), 'E_INPUT')
  await refuses(contexts.create(parts.actor, edit), 'E_CONFLICT')
  await refuses(contexts.find(parts.scope, 'nowhere'), 'E_NOT_FOUND')
  const nobodys = { ...of, name: 'edited', rules: { projects: [parts.newId('project')] } }
  await refuses(contexts.set(parts.actor, 'edited', json(await signContext(signer, nobodys))), 'E_NOT_FOUND')
  const stranger = await makeSigner('stranger')
  const forged = json(await signContext(stranger, { ...of, name: 'edited' }))
  await refuses(contexts.set(parts.actor, 'edited', forged), 'E_STMT_SIG')
  const changed = await contexts.set(parts.actor, made.id, edit)
  assert.equal(changed.projects, null)
  await refuses(
    contexts.set(parts.actor, 'edited', edit).then(() => putContext('edited', {})),
    'E_STMT_PREV',
  )
  const context = parseId('context', made.id)!
  const gone = await signContextDelete(signer, { context, nowSeconds, prev: changed.head })
  assert.equal((await contexts.remove(parts.actor, 'edited', json(gone))).state, 'deleted')
  await refuses(secrets.list(parts.actor, { context: 'edited' }), 'E_NOT_FOUND')
  await refuses(contexts.set(parts.actor, 'edited', edit), 'E_NOT_FOUND')
  const run = await start([jobWith('a', ['edited'])], { project: web })
  assert.match(jobOf(run, 'a').reason?.text ?? '', /no context "edited"/)
  const { rows } = await sql`
    select action, result, code from audit where target in (${made.id}, '-') and action like 'context.%' and at >= (
      select min(at) from audit where target = ${made.id}) order by at, id`.execute(parts.db)
  assert.deepEqual(rows, [
    { action: 'context.put', result: 'ok', code: null },
    { action: 'context.put', result: 'denied', code: 'MF5013' },
    { action: 'context.put', result: 'ok', code: null },
    { action: 'context.put', result: 'ok', code: null },
    { action: 'context.delete', result: 'ok', code: null },
  ])
})

test('the tables hold a secret for one owner, and a context for each name', async () => {
  const insert = (project: string | null, context: string | null) => sql`
    insert into secrets (id, organisation_id, project_id, context_id, name, kind, version, state, changed_by)
    values (${parts.newId('secret')}, ${parts.organisation}, ${project}, ${context}, 'ONE', 'env', 1, 'active', 'operator')`
  const context = parts.newId('context')
  await insert(null, context).execute(parts.db)
  for (const bad of [insert(null, null), insert(web, context), insert(null, context), insert(null, web)])
    await assert.rejects(bad.execute(parts.db), { code: /^23(505|514)$/ })
  const row = (name: string, roles: string[] | null) => sql`
    insert into contexts (id, organisation_id, name, refs, roles, version, state, changed_by)
    values (${parts.newId('context')}, ${parts.organisation}, ${name}, '{default}', ${roles}::text[], 1, 'active', 'operator')`
  await row('a row', null).execute(parts.db)
  for (const bad of [row('a row', null), row('', null), row('other', ['a', 'b', 'c'])])
    await assert.rejects(bad.execute(parts.db), { code: /^23(505|514)$/ })
})
