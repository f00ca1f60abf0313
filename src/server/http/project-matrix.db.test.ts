// Whose project it is: every route that names a thing of a project, for each role, with a thing of the caller's own
// organisation, with one of another organisation and with one that is nowhere. The last two must look the same, whoever
// asks. Real use cases over a real database; only the vault refuses everything, which says that it was reached.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { checkGolden, doorVerdict } from '../../../test/support/door-verdict.ts'
import { type Answer, noWork, openTestApp, type TestApp } from '../../../test/support/http-app.ts'
import { logSearchProgram } from '../../../test/support/parts.ts'
import { fault } from '../../base/faults.ts'
import type { OrganisationId, RunId } from '../../base/ids.ts'
import { silentLog } from '../../base/log.ts'
import { type Route, routes } from '../../protocol/api/routes.ts'
import { systemClock } from '../../sys/index.ts'
import { type Actor, scopeOfOrganisation } from '../access/actor.ts'
import { type Role, roles, scopesOfAll, tokenScopes } from '../access/roles.ts'
import { createCompare } from '../compare/compare-runs.ts'
import type { Database } from '../db/database.ts'
import { createIdentity } from '../identity/identity.ts'
import { createDeliveries } from '../intake/deliveries.ts'
import { limits } from '../limits.ts'
import { createFreshFrames } from '../logs/fresh-frames.ts'
import { createLogs } from '../logs/logs.ts'
import { createWatchers } from '../logs/watchers.ts'
import type { NewId } from '../new-id.ts'
import type { ObjectStore } from '../objects/store.ts'
import { createProjects } from '../projects/projects.ts'
import { createJustBegun } from '../runs/just-begun.ts'
import { createPlaces } from '../runs/places.ts'
import { createRuns } from '../runs/runs.ts'
import { createSchedules } from '../schedules/schedules.ts'
import { createSecrets } from '../secrets/secrets.ts'
import { createArtifacts } from '../stored/artifacts.ts'
import { createTests } from '../stored/tests.ts'
import type { VaultClient } from '../vault-client.ts'
import { createWebhooks } from '../webhooks/webhooks.ts'

const golden = fileURLToPath(new URL('./testdata/project-matrix.txt', import.meta.url))

const reached = async (): Promise<never> => {
  throw fault('E_CONFLICT')
}
// SAFE: the use cases only ever call it.
/** The vault comes first. */
const objects: ObjectStore = {
  ...{ put: reached, read: reached, delete: reached, deleteOlder: reached, someKeys: reached, tidy: reached },
}
const vault = { call: reached, verifyWebhook: reached, close: async () => {} } as unknown as VaultClient

const reach = { opened: { address: () => true }, resolve: async () => ['127.0.0.1'], authorities: null }

const workOver = ({ database, newId }: { database: Database; newId: NewId }) => {
  const places = createPlaces(newId)
  const runs = createRuns({ database, newId, places, compiler: null })
  const shared = {
    ...{ database, vault, objects, newId, log: silentLog },
    localRepositoryRoots: [],
    serverUrl: () => 'http://localhost',
  }
  const tests = createTests({ database, vault, objects })
  const watchers = createWatchers()
  return {
    ...noWork,
    ...createCompare({ database, tests }),
    runs,
    projects: createProjects(shared),
    schedules: createSchedules({ database, newId }),
    deliveries: createDeliveries({ database, newId, places, compiler: null }),
    secrets: createSecrets({ ...shared, clock: systemClock }),
    identity: createIdentity({ ...shared, clock: systemClock }),
    artifacts: createArtifacts({ database, vault, objects, retention: limits.retentionDays }),
    logs: createLogs({
      ...{ database, vault, objects, watchers, fresh: createFreshFrames(watchers) },
      justBegun: createJustBegun(database),
      logSearch: logSearchProgram,
    }),
    tests,
    webhooks: createWebhooks({ ...shared, clock: systemClock, reach }),
  }
}

/** One thing of each kind that a route can name. */
type Things = Readonly<
  Record<
    | 'project'
    | 'run'
    | 'workflow'
    | 'job'
    | 'attempt'
    | 'delivery'
    | 'schedule'
    | 'artifact'
    | 'webhook'
    | 'message',
    string
  >
>

type Made = { readonly database: Database; readonly newId: NewId; readonly organisation: OrganisationId }

const makeThings = async ({ database, newId, organisation }: Made): Promise<Things> => {
  const { db } = database
  const project = newId('project')
  const source = JSON.stringify({ kind: 'local', root: 0, path: 'app' })
  await sql`
    insert into projects (id, organisation_id, name, source, source_url, default_branch, hook_id)
    values (${project}, ${organisation}, ${`p-${project.slice(-6)}`}, ${source}, '/srv/app', 'main', ${newId('hook')})`.execute(
    db,
  )
  const actor: Actor = { kind: 'operator', name: 'operator', scope: scopeOfOrganisation(organisation) }
  const run = await workOver({ database, newId }).runs.startRun(actor, { project })
  const [job] = run.jobs
  const workflow = newId('workflow')
  // SAFE: the id of a run that was just made.
  const of = run.id as RunId
  await sql`
    insert into workflows (id, run_id, position, name, status) values (${workflow}, ${of}, 0, 'w', 'waiting')`.execute(
    db,
  )
  await sql`
    insert into jobs (id, organisation_id, project_id, run_id, workflow_id, number, key, name, kind, status, needs, class)
    values (${newId('job')}, ${organisation}, ${project}, ${of}, ${workflow}, 1, 'j', 'j', 'noop', 'waiting', '[]', 'small')`.execute(
    db,
  )
  await sql`
    insert into host_keys (project_id, fingerprint, line) values (${project}, ${fingerprint}, 'x')`.execute(
    db,
  )
  const delivery = newId('delivery')
  await sql`
    insert into deliveries (id, organisation_id, project_id, ref, new_commit, verdict, reason)
    values (${delivery}, ${organisation}, ${project}, 'refs/heads/main', ${'a'.repeat(40)}, 'no_run', 'x')`.execute(
    db,
  )
  const schedule = newId('schedule')
  await sql`
    insert into schedules (id, organisation_id, project_id, name, cron, zone, created_by, next_at)
    values (${schedule}, ${organisation}, ${project}, 's', '0 0 * * *', 'UTC', 'operator', now())`.execute(db)
  const [webhook, message] = [newId('webhook'), newId('message')]
  await sql`
    insert into webhooks (id, organisation_id, project_id, name, url, format, events, public_key, created_by)
    values (${webhook}, ${organisation}, ${project}, 'w', 'https://example.org/', 'standard', '{run.finished}', 'whpk_x',
      'operator')`.execute(db)
  await sql`
    insert into webhook_deliveries (webhook_id, id, event, state)
    values (${webhook}, ${message}, 'ping', 'delivered')`.execute(db)
  const attempt = job?.attempts[0]?.id ?? ''
  const object = newId('object')
  await sql`
    insert into stored_objects (id, organisation_id, project_id, run_id, job_id, attempt_id, kind, scope, state, sha256,
      size_bytes, manifest, wrapped_key)
    values (${object}, ${organisation}, ${project}, ${of}, ${job?.id}, ${attempt}, 'artifacts', 'run/x', 'kept',
      ${'a'.repeat(64)}, 1, 'm', 'w')`.execute(db)
  await sql`
    insert into artifacts (object_id, position, path, size_bytes, sha256, offset_bytes, length_bytes)
    values (${object}, 0, 'report.html', 1, ${'a'.repeat(64)}, 0, 1)`.execute(db)
  return {
    project,
    delivery,
    schedule,
    webhook,
    message,
    run: run.id,
    workflow,
    job: job?.id ?? '',
    attempt,
    artifact: `${object}.0`,
  }
}

const eph = Buffer.alloc(32, 9).toString('base64url')
const fingerprint = 'SHA256:x'
const signed = (type: 'secret.put' | 'secret.set' | 'secret.revoke', body: object) => ({
  statement: { v: 1, type, sub: 'x/NAME', iss: 'x', iat: 0, nonce: 'x', prev: null, body },
  proof: { kind: 'ed25519', sig: 'x' },
})
/** Bodies that are valid, so that what is looked up next is the thing. */
const bodies: Readonly<Record<string, unknown>> = {
  projectHookRotate: { eph },
  projectHostKeys: { fingerprint },
  scheduleAdd: { name: 'more', cron: '0 0 * * *' },
  scheduleSet: { paused: false },
  secretPut: {
    sealed: { v: 1, suite: 'x', kid: 'x', enc: 'x', ct: 'x' },
    ...signed('secret.put', {
      policy: { refs: ['refs/heads/main'], events: ['push'], min_tier: 'branch' },
      ...{ kind: 'env', expires_at: null, allow_unmaskable: false },
    }),
  },
  secretSet: signed('secret.set', { state: 'disabled', expires_at: null, rotate_after: null }),
  secretRevoke: signed('secret.revoke', {}),
  webhookAdd: { name: 'more', url: 'https://example.org/', eph },
  webhookSet: { enabled: true },
  webhookRotate: { eph },
  attemptPin: { step: 1, line: 1 },
}

/** Of routes that would wait, or name another thing. */
const queries: Readonly<Record<string, (things: Things) => string>> = {
  runWait: () => '?timeout=0',
  jobLogSearch: () => '?q=x',
  runCompare: ({ run }) => `?with=${run}`,
}

const namesThing = (route: Route): boolean =>
  /:(project|run|workflow|job|attempt|delivery|artifact)\b/.test(route.path)

const pathWith = (route: Route, things: Things): string =>
  route.path.replaceAll(
    /:(\w+)/g,
    (_, name: string) => (things as Record<string, string>)[name] ?? 'SOME_NAME',
  )

const verdict = (name: string, answer: Answer): string => doorVerdict(name, answer, { isKnown: true })

const nowhere: Things = {
  project: `prj_${'0'.repeat(26)}`,
  run: `run_${'0'.repeat(26)}`,
  workflow: `wfl_${'0'.repeat(26)}`,
  job: `job_${'0'.repeat(26)}`,
  attempt: `att_${'0'.repeat(26)}`,
  delivery: `dlv_${'0'.repeat(26)}`,
  schedule: `sch_${'0'.repeat(26)}`,
  webhook: `whk_${'0'.repeat(26)}`,
  message: `msg_${'0'.repeat(26)}`,
  artifact: `obj_${'0'.repeat(26)}.0`,
}

test('a thing of another organisation is as absent as one that is nowhere, on every route and for every role', async () => {
  const made: { database?: Database; newId?: NewId } = {}
  const app = await openTestApp({
    work: (parts) => {
      Object.assign(made, parts)
      return workOver(parts)
    },
  })
  const { newId } = made
  assert.ok(newId)
  const { database } = app
  const other = newId('organisation')
  await sql`insert into organisations (id, name) values (${other}, 'other')`.execute(database.db)
  const theirs = await makeThings({ database, newId, organisation: other })
  const ask = async (name: string, who: Role | { token: string }, things: Things): Promise<Answer> => {
    const route: Route = routes[name as keyof typeof routes]
    const body = route.body === undefined ? {} : { body: bodies[name] ?? {} }
    const as = typeof who === 'string' ? { cookie: await app.signInAs(who) } : { ...who, browser: false }
    return app.call(route.method, pathWith(route, things) + (queries[name]?.(things) ?? ''), {
      ...body,
      ...as,
    })
  }
  const token = await tokenOfAll(app)
  const unlisted = await makeThings({ database, newId, organisation: app.organisation.id })
  const columns = [
    ...roles.flatMap((role) => ['own', 'other', 'none'].map((whose) => `${role}:${whose}`)),
    ...['token:own', 'token:unlisted'],
  ]
  const look = async () => {
    const lines = [row('route', columns)]
    for (const [name, route] of Object.entries<Route>(routes)) {
      if (!namesThing(route)) continue
      const cells: string[] = []
      for (const role of roles) {
        const own = await makeThings({ database, newId, organisation: app.organisation.id })
        const answers = [
          await ask(name, role, own),
          await ask(name, role, theirs),
          await ask(name, role, nowhere),
        ]
        const [, foreign, absent] = answers
        assert.equal(foreign?.status, absent?.status, `${role}, ${name}: ${foreign?.text}`)
        assert.equal(foreign?.json?.detail, absent?.json?.detail, `${role}, ${name}`)
        assert.ok([403, 404].includes(foreign?.status ?? 0), `${role}, ${name}: ${foreign?.text}`)
        cells.push(...answers.map((answer) => verdict(name, answer)))
      }
      const listed = await makeThings({ database, newId, organisation: app.organisation.id })
      await sql`update api_tokens set project_ids = array[${listed.project}]`.execute(database.db)
      const limited = [await ask(name, { token }, listed), await ask(name, { token }, unlisted)] as const
      const absent = await ask(name, { token }, nowhere)
      assert.deepEqual(
        [limited[1].status, limited[1].json?.detail],
        [absent.status, absent.json?.detail],
        `a token limited to projects, ${name}`,
      )
      cells.push(...limited.map((answer) => verdict(name, answer)))
      lines.push(row(`${route.method} ${route.path.slice('/api/v1'.length)}`, cells))
    }
    const { rows } = await sql<{ status: string }>`select status from runs where id = ${theirs.run}`.execute(
      database.db,
    )
    assert.equal(rows[0]?.status, 'queued', 'and nothing of theirs was changed')
    return `${lines.join('\n')}\n`
  }
  await checkGolden(golden, look)
})

/** Of an owner, with every scope that a token of projects may have. */
const tokenOfAll = async (app: TestApp): Promise<string> => {
  const scopes = tokenScopes.filter((verb) => !scopesOfAll.includes(verb))
  const made = await app.call('POST', '/api/v1/tokens', {
    ...{ cookie: await app.signInAs('owner'), body: { name: 't', scopes } },
  })
  return made.json.secret
}

test('lists and descriptions know the projects a token is limited to', async () => {
  const made: { newId?: NewId } = {}
  const app = await openTestApp({
    work: (parts) => {
      Object.assign(made, parts)
      return workOver(parts)
    },
  })
  assert.ok(made.newId)
  const of = { database: app.database, newId: made.newId, organisation: app.organisation.id }
  const listed = await makeThings(of)
  await makeThings(of)
  const cookie = await app.signInAs('owner')
  const make = (projects: string[], scopes = ['project.view', 'run.view']) =>
    app.call('POST', '/api/v1/tokens', { cookie, body: { name: 't', scopes, projects } })
  for (const [projects, scopes] of [
    [['nowhere']],
    [[]],
    [[listed.project], ['organisation.manage']],
  ] as const)
    assert.equal((await make([...projects], scopes && [...scopes])).status, 400, projects.join())
  const { token, secret } = (await make([listed.project])).json
  assert.deepEqual(
    token.projects.map(({ id }: { id: string }) => id),
    [listed.project],
  )
  const seen = async (path: string, who: object) =>
    (await app.call('GET', path, { token: secret, browser: false, ...who })).json.items.length
  for (const path of ['/api/v1/projects', '/api/v1/runs', '/api/v1/deliveries'])
    assert.deepEqual([await seen(path, {}), await seen(path, { token: undefined, cookie })], [1, 2], path)
  const me = await app.call('GET', '/api/v1/me', { token: secret, browser: false })
  assert.deepEqual(me.json.token.projects, token.projects)
  await sql`update api_tokens set expires_at = now()`.execute(app.database.db)
  const ended = await app.call('GET', '/api/v1/runs', { token: secret, browser: false })
  assert.match(ended.json.detail, /^The token ended 20\S+: make another$/)
  const shown = await app.call('GET', '/api/v1/tokens', { cookie })
  assert.equal(shown.json.items.length, 1, 'whoever misses it finds why')
})

const row = (route: string, cells: readonly string[]): string =>
  [route.padEnd(40), ...cells.map((cell) => cell.padEnd(16))].join(' ').trimEnd()
