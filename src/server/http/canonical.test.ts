import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCanonicalTarget } from './canonical.ts'

const check = (target: string, expected: boolean) => assert.equal(isCanonicalTarget(target), expected, target)

test('ordinary addresses pass', () => {
  for (const target of [
    '/',
    '/api/v1/runs?limit=5&branch=feature%2Flogin',
    '/acme/web/runs/412/jobs/test.3?attempt=2',
    '/caf%C3%A9/projekt',
    '/assets/index-DkX3.js',
    '/.well-known/security.txt',
    '/acme/a..b',
  ])
    check(target, true)
})

test('an address that somebody could read in two ways is refused', () => {
  for (const target of [
    '',
    'api/v1/me',
    'http://other.example/api/v1/me',
    '//api/v1/me',
    '/api//v1/me',
    '/api/v1/me;x=1',
    '/api/v1/me%3bx',
    '/api/../api/v1/me',
    '/api/./v1/me',
    '/api/..',
    '/api/%2e%2e/v1',
    '/api%2fv1%2Fme',
    '/api\\v1',
    '/api%5cv1',
    '/api/%00',
    '/api/%0d%0aX: y',
    '/api/%252f',
    '/api/%7f',
    '/api/%zz',
    '/api/%',
    '/api/%ff',
    '/api/v1/me#x',
    '/api/v1/me?a=\u0000',
    '/api/v1/me?a= b',
    `/${'a'.repeat(5000)}`,
  ])
    check(target, false)
})
