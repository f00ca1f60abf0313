// Claim, sign-in, sessions and tokens as a browser and a program see them, over HTTP and a real database.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { cookieOf, openTestApp, type TestApp } from '../../../test/support/http-app.ts'

const password = 'correct horse battery'
const owner = { name: 'Ada', email: 'Ada@example.org' }

const claimToken = async (app: TestApp): Promise<string> => {
  const link = await app.access.claim.issue()
  return new URL(link?.reveal('the test follows the link') ?? '').hash.slice(1)
}

const claim = async (app: TestApp) =>
  app.call('POST', '/api/v1/claim', { body: { token: await claimToken(app), ...owner, password } })

test('from the claim to a session, an empty list of runs and a live socket', async () => {
  const app = await openTestApp()
  assert.equal((await app.call('GET', '/api/v1/me')).json.claimed, false)
  const claimed = await claim(app)
  assert.equal(claimed.status, 200, claimed.text)
  assert.deepEqual(claimed.json.user.role, 'owner')
  const cookie = cookieOf(claimed)
  const me = await app.call('GET', '/api/v1/me', { cookie })
  assert.deepEqual(
    [me.json.claimed, me.json.user.email, me.json.organisation.name],
    [true, owner.email, 'acme'],
  )
  const runs = await app.call('GET', '/api/v1/runs', { cookie })
  assert.deepEqual([runs.status, runs.json], [200, { items: [], next_cursor: null }])
  const socket = app.connect({ cookie, origin: app.site().origin })
  await once(socket, 'open')
  socket.send('{"t":"ping"}')
  const [message] = await once(socket, 'message')
  assert.equal(String(message), '{"t":"pong"}')
  socket.terminate()
})
