// Passkeys of an account that is there already: added, listed, removed, never the last thing somebody signs in with.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { cookieOf, openTestApp, type TestApp } from '../../../test/support/http-app.ts'
import { createSoftwarePasskey } from '../../../test/support/software-passkey.ts'

const add = async (app: TestApp, cookie: string, name: string) => {
  const begun = await app.call('POST', '/api/v1/passkeys/options', { cookie, body: {} })
  if (begun.status !== 200) return { answer: begun, authenticator: null, options: null }
  const authenticator = createSoftwarePasskey(app.site())
  const { options } = begun.json
  const passkey = authenticator.register(options)
  const answer = await app.call('POST', '/api/v1/passkeys', { cookie, body: { name, passkey } })
  return { answer, authenticator, options }
}
const list = async (app: TestApp, cookie: string) =>
  (await app.call('GET', '/api/v1/passkeys', { cookie })).json.items
const remove = (app: TestApp, cookie: string, id: string) =>
  app.call('DELETE', `/api/v1/passkeys/${id}`, { cookie })

test('a further passkey signs in, is listed with its last use, and the first may then go', async () => {
  const app = await openTestApp()
  const cookie = await app.signInAs('developer')
  const { answer, authenticator } = await add(app, cookie, 'Laptop')
  assert.equal(answer.status, 200, answer.text)
  assert.ok(authenticator)
  assert.deepEqual([answer.json.name, answer.json.last_used_at], ['Laptop', null])
  const begun = (await app.call('POST', '/api/v1/sign-in/passkey-options', { body: {} })).json
  const passkey = authenticator.assert(begun.options)
  const entered = await app.call('POST', '/api/v1/sign-in/passkey', {
    body: { challenge: begun.challenge, passkey },
  })
  assert.equal(entered.json.user.role, 'developer')
  const [laptop] = await list(app, cookieOf(entered))
  assert.ok(Date.parse(laptop.last_used_at) > 0)
  const second = await add(app, cookie, 'Key ring')
  assert.deepEqual(second.options.excludeCredentials.length, 1, 'the same authenticator is not taken twice')
  assert.deepEqual(
    (await list(app, cookie)).map(({ name }: { name: string }) => name),
    ['Laptop', 'Key ring'],
  )
  assert.equal((await remove(app, cookie, laptop.id)).status, 200)
  const again = (await app.call('POST', '/api/v1/sign-in/passkey-options', { body: {} })).json
  const gone = await app.call('POST', '/api/v1/sign-in/passkey', {
    body: { challenge: again.challenge, passkey: authenticator.assert(again.options) },
  })
  assert.equal(gone.status, 401)
  const { rows } = await sql<{ action: string }>`
    select action from audit where action like 'passkey.%' order by id`.execute(app.database.db)
  assert.deepEqual(
    rows.map(({ action }) => action),
    ['passkey.add', 'passkey.add', 'passkey.remove'],
  )
})

test('the last factor stays, also when two go at once; beside a password every passkey may go', async () => {
  const app = await openTestApp()
  const cookie = await app.signInAs('viewer')
  await add(app, cookie, 'a')
  const [only] = await list(app, cookie)
  const refused = await remove(app, cookie, only.id)
  assert.deepEqual([refused.status, refused.json.code], [409, 'MF4009'])
  await add(app, cookie, 'b')
  const both: { id: string }[] = await list(app, cookie)
  const answers = await Promise.all(both.map(({ id }) => remove(app, cookie, id)))
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409])
  await sql`insert into passwords (user_id, hash) select id, '$argon2id$v=19$x' from users`.execute(
    app.database.db,
  )
  const [left] = await list(app, cookie)
  assert.equal((await remove(app, cookie, left.id)).status, 200)
  assert.deepEqual(await list(app, cookie), [])
})

test('an older session changes nothing until its person signs in again', async () => {
  const app = await openTestApp()
  const cookie = await app.signInAs('owner')
  await add(app, cookie, 'a')
  const [own] = await list(app, cookie)
  await sql`update sessions set proved_at = now() - interval '11 minutes'`.execute(app.database.db)
  for (const refused of [(await add(app, cookie, 'b')).answer, await remove(app, cookie, own.id)])
    assert.deepEqual([refused.status, refused.json.code], [403, 'MF4033'])
  assert.equal((await list(app, cookie)).length, 1, 'looking is free')
})

test('a passkey is added only by whom its options were for, once, and found only by its owner', async () => {
  const app = await openTestApp()
  const [ada, bob] = [await app.signInAs('developer'), await app.signInAs('developer')]
  const { options } = (await app.call('POST', '/api/v1/passkeys/options', { cookie: ada, body: {} })).json
  const passkey = createSoftwarePasskey(app.site()).register(options)
  const finish = (cookie: string) =>
    app.call('POST', '/api/v1/passkeys', { cookie, body: { name: 'x', passkey } })
  assert.equal((await finish(bob)).status, 400)
  assert.equal((await finish(ada)).status, 400, 'the challenge is gone with the first try')
  const { answer } = await add(app, ada, 'mine')
  assert.equal((await remove(app, bob, answer.json.id)).status, 404)
  assert.deepEqual(await list(app, bob), [])
  const foreign = createSoftwarePasskey({ ...app.site(), origin: 'https://evil.example' })
  const fresh = (await app.call('POST', '/api/v1/passkeys/options', { cookie: ada, body: {} })).json.options
  const forged = await app.call('POST', '/api/v1/passkeys', {
    ...{ cookie: ada, body: { name: 'x', passkey: foreign.register(fresh) } },
  })
  assert.equal(forged.status, 400)
  assert.equal((await app.callOperator('GET', '/api/v1/passkeys')).status, 403)
})
