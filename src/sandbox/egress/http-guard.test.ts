import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createHttpGuard } from './http-guard.ts'

/** Everything at once, then byte by byte: the verdict must not depend on how the bytes arrive. */
const verdict = (text: string): string => {
  const whole = feed([Buffer.from(text, 'latin1')])
  const single = feed([...Buffer.from(text, 'latin1')].map((byte) => Buffer.from([byte])))
  assert.equal(single.why, whole.why)
  if (whole.why === null) assert.equal(single.passed, whole.passed)
  assert(text.startsWith(single.passed))
  return whole.why ?? (whole.passed === text ? 'passed' : 'waits')
}
const feed = (chunks: readonly Buffer[]): { why: string | null; passed: string } => {
  const guard = createHttpGuard('web.example')
  let passed = ''
  for (const chunk of chunks) {
    const result = guard.push(chunk)
    if (!result.ok) return { why: result.why, passed }
    passed += result.pass.toString('latin1')
  }
  return { why: null, passed }
}
const request = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`
const get = request('GET /a HTTP/1.1', 'Host: web.example')

test('requests to the dialled host pass', () => {
  const post = request('POST / HTTP/1.1', 'Host: WEB.example:80', 'Content-Length: 5')
  const chunked = request('PUT / HTTP/1.1', 'Host: web.example.', 'Transfer-Encoding: chunked')
  const good = [
    get,
    get + get,
    `${post}hello${get}`,
    `${chunked}5\r\nhello\r\na\r\n0123456789\r\n0\r\n\r\n${get}`,
    request('GET http://web.example/x HTTP/1.1', 'Host: web.example'),
    request('OPTIONS * HTTP/1.0', 'host:web.example'),
    `${request('POST / HTTP/1.1', 'Host: web.example', 'Content-Length: 60')}${'GET / HTTP/1.1\r\nHost: other.example\r\n\r\n'.padEnd(60)}`,
  ]
  for (const text of good) assert.equal(verdict(text), 'passed', text)
})

const bad: Record<string, readonly string[]> = {
  'http-host': [
    request('GET / HTTP/1.1', 'Host: other.example'),
    request('GET / HTTP/1.1'),
    request('GET / HTTP/1.1', 'Host: web.example', 'Host: other.example'),
    request('GET / HTTP/1.1', 'Host: web.example:8080'),
    request('GET / HTTP/1.1', 'Host: web.example, other.example'),
    get + request('GET / HTTP/1.1', 'Host: other.example'),
    `${request('POST / HTTP/1.1', 'Host: web.example', 'Content-Length: 0')}${request('GET / HTTP/1.1', 'Host: other.example')}`,
  ],
  'http-connect': [request('CONNECT web.example:443 HTTP/1.1', 'Host: web.example')],
  'http-upgrade': [request('GET / HTTP/1.1', 'Host: web.example', 'Upgrade: h2c')],
  'http-target': [
    request('GET http://other.example/ HTTP/1.1', 'Host: web.example'),
    request('GET http://web.example@other.example/ HTTP/1.1', 'Host: web.example'),
    request('GET https://web.example/ HTTP/1.1', 'Host: web.example'),
    request('GET other:http://web.example/ HTTP/1.1', 'Host: web.example'),
  ],
  'http-framing': [
    // A server of version 1.0 knows no chunks: to it a second request begins where the guard sees a body.
    request('POST / HTTP/1.0', 'Host: web.example', 'Connection: keep-alive', 'Transfer-Encoding: chunked'),
    request('POST / HTTP/1.1', 'Host: web.example', 'Content-Length: 5', 'Transfer-Encoding: chunked'),
    request('POST / HTTP/1.1', 'Host: web.example', 'Content-Length: 5', 'Content-Length: 6'),
    request('POST / HTTP/1.1', 'Host: web.example', 'Content-Length: +5'),
    request('POST / HTTP/1.1', 'Host: web.example', 'Content-Length: 0x5'),
    request('POST / HTTP/1.1', 'Host: web.example', 'Transfer-Encoding: gzip, chunked'),
    request('POST / HTTP/1.1', 'Host: web.example', 'Transfer-Encoding: xchunked'),
    `${request('POST / HTTP/1.1', 'Host: web.example', 'Transfer-Encoding: chunked')}5;x=y\r\n`,
    `${request('POST / HTTP/1.1', 'Host: web.example', 'Transfer-Encoding: chunked')}-1\r\n`,
    `${request('POST / HTTP/1.1', 'Host: web.example', 'Transfer-Encoding: chunked')}2\r\nabXX`,
    `${request('POST / HTTP/1.1', 'Host: web.example', 'Transfer-Encoding: chunked')}2\r\nab\rX`,
    `${request('POST / HTTP/1.1', 'Host: web.example', 'Transfer-Encoding: chunked')}2\r\nabX\n`,
    `${request('POST / HTTP/1.1', 'Host: web.example', 'Transfer-Encoding: chunked')}0\r\nTrailer: x\r\n\r\n`,
  ],
  'http-malformed': [
    request('GET / HTTP/1.1', 'Host: web.example', ' folded: other.example'),
    request('GET / HTTP/1.1', 'Host : web.example'),
    request('GET / HTTP/1.1', 'X: a\nHost: other.example', 'Host: web.example'),
    request('GET / HTTP/1.1', 'X: a\rb', 'Host: web.example'),
    request('GET / HTTP/1.1', 'X: \0', 'Host: web.example'),
    request('GET / HTTP/2.0', 'Host: web.example'),
    request('PRI * HTTP/2.0', '', 'SM'),
    request('get / HTTP/1.1', 'Host: web.example'),
    request('GET  / HTTP/1.1', 'Host: web.example'),
    'SSH-2.0-OpenSSH_9.2\r\n\r\n',
  ],
  'http-head-too-long': [`GET / HTTP/1.1\r\nX: ${'x'.repeat(17_000)}`],
}
for (const [why, texts] of Object.entries(bad))
  test(`${why}: refused, however the bytes arrive`, () => {
    for (const text of texts) assert.equal(verdict(text), why, text.slice(0, 200))
  })

test('nothing of a head goes out before all of it was seen', () => {
  assert.equal(feed([Buffer.from(get.slice(0, -1))]).passed, '')
})
