// Two people change the same thing: who has not seen the other's change is told, whatever the order, over the real door
// and the real database.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { noWork, openTestApp } from '../../../test/support/http-app.ts'
import { silentLog } from '../../base/log.ts'
import { type Route, routes } from '../../protocol/api/routes.ts'
import type { ObjectStore } from '../objects/store.ts'
import { createProjects } from '../projects/projects.ts'
import { createSchedules } from '../schedules/schedules.ts'
import type { VaultClient } from '../vault-client.ts'

const never = async (): Promise<never> => {
  throw new Error('settings do not concern the vault')
}
// SAFE: the use case only ever calls it.
const vault = { call: never, verifyWebhook: never, close: () => undefined } as unknown as VaultClient

// SAFE: the same.
const objects = { delete: never } as unknown as ObjectStore

const open = async () => {
  const app = await openTestApp({
    work: ({ database, newId }) => ({
      ...noWork,
      schedules: createSchedules({ database, newId }),
      projects: createProjects({
        ...{ database, vault, objects, newId, log: silentLog, localRepositoryRoots: [] },
        serverUrl: () => 'http://localhost',
      }),
    }),
  })
  await sql`insert into projects (id, organisation_id, name, source, source_url, default_branch, hook_id)
    values (${`prj_${'0'.repeat(26)}`}, ${app.organisation.id}, 'web', '{"kind":"local","root":0,"path":"web"}',
      '/srv/web', 'main', ${`hok_${'0'.repeat(26)}`})`.execute(app.database.db)
  const cookie = await app.signInAs('owner')
  const read = async (path: string) => (await app.call('GET', path, { cookie })).headers.get('etag') ?? ''
  const change = (path: string, body: object, tag?: string) =>
    app.call('PATCH', path, { cookie, body, headers: tag === undefined ? {} : { 'if-match': tag } })
  return { app, cookie, read, change }
}

const settings = '/api/v1/projects/web/settings'

test('a change of what somebody else has changed meanwhile is refused and says what to do', async () => {
  const { read, change, app, cookie } = await open()
  const [ada, bob] = [await read(settings), await read(settings)]
  assert.match(ada, /^"[\w-]{27}"$/)
  assert.equal(ada, bob)
  assert.equal((await change(settings, { priority: 'high' }, ada)).status, 200)
  const refused = await change(settings, { jobs_max: 3 }, bob)
  assert.deepEqual([refused.status, refused.json.code], [412, 'MF4012'])
  assert.match(refused.json.hint, /^Read it again/)
  const now = await app.call('GET', settings, { cookie })
  assert.deepEqual([now.json.priority, now.json.jobs_max], ['high', null], 'nothing of it was kept')
  assert.equal((await change(settings, { jobs_max: 3 }, now.headers.get('etag') ?? '')).status, 200)
})

test('of many at once with the same tag, one wins', async () => {
  const { read, change } = await open()
  const tag = await read(settings)
  const answers = await Promise.all(
    [1, 2, 3, 4, 5].map((count) => change(settings, { jobs_max: count }, tag)),
  )
  const statuses = answers.map(({ status }) => status).sort()
  assert.deepEqual(statuses, [200, 412, 412, 412, 412])
})

test('any of several tags will do, and *; a weak tag and one of another thing will not; without one nothing is asked', async () => {
  const { read, change } = await open()
  const set = async (tag?: string) => (await change(settings, { auto_cancel: true }, tag)).status
  assert.equal(await set(`"other", ${await read(settings)}`), 200)
  assert.equal(await set('*'), 200)
  assert.equal(await set(), 200)
  assert.equal(await set(`W/${await read(settings)}`), 412)
  assert.equal(await set(await read('/api/v1/projects/web')), 412)
})

test('settings of the organisation are guarded alike', async () => {
  const { read, change } = await open()
  const path = '/api/v1/organisation'
  const tag = await read(path)
  assert.equal((await change(path, { jobs_max: 4 }, tag)).status, 200)
  assert.equal((await change(path, { jobs_max: 5 }, tag)).status, 412)
  assert.equal((await change(path, { jobs_max: 5 }, await read(path))).status, 200)
})

test('a schedule is changed and removed as it was read; that it was due meanwhile changes no tag', async () => {
  const { app, cookie, read, change } = await open()
  const list = '/api/v1/projects/web/schedules'
  const body = { name: 'nightly', cron: '0 3 * * *' }
  assert.equal((await app.call('POST', list, { cookie, body })).status, 200)
  const path = `${list}/nightly`
  const tag = await read(path)
  await sql`update schedules set next_at = now() + interval '1 day', last_at = now(), missed = 2`.execute(
    app.database.db,
  )
  assert.equal(await read(path), tag)
  const answers = await Promise.all(
    // Each other than it was: what changes nothing leaves the tag as it is.
    ['4', '5', '6'].map((hour) => change(path, { cron: `0 ${hour} * * *` }, tag)),
  )
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412, 412])
  const remove = (seen: string) => app.call('DELETE', path, { cookie, headers: { 'if-match': seen } })
  assert.deepEqual([(await remove(tag)).status, (await remove(tag)).json.code], [412, 'MF4012'])
  assert.equal((await app.call('GET', path, { cookie })).status, 200, 'it is still there')
  assert.equal((await remove(await read(path))).status, 200)
  assert.equal((await app.call('GET', path, { cookie })).status, 404)
})

test('a member is changed as it was read; that they were here meanwhile changes no tag', async () => {
  const { app, read, change } = await open()
  await app.signInAs('viewer')
  const { rows } = await sql<{ id: string }>`select id from users where role = 'viewer'`.execute(
    app.database.db,
  )
  const path = `/api/v1/members/${rows[0]?.id}`
  const tag = await read(path)
  await sql`update sessions set last_seen_at = now() + interval '1 hour' where user_id = ${rows[0]?.id}`.execute(
    app.database.db,
  )
  assert.equal(await read(path), tag)
  const answers = await Promise.all([
    change(path, { role: 'developer' }, tag),
    change(path, { role: 'owner' }, tag),
    change(path, { disabled: true }, tag),
  ])
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412, 412])
  assert.equal((await change(path, { role: 'viewer', disabled: false }, await read(path))).status, 200)
  assert.equal((await change(path, { role: 'viewer' })).status, 200, 'without one nothing is asked')
})

test('whatever a PATCH changes has a tag at its address; what has none refuses every one', async () => {
  const { app, cookie } = await open()
  const all = Object.values<Route>(routes)
  const read = new Set(all.filter(({ versioned }) => versioned).map(({ path }) => path))
  assert.deepEqual(
    all.filter(({ method, path }) => method === 'PATCH' && !read.has(path)),
    [],
  )
  const headers = { 'if-match': '"any"' }
  const answer = await app.call('DELETE', '/api/v1/tokens/tok_1', { cookie, headers })
  assert.deepEqual([answer.status, answer.json.code], [412, 'MF4012'])
})
