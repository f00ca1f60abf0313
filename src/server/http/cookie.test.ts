import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSite } from '../access/site.ts'
import { endedCookie, readSessionCookie, sessionCookie } from './cookie.ts'

const loopback = parseSite('http://localhost:8420')
const https = parseSite('https://ci.example.org/')

test('the cookie is bound to its host on https, and has its short name on plain loopback', () => {
  assert.equal(
    sessionCookie(https, 'abc'),
    '__Host-mf_s=abc; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax; Secure',
  )
  assert.equal(sessionCookie(loopback, 'abc'), 'mf_s=abc; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax')
  assert.match(endedCookie(https), /^__Host-mf_s=; Max-Age=0;/)
})

test('only the one cookie of this site is read; two of them are none', () => {
  const check = (site: typeof https, header: string | undefined, expected: string | null) =>
    assert.equal(readSessionCookie(site, header), expected, header)
  check(https, 'a=b; __Host-mf_s=xyz; c=d', 'xyz')
  check(https, 'mf_s=xyz', null)
  check(loopback, 'xmf_s=1;mf_s=xyz', 'xyz')
  check(loopback, 'mf_s=planted; mf_s=xyz', null)
  check(loopback, undefined, null)
})
