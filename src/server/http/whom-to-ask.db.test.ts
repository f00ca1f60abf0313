// Whom somebody who is refused can ask: a member hears the names of owners, a token and a stranger hear none, and nobody hears of another
// organisation's, of an address, or of somebody who is let in no more.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { openTestApp } from '../../../test/support/http-app.ts'
import { formatId } from '../../base/ids.ts'
import { randomBytes } from '../../sys/index.ts'

const app = await openTestApp()
const newId = <K extends 'user' | 'organisation'>(kind: K) => formatId(kind, randomBytes(16))
const add = async (name: string, { of = app.organisation.id, role = 'owner', gone = false } = {}) => {
  await sql`
    insert into users (id, organisation_id, name, email, role, disabled_at)
    values (${newId('user')}, ${of}, ${name}, ${`${name.toLowerCase()}@secret.example`}, ${role},
      ${gone ? new Date().toISOString() : null}::timestamptz)`.execute(app.database.db)
}
const elsewhere = newId('organisation')
await sql`insert into organisations (id, name) values (${elsewhere}, 'other')`.execute(app.database.db)
await add('Hopper')
await add('Lovelace')
await add('Gone', { gone: true })
await add('Stranger', { of: elsewhere })
await add('Plain', { role: 'developer' })
const names = /Hopper|Lovelace|Gone|Stranger|Plain|secret\.example/

test('a member who is refused hears which role it takes and which owners to ask, and no more of them than their names', async () => {
  for (const role of ['viewer', 'developer'] as const) {
    const cookie = await app.signInAs(role)
    const refused = await app.call('GET', '/api/v1/members', { cookie })
    assert.deepEqual([refused.status, refused.json.code], [403, 'MF4003'])
    assert.equal(
      refused.json.detail,
      `This takes the role owner; yours is ${role}. An owner changes it under Members: ask Hopper, Lovelace`,
    )
    const me = await app.call('GET', '/api/v1/me', { cookie })
    assert.deepEqual(me.json.user.ask, ['Hopper', 'Lovelace'])
  }
})

test('an owner has nobody to ask', async () => {
  const me = await app.call('GET', '/api/v1/me', { cookie: await app.signInAs('owner') })
  assert.deepEqual(me.json.user.ask, [])
})

test('a stranger and a token learn of nobody', async () => {
  for (const path of ['/api/v1/members', '/api/v1/me', '/api/v1/runs', '/api/v1/tokens']) {
    const answer = await app.call('GET', path)
    assert.equal(names.test(answer.text), false, answer.text)
  }
  const cookie = await app.signInAs('viewer')
  const body = { name: 'ci', scopes: ['run.view'], days: 1 }
  const made = await app.call('POST', '/api/v1/tokens', { cookie, body })
  assert.equal(made.status, 200, made.text)
  for (const path of ['/api/v1/members', '/api/v1/metrics', '/api/v1/me']) {
    const answer = await app.call('GET', path, { token: made.json.secret, browser: false })
    assert.equal(names.test(answer.text), false, answer.text)
  }
})
