// Every parser of the protocol against damaged copies of genuine input: an answer always, soon, and no trace.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { damageBytes, damageJson, judgeParser } from '../../test/support/hostile.ts'
import { utf8 } from '../base/bytes.ts'
import { type AttemptId, formatId, type IdKind, type LeaseId } from '../base/ids.ts'
import {
  parseChooseAnswer,
  parseCompileAnswer,
  parseCompileRequest,
  parseMergeAnswer,
  parseOrbAnswer,
} from './compile.ts'
import { encodeFinishBundle, parseFinishBody } from './finish-body.ts'
import { encodeFrameBatch, encodeFrameHeader, parseFrameBatch, parseFrameHeader } from './frames.ts'
import { parseFollowerFrame } from './live.ts'
import { encodeLogIndex, logFooterBytes, parseLogFooter, parseLogIndex } from './log-object.ts'
import { parsePlan } from './plan-parse.ts'
import { parseRoster } from './roster.ts'
import {
  parseBeatRequest,
  parseEventsRequest,
  parseFinishRequest,
  parsePlanMade,
  parsePollRequest,
  slotsMax,
} from './runner-wire-parse.ts'

const id = <K extends IdKind>(kind: K) => formatId(kind, new Uint8Array(16).fill(7))
const lease = id('lease') as LeaseId
const commit = 'c'.repeat(40)

const step = {
  ...{ kind: 'run', name: 'hello', when: 'on_success', command: 'echo hello', shell: null, env: [] },
  ...{ background: false, workdir: null, noOutputTimeoutMs: 60_000, maxAutoReruns: 0, autoRerunDelayMs: 0 },
}
const spec = {
  ...{ v: 1, dialect: 'circleci', image: { kind: 'container', ref: 'cimg/base:stable' }, services: [] },
  ...{ resourceClass: 'small', workdir: '~/project', env: [], contexts: [], egress: null, timeoutMs: 60_000 },
  steps: [step],
}
const job = { key: 'build', name: 'build', kind: 'job', needs: [], shards: 1, spec }
const event = { kind: 'push', ref: 'refs/heads/main', commit, branch: 'main', tag: null }
const plan = {
  ...{ v: 1, dialect: 'circleci', source: [{ path: '.circleci/config.yml', sha256: 'a'.repeat(64) }] },
  ...{ inputs: { event, parameters: { a: 1 } }, workflows: [{ name: 'main', jobs: [job] }] },
}
const planResult = {
  ...{ kind: 'plan', plan, planDigest: 'a'.repeat(64), origins: {}, problems: [] },
  commit: { id: commit, subject: 'Say hello', author: 'A. Uthor', authoredAt: '2026-01-01T00:00:00Z' },
}
const finish = {
  ...{ v: 1, outcome: 'passed', reason: { code: 'E_LEASE_LOST', message: 'gone' }, receipt: null },
  ...{ lastSeq: 3, lastEvent: 2, result: planResult },
}
const events = {
  v: 1,
  events: [
    { seq: 1, atMs: 5, kind: 'step-started', step: 0, name: 'hello', type: 'run' },
    { seq: 2, atMs: 9, kind: 'note', text: 'x' },
  ],
}
const poll = {
  ...{ v: 1, session: 3, boot: 'b', free: { small: 2 }, eph: ['e'.repeat(43)], held: [lease] },
  facts: {
    ...{ version: '1', compiler: 'c', driver: 'namespace', tier: 'container', stops: [], images: 'any' },
    ...{ egress: ['none'], slots: 2, classes: ['small'], weak: [] },
  },
}
const request = { v: 1, files: { '.circleci/config.yml': 'version: 2' }, event, parameters: {} }

for (const [name, parse, genuine] of [
  ['poll', parsePollRequest, poll],
  ['beat', parseBeatRequest, { v: 1, session: 1, leases: [lease] }],
  ['events', parseEventsRequest, events],
  ['plan made', parsePlanMade, { v: 1, result: planResult }],
  ['finish', parseFinishRequest, finish],
  ['plan', parsePlan, plan],
] as const)
  test(`${name}: what is genuine is taken, what is damaged gets an answer`, () => {
    const whole = parse(genuine)
    assert.ok(whole.ok, JSON.stringify(whole.problems))
    judgeParser(parse, (random) => damageJson(random, genuine), { count: 1_000 })
  })

test('a poll offers as many places as an operator may set, and not one more', () => {
  const places = (count: number) => ({
    ...poll,
    free: { small: count },
    eph: Array(count).fill('e'.repeat(43)),
  })
  assert.ok(parsePollRequest(places(slotsMax)).ok)
  assert.ok(!parsePollRequest(places(slotsMax + 1)).ok)
})

test('questions and answers of the compiler', () => {
  assert.ok(parseCompileRequest(request).ok)
  judgeParser(parseCompileRequest, (random) => damageJson(random, request))
  judgeParser(parseCompileAnswer, (random) =>
    damageJson(random, { ok: true, plan, origins: {}, problems: [] }),
  )
  const source = { path: 'acme/tools@1.2.3', text: 'commands: {}' }
  for (const genuine of [
    { v: 1, orb: source },
    { v: 1, merge: { sources: [source] } },
  ]) {
    assert.ok(parseCompileRequest(genuine).ok)
    judgeParser(parseCompileRequest, (random) => damageJson(random, genuine), { count: 500 })
  }
  const chosen = { ok: true, parameters: { a: true }, files: ['b.yml'], hits: [{ line: 'c', path: 'd' }] }
  for (const [parse, genuine] of [
    [parseChooseAnswer, chosen],
    [parseMergeAnswer, { ok: true, text: 'version: 2.1' }],
    [parseOrbAnswer, { ok: true }],
    [parseOrbAnswer, { ok: false, words: 'wrong' }],
  ] as const) {
    assert.ok(parse(genuine).ok)
    judgeParser(parse, (random) => damageJson(random, genuine), { count: 500 })
  }
})

test('the roster, as text', () => {
  const since = '2026-01-01T00:00:00Z'
  const vault = { name: 'vault', pid: 2, state: 'running', since, restarts: 0, last_end: null }
  const roster = { supervisor: { pid: 1, since }, processes: [vault] }
  assert.ok(parseRoster(JSON.stringify(roster)))
  judgeParser(parseRoster, (random) => JSON.stringify(damageJson(random, roster)) ?? '')
})

const frame = () => {
  const header = { attempt: id('attempt') as AttemptId, seq: 1, step: 0, codec: 'zstd', tMs: 5 } as const
  const bytes = new Uint8Array(44 + 60)
  bytes.set(encodeFrameHeader({ ...header, firstLine: 1, lines: 2 }))
  return bytes
}
const batch = encodeFrameBatch([
  { lease, sealedKey: new Uint8Array(80), frame: frame() },
  { lease, sealedKey: null, frame: frame() },
])

test('frames, one by one and in batches, and as followers get them', () => {
  judgeParser(parseFrameHeader, (random) => damageBytes(random, frame()), { count: 2_000 })
  judgeParser(parseFrameBatch, (random) => damageBytes(random, batch), { count: 2_000 })
  judgeParser(parseFollowerFrame, (random) => damageBytes(random, frame()), { count: 2_000 })
})

test('the end of an attempt with everything it brings', () => {
  const bundle = encodeFinishBundle({
    ...{
      finish: utf8(JSON.stringify(finish)),
      events: utf8(JSON.stringify(events)),
      sealedKey: new Uint8Array(80),
    },
    ...{ frames: batch, log: new Uint8Array(100) },
  })
  const parse = (bytes: Uint8Array) => parseFinishBody(bytes, lease)
  const whole = parse(bundle)
  assert.ok(whole.ok, JSON.stringify(whole.problems))
  judgeParser(parse, (random) => damageBytes(random, bundle), { count: 1_000 })
})

test('the end of a finished log: its footer and its index', () => {
  const about = {
    step: 0,
    firstLine: 1,
    lines: 2,
    offset: 0,
    length: 10,
    rawBytes: 20,
    tMs: 1,
    seqFrom: 1,
    seqTo: 1,
  }
  const end = encodeLogIndex([about, { ...about, offset: 10, seqFrom: 2, seqTo: 2 }], 2)
  const [index, footer] = [end.subarray(0, -logFooterBytes), end.subarray(-logFooterBytes)]
  judgeParser(
    (bytes: Uint8Array) => parseLogFooter(bytes),
    (random) => damageBytes(random, footer),
  )
  judgeParser(parseLogIndex, (random) => damageBytes(random, index), { count: 1_000 })
})
