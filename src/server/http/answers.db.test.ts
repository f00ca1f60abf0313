// What an answer says beside its body: whether the thing changed, and how often one may still ask.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { noWork, openTestApp } from '../../../test/support/http-app.ts'
import { someProject as project } from '../../../test/support/some-project.ts'
import { runCommand } from '../../../test/support/surroundings.ts'

test('a thing that did not change is not sent again; one that did is', async () => {
  const state = { project }
  const projects = { ...noWork.projects, find: async () => state.project }
  const app = await openTestApp({ work: { projects } })
  const cookie = await app.signInAs('viewer')
  const get = (known?: string) =>
    app.call('GET', '/api/v1/projects/web', {
      cookie,
      headers: known === undefined ? {} : { 'if-none-match': known },
    })
  const first = await get()
  const etag = first.headers.get('etag') ?? ''
  assert.match(etag, /^"[\w-]{27}"$/)
  for (const known of [etag, `"other", W/${etag}`, '*']) {
    const again = await get(known)
    assert.deepEqual([again.status, again.text, again.headers.get('etag')], [304, '', etag], known)
    assert.ok(again.headers.get('content-security-policy'), 'with the headers of every answer')
  }
  state.project = { ...project, default_branch: 'trunk' }
  const changed = await get(etag)
  assert.deepEqual([changed.status, changed.json.default_branch], [200, 'trunk'])
  assert.notEqual(changed.headers.get('etag'), etag)
})

test('lists, errors and strangers get no tag', async () => {
  const app = await openTestApp()
  const cookie = await app.signInAs('viewer')
  for (const [path, options] of [
    ['/api/v1/projects', { cookie }],
    ['/api/v1/projects/none', { cookie }],
    ['/api/v1/projects/none', { headers: { 'if-none-match': '*' } }],
  ] as const) {
    const answer = await app.call('GET', path, options)
    assert.equal(answer.headers.get('etag'), null, path)
    assert.notEqual(answer.status, 304)
  }
})

test('each answer says how many requests this credential has left; the last one when to come back', async () => {
  const app = await openTestApp()
  const [cookie, other] = [await app.signInAs('viewer'), await app.signInAs('viewer')]
  const left = async (who: string) => {
    const { headers, status } = await app.call('GET', '/api/v1/tokens', { cookie: who })
    assert.equal(headers.get('ratelimit-policy'), '"credential";q=600;w=60')
    const [, remaining, seconds] =
      /^"credential";r=(\d+);t=(\d+)$/.exec(headers.get('ratelimit') ?? '') ?? assert.fail()
    assert.ok(Number(seconds) >= 1 && Number(seconds) <= 60)
    return { status, remaining: Number(remaining), retryAfter: headers.get('retry-after') }
  }
  assert.equal((await left(cookie)).remaining, 599)
  assert.equal((await left(cookie)).remaining, 598)
  assert.equal((await left(other)).remaining, 599, 'each has its own')
  await Promise.all(Array.from({ length: 598 }, () => left(cookie)))
  const refused = await left(cookie)
  assert.deepEqual([refused.status, refused.remaining], [429, 0])
  assert.ok(Number(refused.retryAfter) >= 1 && Number(refused.retryAfter) <= 60)
  assert.equal((await left(other)).status, 200)
})

test('a token learns what it may and until when; the command line signs in with it', async () => {
  const app = await openTestApp()
  const cookie = await app.signInAs('developer')
  const made = await app.call('POST', '/api/v1/tokens', {
    cookie,
    body: { name: 'laptop', scopes: ['run.view'] },
  })
  const me = await app.call('GET', '/api/v1/me', { token: made.json.secret, browser: false })
  const { token, user } = me.json
  assert.deepEqual([token.name, token.scopes, user], ['laptop', ['run.view'], null])
  assert.equal(token.expires_at, made.json.token.expires_at)
  assert.equal((await app.call('GET', '/api/v1/me', { cookie })).json.token, null)
  const home = await mkdtemp(join(tmpdir(), 'mayfly-login-'))
  after(() => rm(home, { recursive: true }))
  const login = (stdin: string) =>
    runCommand(['login', app.base, '--token-stdin'], { stdin, environment: { HOME: home } })
  const { code, stderr } = await login(made.json.secret)
  assert.deepEqual([code, /signed in with token laptop/.test(stderr)], [0, true], stderr)
  const { stdout } = await runCommand(['whoami'], { environment: { HOME: home } })
  assert.match(stdout, /^token laptop, which may run\.view until 20/)
  assert.notEqual((await login(`mfp_${'0'.repeat(49)}`)).code, 0)
})
