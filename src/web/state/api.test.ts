import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApi, isApiProblem } from './api.ts'

type Sent = { readonly url: string; readonly init: RequestInit }
const setUp = (answer: () => Response | Promise<Response>) => {
  const sent: Sent[] = []
  let signedOut = 0
  const api = createApi({
    fetch: async (url, init = {}) => {
      sent.push({ url: String(url), init })
      return answer()
    },
    onSignedOut: () => {
      signedOut++
    },
  })
  return { api, sent, signedOut: () => signedOut }
}
const refusal = (status: number, body: object | string) => () =>
  new Response(typeof body === 'string' ? body : JSON.stringify(body), { status })
const problemFrom = async (act: Promise<unknown>) => {
  const error = await act.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  assert.ok(isApiProblem(error))
  return error
}

test('paths and queries are filled in and encoded; empty words are left out', async () => {
  const { api, sent } = setUp(() => Response.json({ items: [], next_cursor: null }))
  await api.call('runs', { query: { project: 'a&b', branch: '', number: 4 } })
  await api.call('project', { path: { project: 'x/y' } })
  await api.call('tokenRevoke', { path: { token: 'tok_1' } })
  assert.deepEqual(
    sent.map(({ url, init }) => `${init.method} ${url}`),
    ['GET /api/v1/runs?project=a%26b&number=4', 'GET /api/v1/projects/x%2Fy', 'DELETE /api/v1/tokens/tok_1'],
  )
  assert.equal(sent[2]?.init.body, undefined)
})

test('a POST is JSON, and cookies stay on this origin', async () => {
  const { api, sent } = setUp(() => Response.json({}))
  await api.call('runCancel', { path: { run: 'run_1' }, body: {} })
  assert.equal(sent[0]?.init.body, '{}')
  assert.equal(sent[0]?.init.credentials, 'same-origin')
  assert.deepEqual(sent[0]?.init.headers, { 'content-type': 'application/json' })
})

test('a refusal keeps what the server said', async () => {
  const body = {
    title: 'Not allowed',
    status: 403,
    detail: 'Why',
    code: 'MF4003',
    request_id: 'req_1',
    errors: [{ pointer: '/name', detail: 'taken' }],
  }
  const { api } = setUp(refusal(403, body))
  const problem = await problemFrom(api.call('status'))
  assert.deepEqual(
    [problem.message, problem.status, problem.code, problem.requestId, problem.errors.length],
    ['Not allowed', 403, 'MF4003', 'req_1', 1],
  )
})

test('an answer that is no problem document, and no answer at all, are problems in words, too', async () => {
  const odd = await problemFrom(setUp(refusal(502, '<html>')).api.call('status'))
  assert.equal(odd.status, 502)
  assert.notEqual(odd.message, '')
  const silent = await problemFrom(
    setUp(() => Promise.reject(new TypeError('failed to fetch'))).api.call('status'),
  )
  assert.equal(silent.code, 'MF4503')
})

test('401 ends the session', async () => {
  const { api, signedOut } = setUp(refusal(401, { title: 'Sign in first' }))
  await problemFrom(api.call('status'))
  assert.equal(signedOut(), 1)
})
