import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '../../base/faults.ts'
import { matchesHost, normalizeHostPattern } from '../../sys/index.ts'
import type { EgressPolicy, EgressRule } from '../driver.ts'
import { createFakeAddresses } from './fake-addresses.ts'
import { createJudge, type Destination } from './judge.ts'
import { createRecordBook, egressDigest } from './records.ts'
import { allowSource, sourceName } from './source.ts'

const rule = (host: string, ports: readonly number[], tls: 'sni' | 'any' = 'any'): EgressRule => ({
  host,
  ports,
  proto: 'tcp',
  tls,
})
const list = (...allow: EgressRule[]): EgressPolicy => ({ mode: 'list', allow, privateRanges: [] })
const verdict = (policy: EgressPolicy, name: string | null, port: number, address = '198.18.0.1') => {
  const destination: Destination = { name, address, port }
  const judgement = createJudge(policy).judge(destination)
  return judgement.ok ? judgement.speaks : judgement.why
}

test('an empty or unknown policy allows nothing', () => {
  assert.equal(createJudge(list()).knowsName('a.example'), false)
  assert.equal(verdict(list(), 'a.example', 443), 'unlisted')
  assert.equal(verdict({ ...list(rule('a.example', [443])), mode: 'none' }, 'a.example', 443), 'no-network')
  assert.equal(verdict({ ...list(), mode: 'all' as never }, 'a.example', 443), 'no-network')
})

test('a list names host and port, and says what must be spoken', () => {
  const policy = list(
    rule('a.example', [80, 443, 5432]),
    rule('*.b.example', [8443], 'sni'),
    rule('a.example', [22]),
  )
  assert.equal(verdict(policy, 'a.example', 443), 'tls')
  assert.equal(verdict(policy, 'a.example', 80), 'http')
  assert.equal(verdict(policy, 'a.example', 5432), 'anything')
  assert.equal(verdict(policy, 'a.example', 22), 'anything')
  assert.equal(verdict(policy, 'x.b.example', 8443), 'tls')
  assert.equal(verdict(policy, 'a.example', 8443), 'port')
  assert.equal(verdict(policy, 'b.example', 8443), 'unlisted')
  assert.equal(verdict(policy, null, 443), 'direct-ip')
})

test('open takes any name and any literal; what is spoken does not matter there', () => {
  const open: EgressPolicy = { ...list(), mode: 'open' }
  assert.equal(verdict(open, 'any.example', 443), 'anything')
  assert.equal(verdict(open, null, 9999, '93.184.216.34'), 'anything')
  assert.equal(createJudge(open).resolvesFirst, true)
})

test('what a job reaches has the exceptions of its policy, a source host its own, and only that is one', () => {
  const target = { host: '127.0.0.1', privateRanges: ['127.0.0.1:2222'] }
  const allow = [rule('a.example', [443]), { ...rule('source.internal', [2222]), target }]
  for (const mode of ['list', 'open'] as const) {
    const judge = createJudge({ mode, allow, privateRanges: ['10.1.0.0/16:443'] })
    const look = (name: string, port: number) => {
      const judgement = judge.judge({ name, address: '198.18.0.1', port })
      assert(judgement.ok)
      const { host, isSource, exceptions } = judgement
      return { host, isSource, ports: exceptions.map((exception) => exception.port) }
    }
    assert.deepEqual(look('a.example', 443), { host: 'a.example', isSource: false, ports: [443] })
    assert.deepEqual(look('source.internal', 2222), { host: '127.0.0.1', isSource: true, ports: [2222] })
    if (mode === 'list') continue
    assert.deepEqual(look('any.example', 443), { host: 'any.example', isSource: false, ports: [443] })
    // Another port of the source host is an ordinary destination, which its exceptions do not open.
    assert.deepEqual(look('source.internal', 80), { host: 'source.internal', isSource: false, ports: [443] })
  }
})

test('rules that cannot be kept are faults', () => {
  for (const host of ['*.com', '*', 'a b', '', '*.*.example.org', 'a..b'])
    assert.throws(
      () => createJudge(list(rule(host, [443]))),
      (error) => isFault(error, 'E_CONFIG_INVALID'),
      host,
    )
  assert.throws(
    () => createJudge(list({ ...rule('a.example', [53]), proto: 'udp' })),
    (error) => isFault(error, 'E_SANDBOX_UNAVAILABLE'),
  )
})

test('wildcards match below, never the name itself', () => {
  assert.equal(normalizeHostPattern('*.Example.ORG'), '*.example.org')
  assert(matchesHost('*.example.org', 'a.example.org') && matchesHost('*.example.org', 'a.b.example.org'))
  assert(!matchesHost('*.example.org', 'example.org') && !matchesHost('*.example.org', 'badexample.org'))
})

test('a source host that is an address gets an inside name; one with a name keeps it', () => {
  const local = allowSource({ host: '127.0.0.1', port: 2222, isTls: false }, ['127.0.0.1:2222'])
  assert.equal(local?.name, sourceName)
  assert.deepEqual(local?.policy.allow[0]?.target, { host: '127.0.0.1', privateRanges: ['127.0.0.1:2222'] })
  for (const host of ['localhost', 'git.localhost', '::1', '[::1]', '10.0.0.9'])
    assert.equal(allowSource({ host, port: 22, isTls: false }, [])?.name, sourceName, host)
  const named = allowSource({ host: 'Git.Example', port: 443, isTls: true }, [])
  assert.equal(named?.name, 'git.example')
  assert(named)
  assert.equal(verdict(named.policy, 'git.example', 443), 'tls')
  assert.equal(verdict(named.policy, 'git.example', 22), 'port')
  assert.equal(verdict(named.policy, 'other.example', 443), 'unlisted')
  for (const [host, port] of [
    ['a b', 22],
    ['-x', 22],
    ['', 22],
    ['git.example', 0],
    ['git.example', 65_536],
  ] as const)
    assert.equal(allowSource({ host, port, isTls: false }, []), null, host)
})

test('names get one address each, until there are none left', () => {
  const fakes = createFakeAddresses(70_000)
  const seen = new Set(Array.from({ length: 70_000 }, (_, i) => fakes.addressOf(`n${i}.example`)))
  assert.equal(seen.size, 70_000)
  assert([...seen].every((address) => /^198\.1[89]\.\d+\.\d+$/.test(address ?? '')))
  assert.equal(fakes.addressOf('one.more'), null)
  const address = fakes.addressOf('n69999.example')
  assert.equal(fakes.nameOf(address ?? ''), 'n69999.example')
  assert.equal(fakes.nameOf('198.19.255.254'), null)
})

test('equal denials are one row that counts; rows beyond the limit are one row', () => {
  const book = createRecordBook(2)
  const row = { at: '', cell: 'c', proto: 'tcp', ip: null, port: 1, up: 0, down: 0, ms: 0 } as const
  for (let i = 0; i < 5; i++) book.add({ ...row, host: 'bad', verdict: 'denied', why: 'unlisted' })
  for (let i = 0; i < 4; i++) book.add({ ...row, host: 'good', verdict: 'allowed', why: 'ok' })
  assert.deepEqual(
    book.all().map(({ host, why }) => [host, why]),
    [
      ['bad', 'unlisted, 5 times'],
      ['good', 'ok'],
      ['', '3 further rows were not kept'],
    ],
  )
  const [first, ...rest] = book.all()
  assert(first)
  const digest = egressDigest(book.all())
  assert.match(digest, /^sha256:[0-9a-f]{64}$/)
  for (const other of [rest, [...rest, first], [{ ...first, up: 1 }, ...rest]])
    assert.notEqual(egressDigest(other), digest, 'the receipt vouches for each row and for their order')
})
