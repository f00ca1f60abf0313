// Two people change the same settings: who has not seen the other's change is told, whatever the order, over the real door
// and the real database.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { noWork, openTestApp } from '../../../test/support/http-app.ts'
import { createProjects } from '../projects/projects.ts'
import type { VaultClient } from '../vault-client.ts'

const never = async (): Promise<never> => {
  throw new Error('settings do not concern the vault')
}
// SAFE: the use case only ever calls it.
const vault = { call: never, verifyWebhook: never, close: () => undefined } as unknown as VaultClient

const open = async () => {
  const app = await openTestApp({
    work: ({ database, newId }) => ({
      ...noWork,
      projects: createProjects({
        ...{ database, vault, newId, localRepositoryRoots: [], serverUrl: () => 'http://localhost' },
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

test('settings of the organisation are guarded alike; what has no tag to read refuses every one', async () => {
  const { app, read, change } = await open()
  const path = '/api/v1/organisation'
  const tag = await read(path)
  assert.equal((await change(path, { jobs_max: 4 }, tag)).status, 200)
  assert.equal((await change(path, { jobs_max: 5 }, tag)).status, 412)
  assert.equal((await change(path, { jobs_max: 5 }, await read(path))).status, 200)
  const { rows } = await sql<{ id: string }>`select id from users limit 1`.execute(app.database.db)
  assert.equal((await change(`/api/v1/members/${rows[0]?.id}`, { disabled: false }, '"any"')).status, 412)
})
