import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApi, isApiProblem } from './api.ts'
import { asShown } from './as-shown.ts'

type Sent = { readonly url: string; readonly init: RequestInit }
const setUp = (answer: () => Response | Promise<Response>, isProven = false) => {
  const sent: Sent[] = []
  let signedOut = 0
  const asked: string[] = []
  const api = createApi({
    fetch: async (url, init = {}) => {
      sent.push({ url: String(url), init })
      return answer()
    },
    onSignedOut: () => {
      signedOut++
    },
    onProofWanted: async (act) => {
      asked.push(act)
      return isProven
    },
  })
  return { api, sent, asked, signedOut: () => signedOut }
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

test('what asks for a proof is asked again, the same request, once it is given; otherwise the refusal stands', async () => {
  let refusals = 1
  const answer = () =>
    refusals-- > 0 ? refusal(403, { code: 'MF4033', title: 'Prove it' })() : Response.json({})
  const given = setUp(answer, true)
  await given.api.call('invitationCreate', { body: { role: 'viewer', days: 7 } })
  assert.deepEqual(given.asked, ['invitationCreate'])
  const keys = given.sent.map(({ init }) => new Headers(init.headers).get('idempotency-key'))
  assert.equal(keys.length, 2)
  assert.equal(keys[0], keys[1])
  refusals = 1
  const kept = setUp(answer)
  const problem = await problemFrom(kept.api.call('tokenRevoke', { path: { token: 'tok_1' } }))
  assert.deepEqual([problem.code, kept.sent.length], ['MF4033', 1])
})

test('a POST is JSON, and cookies stay on this origin', async () => {
  const { api, sent } = setUp(() => Response.json({}))
  await api.call('runCancel', { path: { run: 'run_1' }, body: {} })
  assert.equal(sent[0]?.init.body, '{}')
  assert.equal(sent[0]?.init.credentials, 'same-origin')
  const headers = new Headers(sent[0]?.init.headers)
  assert.equal(headers.get('content-type'), 'application/json')
  assert.match(headers.get('idempotency-key') ?? '', /^[0-9a-f]{32}$/)
})

test('a POST whose connection broke is sent once more with its key; each call has its own', async () => {
  let broken = 1
  const { api, sent } = setUp(() => {
    if (broken-- > 0) throw new TypeError('connection reset')
    return Response.json({})
  })
  await api.call('runCancel', { path: { run: 'run_1' }, body: {} })
  await api.call('runCancel', { path: { run: 'run_1' }, body: {} })
  const keys = sent.map(({ init }) => new Headers(init.headers).get('idempotency-key'))
  assert.equal(keys.length, 3)
  assert.equal(keys[0], keys[1])
  assert.notEqual(keys[1], keys[2])
  broken = 1
  await problemFrom(api.call('runs'))
  assert.equal(sent.length, 4, 'a GET is the business of whoever reads')
})

test('a PATCH carries its body, and the tag of what was read', async () => {
  const { api, sent } = setUp(() => Response.json({ priority: 'low' }, { headers: { etag: '"v1"' } }))
  const { tag } = await api.callTagged('projectSettings', { path: { project: 'web' } })
  assert.equal(tag, '"v1"')
  await api.call('projectSet', { path: { project: 'web' }, body: { priority: 'high' }, ifMatch: '"v1"' })
  assert.equal(sent[1]?.init.body, '{"priority":"high"}')
  assert.equal(new Headers(sent[1]?.init.headers).get('if-match'), '"v1"')
})

test('what a list shows is acted on as it is shown: else nothing is sent', async () => {
  const now = { id: 'usr_1', role: 'viewer' }
  const { api, sent } = setUp(() => Response.json(now, { headers: { etag: '"v1"' } }))
  const reading = () => api.callTagged('member', { path: { member: 'usr_1' } })
  const seen = await asShown(reading(), { ...now, sessions: 3 })
  assert.deepEqual(seen, { ifMatch: '"v1"' })
  const { code, status } = await problemFrom(asShown(reading(), { ...now, role: 'owner' }))
  assert.deepEqual([code, status], ['MF4012', 412])
  await api.call('scheduleRemove', { path: { project: 'web', schedule: 'nightly' }, ...seen })
  assert.equal(new Headers(sent.at(-1)?.init.headers).get('if-match'), '"v1"')
})

test('all pages of a list are read', async () => {
  const pages = [
    { items: [{ id: 'a' }, { id: 'b' }], next_cursor: 'b' },
    { items: [{ id: 'c' }], next_cursor: null },
  ]
  const { api, sent } = setUp(() => Response.json(pages.shift()))
  const found = await api.callAll('tokens')
  assert.deepEqual(
    found.map(({ id }) => id),
    ['a', 'b', 'c'],
  )
  assert.deepEqual(
    sent.map(({ url }) => url),
    ['/api/v1/tokens?limit=100', '/api/v1/tokens?limit=100&cursor=b'],
  )
})

test('an answer that breaks off half-way is a server that cannot be reached, no defect of ours', async () => {
  const half = () => {
    let isBegun = false
    const body = new ReadableStream<Uint8Array>({
      pull: (stream) => {
        if (isBegun) stream.error(new TypeError('network error'))
        else stream.enqueue(new TextEncoder().encode('{"items":['))
        isBegun = true
      },
    })
    return new Response(body)
  }
  const { api } = setUp(half)
  const range = { after: 0, until: 1 }
  for (const act of [
    api.call('runs'),
    api.description(),
    api.logFrames('att_1', range, new AbortController().signal),
  ])
    assert.equal((await problemFrom(act)).code, 'MF4503')
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
