// What hooks and other tools may say, and that no bytes do anything but be refused in words.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDeliveryBody } from './delivery-body.ts'
import { judgePush } from './judge.ts'

const commit = 'a'.repeat(40)
const sentAt = '2026-03-01T12:00:00Z'
const parse = (value: unknown) => parseDeliveryBody(Buffer.from(JSON.stringify(value)))
const ofTool = (changes: object = {}) => parse({ ref: 'main', commit, sentAt, ...changes })

test('another tool names a branch or a full ref', () => {
  const parsed = ofTool()
  assert.deepEqual(parsed.ok && parsed.value, {
    ...{ source: 'webhook', ref: 'refs/heads/main', old: null, new: commit, sentAt, skip: false },
  })
  const tag = ofTool({ ref: 'refs/tags/v1' })
  assert.equal(tag.ok && tag.value.ref, 'refs/tags/v1')
  for (const ref of ['', '-x', 'a..b', 'a b', 'refs/heads/', 'a\n', '\u0000', 'x'.repeat(256), 7, null])
    assert.equal(ofTool({ ref }).ok, false, JSON.stringify(ref))
})

test('[ci skip] counts among the first 250 characters of a message', () => {
  const skips = (message: string) => {
    const parsed = ofTool({ message })
    return parsed.ok && parsed.value.skip
  }
  assert.equal(skips('Fix it\n\n[ci skip]'), true)
  assert.equal(skips(`${'x'.repeat(241)}[skip ci]`), true)
  assert.equal(skips(`${'x'.repeat(242)}[skip ci]`), false)
  assert.equal(skips('[ci  skip]'), false)
})

test('the two bodies do not mix, and nothing else is let in', () => {
  assert.equal(parse({ ref: 'refs/heads/main', old: commit, new: commit, sentAt }).ok, true)
  assert.equal(parse({ ref: 'main', old: commit, new: commit, sentAt }).ok, false, 'the hook names full refs')
  assert.equal(ofTool({ old: commit, new: commit }).ok, false)
  assert.equal(ofTool({ more: 1 }).ok, false)
  assert.equal(ofTool({ commit: 'HEAD' }).ok, false)
  assert.equal(ofTool({ sentAt: '2026-13-01T12:00:00Z' }).ok, false)
  assert.equal(ofTool({ sentAt: 'now' }).ok, false)
})

const pullRequest = {
  ...{ number: 12, url: 'https://code.example/acme/web/pull/12', title: 'Fix it', action: 'opened' },
  ...{ author: 'ada', base: 'main', draft: false },
}

test('a tool may tell of the commit before and of a pull request, and only in forms that mean one', () => {
  const parsed = ofTool({ before: 'b'.repeat(40), pullRequest })
  assert.deepEqual(parsed.ok && [parsed.value.old, parsed.value.pullRequest], ['b'.repeat(40), pullRequest])
  assert.equal(ofTool({ pullRequest: { number: 1, url: 'http://x/1' } }).ok, true)
  for (const wrong of [
    { number: 0 },
    { number: '12' },
    { url: 'javascript:alert(1)' },
    { url: 'https://x/ y' },
    { url: `https://x/${'y'.repeat(2048)}` },
    { title: 'two\nlines' },
    { title: 'x'.repeat(1025) },
    { title: '\ud800' },
    { author: '\u0000' },
    { author: '' },
    { action: 'Opened it' },
    { draft: 'no' },
    { fork: 'no' },
    { more: 1 },
  ])
    assert.equal(ofTool({ pullRequest: { ...pullRequest, ...wrong } }).ok, false, JSON.stringify(wrong))
  assert.equal(ofTool({ pullRequest: { number: 1 } }).ok, false)
  assert.equal(ofTool({ before: 'HEAD' }).ok, false)
  assert.equal(parse({ ref: 'refs/heads/main', old: commit, new: commit, sentAt, pullRequest }).ok, false)
})

test('a tool may tell the page of the commit and its author, in forms that mean one', () => {
  const told = { url: 'https://code.example/acme/web/commit/1', author: 'ada' }
  const parsed = ofTool(told)
  assert.deepEqual(parsed.ok && parsed.value.toldCommit, told)
  const bare = ofTool({})
  assert.equal(bare.ok && 'toldCommit' in bare.value, false)
  const wrong = [
    { url: 'javascript:x' },
    { url: '' },
    { author: '' },
    { author: 'a\nb' },
    { author: '\ud800' },
  ]
  for (const each of [...wrong, { author: 'x'.repeat(257) }, { url: 1 }])
    assert.equal(ofTool(each).ok, false, JSON.stringify(each))
})

test('a pull request from a fork starts no run', () => {
  const fork = ofTool({ pullRequest: { ...pullRequest, fork: true } })
  assert.ok(fork.ok)
  const { verdict, reason } = judgePush(fork.value, Date.parse(sentAt))
  assert.deepEqual([verdict, reason], ['no_run', 'Pull requests from forks start no runs'])
  const own = ofTool({ pullRequest: { ...pullRequest, fork: false } })
  assert.equal(own.ok && judgePush(own.value, Date.parse(sentAt)).verdict, 'run')
})

/** The same bytes with every run of the test. */
const randomOf = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}

test('5,000 damaged bodies: each is read or refused in words, none breaks anything', () => {
  const random = randomOf(7)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
  const bodies = [
    { ref: 'main', commit, sentAt, message: 'x', before: commit, pullRequest },
    { ref: 'refs/heads/main', old: commit, new: commit, sentAt },
  ]
  const values: readonly unknown[] = [
    null,
    true,
    -1,
    1e308,
    '',
    '\ud800',
    '__proto__',
    [],
    [[[]]],
    {},
    { toString: 1 },
    'x'.repeat(70_000),
  ]
  for (let n = 0; n < 5_000; n++) {
    const body: Record<string, unknown> = { ...pick(bodies) }
    if (random() < 0.7)
      body[pick(['ref', 'commit', 'sentAt', 'old', 'new', 'skip', 'message', '__proto__', 'x'])] =
        pick(values)
    const bytes = Buffer.from(JSON.stringify(body))
    for (let damage = Math.floor(random() * 4); damage > 0; damage--)
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
    const cut = random() < 0.2 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes
    const parsed = parseDeliveryBody(cut)
    if (parsed.ok) {
      assert.match(parsed.value.ref, /^refs\/[^/]+\/./)
      assert.match(parsed.value.new, /^([0-9a-f]{40}|[0-9a-f]{64})$/)
    } else assert.ok((parsed.problems[0]?.message.length ?? 0) > 3)
  }
  for (const hostile of ['', '{', '[]', 'null', '"x"', '['.repeat(60_000), '{"a":'.repeat(10_000)])
    assert.equal(parseDeliveryBody(Buffer.from(hostile)).ok, false)
  assert.equal(parseDeliveryBody(Buffer.from([0xff, 0xfe, 0x00])).ok, false)
})
