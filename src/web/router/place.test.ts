import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addresses, formatLineRange, nextOf, parseLineRange, placeOf, withQuery } from './place.ts'

test('each address names its page', () => {
  for (const [path, page] of [
    ['/', 'runs'],
    ['/runs', 'runs'],
    ['/projects', 'projects'],
    ['/projects/new', 'project-new'],
    ['/settings/tokens', 'tokens'],
    ['/runners', 'runners'],
    ['/status', 'status'],
    ['/settings/sessions', 'sessions'],
    ['/settings/members', 'members'],
    ['/settings/preferences', 'preferences'],
    ['/settings/contexts', 'contexts'],
    ['/settings/contexts/deploy%20to%20europe', 'context'],
    ['/settings/contexts/a/b', 'missing'],
    ['/settings/other', 'missing'],
    ['/claim', 'claim'],
    ['/join', 'join'],
    ['/sign-in', 'sign-in'],
    ['/docs/errors', 'errors'],
    ['/docs/api', 'api'],
    ['/settings/passkeys', 'passkeys'],
    ['/docs/errors/MF4004', 'errors'],
    ['/acme/web', 'project'],
    ['/acme/web/', 'project'],
    ['/acme/web/secrets', 'secrets'],
    ['/acme/web/deliveries', 'deliveries'],
  ] as const)
    assert.equal(placeOf(path).page, page, path)
})

test('a job of a run is found with its shard and any characters its key has', () => {
  assert.deepEqual(placeOf('/acme/web/runs/412/jobs/test.2'), {
    page: 'job',
    organisation: 'acme',
    project: 'web',
    number: 412,
    job: 'test.2',
  })
  const to = { organisation: 'acme', project: 'web', number: 7, job: 'a/b ?#é' }
  assert.deepEqual(placeOf(addresses.job(to)), { page: 'job', ...to })
})

test('what names no page is missing, not another page', () => {
  for (const path of [
    '/acme',
    '/acme/web/runs',
    '/docs/other',
    '/docs/errors/MF4004/x',
    '/acme/web/runs/0',
    '/acme/web/runs/1e3',
    '/acme/web/runs/4/jobs',
    '/acme/web/secrets/TOKEN',
    '/a/b/c/d/e/f/g',
    '/%E0%A4%A',
    '/constructor',
  ])
    assert.equal(placeOf(path).page, 'missing', path)
})

test('lines of a log go to the address and back', () => {
  assert.deepEqual(parseLineRange('#s4L120-L140'), { step: 4, from: 120, to: 140 })
  assert.deepEqual(parseLineRange('#s0L7'), { step: 0, from: 7, to: 7 })
  assert.deepEqual(parseLineRange('#s4L140-L120'), { step: 4, from: 120, to: 140 })
  for (const hash of ['', '#', '#s4', '#s4L0', '#s4L1-2', '#token'])
    assert.equal(parseLineRange(hash), null, hash)
  for (const hash of ['#s4L120-L140', '#s0L7']) assert.equal(formatLineRange(parseLineRange(hash)!), hash)
})

test('words of a query that are empty are left out', () => {
  assert.equal(
    withQuery('/runs', { status: 'failed', branch: '', project: undefined }),
    '/runs?status=failed',
  )
  assert.equal(withQuery('/runs', {}), '/runs')
})

test('who signs in goes on to a path of ours only', () => {
  const to = (next: string) => nextOf(new URLSearchParams({ next }))
  assert.equal(to('/acme/web?view=table#s1L2'), '/acme/web?view=table#s1L2')
  for (const next of ['', 'x', '//evil.example', '/\\evil.example', '/\t/evil.example', '/\n\\evil.example'])
    assert.equal(to(next), addresses.runs, JSON.stringify(next))
})
