// A session against a stand-in for the server: real TLS, real signatures, answers given by the test. What the server
// itself makes of these requests is tested in server/runners/.
import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import { once as onceEvent } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import { makeCertificate } from '../../../test/support/certificate.ts'
import { utf8 } from '../../base/bytes.ts'
import { catalogue, fault, isFault } from '../../base/faults.ts'
import { formatId, type IdKind, uuid7 } from '../../base/ids.ts'
import { type Log, silentLog } from '../../base/log.ts'
import { parseFinishBody } from '../../protocol/finish-body.ts'
import { parseFrameBatch } from '../../protocol/frames.ts'
import { logFooterBytes, parseLogFooter, parseLogIndex } from '../../protocol/log-object.ts'
import type {
  EventsRequest,
  FinishRequest,
  LeaseGrant,
  PollAnswer,
  PollRequest,
} from '../../protocol/runner-wire.ts'
import { runnerRequestTyp } from '../../protocol/vault.ts'
import {
  decryptBlob,
  generateSealingKey,
  generateSigningKey,
  importVerifyKey,
  openLogKey,
  signIngestKey,
  verifyJws,
} from '../../seal/index.ts'
import { randomBytes, systemClock } from '../../sys/index.ts'
import { afterLeaseMs } from '../limits.ts'
import { nextSession } from './counter.ts'
import type { LeaseDeps } from './life.ts'
import { createRequests, type Requests } from './requests.ts'
import { openSession } from './session.ts'

let directory = ''
let spkiSha256 = ''

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mayfly-session-'))
  const { cert } = await makeCertificate(directory, 'any')
  const spki = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })
  spkiSha256 = createHash('sha256').update(spki).digest('base64url')
})
after(() => rm(directory, { recursive: true, force: true }))

const id = <K extends IdKind>(kind: K) => formatId(kind, uuid7(Date.now(), randomBytes(10)))

type Received = {
  readonly path: string
  readonly body: Buffer
  readonly claims: Readonly<Record<string, unknown>>
}
/** null: 204. A fault becomes its status and code, as the server writes it. */
type Handle = (received: Received) => object | null | Promise<object | null>

const listen = async (runnerPublic: Uint8Array, handle: Handle) => {
  const key = await importVerifyKey(runnerPublic)
  const server: Server = createServer(
    { key: await readFile(join(directory, 'tls.key')), cert: await readFile(join(directory, 'tls.crt')) },
    async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      const body = Buffer.concat(chunks)
      const jws = (request.headers.authorization ?? '').replace('MF-Runner ', '')
      const claims = await verifyJws(jws, { typ: runnerRequestTyp, keyFor: () => key })
      const answer = async () => {
        assert.ok(claims, 'every request is signed')
        assert.equal(claims.bh, createHash('sha256').update(body).digest('base64url'))
        assert.ok(String(claims.htu).endsWith(request.url ?? '?'))
        return handle({ path: request.url ?? '', body, claims })
      }
      const [status, text] = await answer().then(
        (value) => [value === null ? 204 : 200, value === null ? '' : JSON.stringify(value)] as const,
        (error) => {
          const code = isFault(error) ? error.code : 'E_INTERNAL'
          return [catalogue[code].status, JSON.stringify({ code, message: String(error) })] as const
        },
      )
      response.writeHead(status, { 'content-type': 'application/json' }).end(text)
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { port: (server.address() as AddressInfo).port, close }
}

const makeRunnerKey = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
  return { publicKey: raw, sign: (message: Uint8Array) => sign(null, message, privateKey) }
}

const given = {
  version: '1',
  driver: 'fake',
  tier: 'none',
  measuredAt: null,
  stops: [],
  images: 'host-only',
  egress: ['none'],
  slots: 1,
  classes: ['small'],
  weak: ['told'],
} as const

/** A stand-in that gives `grants` once and takes everything; `answers` change what it says. */
const makeWorld = async (
  answers: {
    grants?: LeaseGrant[]
    handle?: (received: Received) => object | null | undefined | Promise<null>
  } = {},
) => {
  const runner = id('runner')
  const runnerKey = makeRunnerKey()
  const vsign = await generateSigningKey()
  const ingest = await generateSealingKey()
  const exp = Math.floor(Date.now() / 1000) + 3600
  const ingestKey = await signIngestKey(
    { kid: 'ingest-1', pk: Buffer.from(ingest.publicKey).toString('base64url'), exp },
    vsign.privateKey,
  )
  const received: Received[] = []
  const answered: string[] = []
  const grants = answers.grants ?? []
  const held: (() => void)[] = []
  const waiters: (() => void)[] = []
  const handle: Handle = async (request) => {
    received.push(request)
    for (const wake of waiters.splice(0)) wake()
    const special = answers.handle?.(request)
    if (special !== undefined) return special
    if (request.path.endsWith('/poll')) {
      const poll: PollRequest = JSON.parse(request.body.toString())
      const leases = grants
        .splice(0, poll.eph.length)
        .map((grant, i) => ({ ...grant, eph: poll.eph[i] ?? null }))
      if (leases.length > 0) return { leases, control: [], ingestKey } satisfies PollAnswer
      await new Promise<void>((resolve) => held.push(resolve))
      return null
    }
    if (request.path.endsWith('/frames')) return framesAnswer(request.body)
    return {}
  }
  const start = async (
    carryOut: LeaseDeps['carryOut'],
    options: { spki?: string; log?: Log; slots?: number } = {},
  ) => {
    const server = await listen(runnerKey.publicKey, handle)
    const url = `https://127.0.0.1:${server.port}`
    const common = { runner, clock: systemClock, randomBytes }
    const requests = createRequests({
      url,
      spkiSha256: options.spki ?? spkiSha256,
      ...common,
      sign: runnerKey.sign,
    })
    const heard: Requests['send'] = async (call) => {
      try {
        return await requests.send(call)
      } finally {
        // When whoever asked has it, too.
        setImmediate(() => {
          answered.push(call.path)
          for (const wake of waiters.splice(0)) wake()
        })
      }
    }
    const session = openSession({
      ...{
        ...common,
        requests: { ...requests, send: heard },
        carryOut,
        facts: given,
        log: options.log ?? silentLog,
        sign: runnerKey.sign,
        spoolDirectory: directory,
      },
      ...{ session: 7, boot: 'boot', slots: options.slots ?? 1, classes: ['small'] },
      vaultSignKey: (await importVerifyKey(vsign.publicKey))!,
    })
    return { session, server }
  }
  const until = async (what: string, condition: () => boolean) => {
    const late = setTimeout(() => waiters.splice(0).forEach((wake) => void wake()), 15_000)
    const end = performance.now() + 15_000
    while (!condition()) {
      if (performance.now() > end)
        throw new Error(`waited in vain for ${what}: ${received.map((r) => r.path).join(' ')}`)
      await new Promise<void>((resolve) => waiters.push(resolve))
    }
    clearTimeout(late)
  }
  const of = (name: string) => received.filter(({ path }) => path.endsWith(`/${name}`))
  const isAnswered = (name: string) => answered.some((path) => path.endsWith(`/${name}`))
  const json = <T>(request: Received | undefined): T => JSON.parse(request?.body.toString() ?? 'null')
  /** The first end that was told, in whatever form. */
  const finish = ({ lease }: LeaseGrant) => {
    const parsed = parseFinishBody(of('finish')[0]?.body ?? new Uint8Array(), lease)
    assert.ok(parsed.ok)
    return parsed.value
  }
  return {
    start,
    until,
    of,
    isAnswered,
    json,
    finish,
    ingest,
    release: () => held.splice(0).forEach((resolve) => void resolve()),
  }
}

const framesAnswer = (body: Buffer, watched = false) => {
  const parsed = parseFrameBatch(body)
  assert.ok(parsed.ok)
  return {
    leases: Object.fromEntries(
      parsed.value.map(({ lease, header }) => [lease, { durable: header.seq, watched }]),
    ),
  }
}

/** Of a finished log of one step, read as the server does; a byte is a character. */
const textOf = async (grant: LeaseGrant, logKey: Uint8Array, log: Uint8Array): Promise<string> => {
  const parts: Uint8Array[] = []
  const keyFor = (keyId: string) => (keyId === grant.attempt ? logKey : null)
  for await (const part of decryptBlob(once(log), { keyFor, objectId: grant.attempt })) parts.push(part)
  const plain = Buffer.concat(parts)
  const footer = parseLogFooter(plain.subarray(-logFooterBytes))
  assert.ok(footer)
  const end = plain.length - logFooterBytes
  const index = parseLogIndex(plain.subarray(end - footer.indexBytes, end))
  assert.ok(index.ok)
  return index.value
    .map(({ offset, length }) =>
      zstdDecompressSync(plain.subarray(offset, offset + length)).toString('latin1'),
    )
    .join('')
}
const once = async function* (bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

const makeGrant = (ttlMs = 60_000): LeaseGrant => ({
  ...{ lease: id('lease'), attempt: id('attempt'), ttlMs, ticket: 'ticket', eph: null, sealed: null },
  spec: {
    kind: 'refs',
    organisation: { id: id('organisation'), name: 'acme' },
    project: { id: id('project'), name: 'web', defaultBranch: 'main' },
    source: { kind: 'local', root: 0, path: 'x' },
    serverUrl: '',
  },
})

const nothing = { outcome: 'passed', reason: null, receipt: null, destroyed: true, kept: {} } as const
const result: FinishRequest['result'] = { kind: 'refs', refs: [], hostKeys: [] }
const nobodyFollows = ({ path }: { readonly path: string }) =>
  path.endsWith('/firstframes') ? { leases: {} } : undefined
const untilAborted = async (signal: AbortSignal): Promise<void> => {
  if (!signal.aborted) await onceEvent(signal, 'abort')
}

test('a small attempt beside others is one request after its poll: result, events, log key, and the finished log', async () => {
  const [grant, other] = [makeGrant(), makeGrant()]
  const world = await makeWorld({ grants: [grant, other], handle: nobodyFollows })
  const hasFinished = () => world.of('finish').length > 0
  const { session, server } = await world.start(
    async ({ lease }, eph, sink) => {
      assert.ok(eph, 'the key that the grant names is ours')
      if (lease === other.lease) await world.until('the finish of the other', hasFinished)
      else {
        await sink.output(1, utf8('hello\n'))
        sink.event({ kind: 'note', text: 'seen' })
        await world.until('the next poll', () => world.of('poll').length > 1)
        await world.until('the first frame', () => world.isAnswered('firstframes'))
      }
      return { ...nothing, result }
    },
    { slots: 2 },
  )
  await world.until('the finish', hasFinished)
  const [first, second] = world.of('poll').map((poll) => world.json<PollRequest>(poll))
  assert.deepEqual(
    [first?.session, first?.boot, first?.free, first?.eph.length, first?.facts?.weak],
    [7, 'boot', { small: 2 }, 2, ['told']],
  )
  assert.equal(second?.facts, undefined, 'facts are told once')
  const { request, events, sealedKey, frames, log } = world.finish(grant)
  assert.deepEqual(
    [request.outcome, request.lastSeq, request.lastEvent, request.receipt],
    ['passed', 1, 1, null],
  )
  assert.deepEqual(
    events.map((event) => event.kind === 'note' && event.text),
    ['seen'],
  )
  const owner = { project: grant.spec.project.id, attempt: grant.attempt }
  const logKey = await openLogKey(world.ingest, sealedKey ?? new Uint8Array(), owner)
  assert.ok(logKey)
  assert.equal(frames, null, 'nobody has read a part of it')
  assert.equal(await textOf(grant, logKey, log ?? new Uint8Array()), 'hello\n')
  assert.deepEqual([world.of('frames'), world.of('log'), world.of('events')], [[], [], []])
  assert.equal(world.of('firstframes').length, 1, 'of the one that said something')
  await session.stop()
  world.release()
  await server.close()
})

test('who follows from the start has the first frame at once, and what comes later goes as it comes', async () => {
  const grant = makeGrant()
  const world = await makeWorld({
    grants: [grant],
    handle: ({ path }) =>
      path.endsWith('/firstframes')
        ? { leases: { [grant.lease]: { durable: 1, watched: true } } }
        : undefined,
  })
  const { session, server } = await world.start(async (_grant, _eph, sink) => {
    await sink.output(1, utf8('hello\n'))
    await world.until('the first frame', () => world.of('firstframes').length > 0)
    await sink.output(1, utf8('again\n'))
    await world.until('the second', () => world.of('frames').length > 0)
    return { ...nothing, result }
  })
  await world.until('the finish', () => world.of('finish').length > 0)
  const { request, sealedKey } = world.finish(grant)
  assert.deepEqual([request.lastSeq, sealedKey, world.of('firstframes').length], [2, null, 1])
  await session.stop()
  world.release()
  await server.close()
})

test('what nobody watches goes with the end; its frames, too, where the server may have stored the first', async () => {
  for (const answer of [{ leases: {} }, {}, null]) {
    const grant = makeGrant()
    const world = await makeWorld({
      grants: [grant],
      handle: ({ path }) => (path.endsWith('/firstframes') ? answer : undefined),
    })
    const { session, server } = await world.start(async (_grant, _eph, sink) => {
      await sink.output(1, utf8('hello\n'))
      await world.until('the first frame', () => world.isAnswered('firstframes'))
      return { ...nothing, result }
    })
    await world.until('the finish', () => world.of('finish').length > 0)
    const { frames, sealedKey } = world.finish(grant)
    const isUnsaid = answer === null || answer.leases === undefined
    assert.deepEqual([world.of('frames'), frames !== null, sealedKey !== null], [[], isUnsaid, !isUnsaid])
    await session.stop()
    world.release()
    await server.close()
  }
})

test('after an answer that brought work the next poll waits a moment', async () =>
  assert.ok((await betweenPolls('job')) >= afterLeaseMs))

test('a plan that is being compiled lets the next poll go: its jobs begin where one waits', async () => {
  // Otherwise it waits that long at least; how much sooner it goes is up to a machine that has others to serve.
  const tries = 20
  const waited: number[] = []
  while (waited.length < tries && (waited.at(-1) ?? afterLeaseMs) >= afterLeaseMs)
    waited.push(await betweenPolls('plan'))
  assert.ok((waited.at(-1) ?? afterLeaseMs) < afterLeaseMs, waited.join(', '))
})

/** Milliseconds from the poll that brings a lease of this kind, whose attempt says at once that it runs, to the next. */
const betweenPolls = async (kind: LeaseGrant['spec']['kind']): Promise<number> => {
  const granted = makeGrant()
  // SAFE: a stand-in carries it out; only the kind of its spec is looked at.
  const grant = { ...granted, spec: { ...granted.spec, kind } as LeaseGrant['spec'] }
  const at: number[] = []
  const second = Promise.withResolvers<void>()
  const world = await makeWorld({
    grants: [grant],
    handle: ({ path }) => {
      if (path.endsWith('/poll') && at.push(performance.now()) === 2) second.resolve()
      return undefined
    },
  })
  const { session, server } = await world.start(
    async (_grant, _eph, sink) => {
      sink.event({ kind: 'phase', phase: 'running' })
      await second.promise
      return { ...nothing, result }
    },
    { slots: 2 },
  )
  await world.until('the finish', () => world.of('finish').length > 0)
  await session.stop()
  world.release()
  await server.close()
  return (at[1] ?? 0) - (at[0] ?? 0)
}

test('somebody who watches has first frames and events at once; finish brings the rest of both', async () => {
  const grant = makeGrant()
  let told = false
  const world = await makeWorld({
    grants: [grant],
    handle: ({ path, body }) => {
      const isFullPoll = path.endsWith('/poll') && JSON.parse(body.toString()).eph.length === 0
      if (isFullPoll && !told) {
        told = true
        return { leases: [], control: [{ lease: grant.lease, watched: true }] }
      }
      return path.endsWith('/frames') ? framesAnswer(body, true) : undefined
    },
  })
  const { session, server } = await world.start(async (_grant, _eph, sink) => {
    sink.event({ kind: 'phase', phase: 'running' })
    await sink.output(1, utf8('first\n'))
    await world.until('frames and events', () => world.of('frames').length + world.of('events').length === 2)
    await sink.output(1, utf8('second\n'))
    sink.event({ kind: 'phase', phase: 'closing' })
    return { ...nothing, result }
  })
  await world.until('the finish', () => world.of('finish').length > 0)
  const sent = world.of('frames').flatMap(({ body }) => {
    const parsed = parseFrameBatch(body)
    return parsed.ok ? parsed.value : []
  })
  assert.deepEqual([sent[0]?.header.seq, sent[0]?.sealedKey?.length], [1, 80])
  const { request, events, sealedKey, frames, log } = world.finish(grant)
  assert.deepEqual([request.lastSeq, request.lastEvent, sealedKey], [2, 2, null])
  // How far the requests of their own got is a matter of time; together it is everything.
  const seqs = [...sent, ...(frames?.items ?? [])].map(({ header }) => header.seq)
  assert.deepEqual(new Set(seqs), new Set([1, 2]))
  const alone = world.of('events').flatMap((one) => world.json<EventsRequest>(one).events)
  assert.deepEqual(new Set([...alone, ...events].map(({ seq }) => seq)), new Set([1, 2]))
  assert.ok(log)
  await session.stop()
  world.release()
  await server.close()
})

test('a large log is packed while the sandbox is closed and goes the separate way, whole', async () => {
  const grant = makeGrant()
  const text = Buffer.from(randomBytes(1_500_000))
  const world = await makeWorld({ grants: [grant] })
  const { session, server } = await world.start(async (_grant, _eph, sink) => {
    await sink.output(1, text)
    sink.event({ kind: 'phase', phase: 'closing' })
    const isPacked = async () => (await readdir(directory)).includes(`${grant.attempt}.log`)
    for (const end = performance.now() + 10_000; !(await isPacked()); ) assert.ok(performance.now() < end)
    return { ...nothing, result }
  })
  await world.until('the finish', () => world.of('finish').length > 0)
  const frames = world.of('frames').flatMap(({ body }) => {
    const parsed = parseFrameBatch(body)
    return parsed.ok ? parsed.value : []
  })
  const logKey = await openLogKey(world.ingest, frames[0]?.sealedKey ?? new Uint8Array(), {
    ...{ project: grant.spec.project.id, attempt: grant.attempt },
  })
  assert.ok(logKey)
  const stored = await textOf(grant, logKey, world.of('log')[0]?.body ?? new Uint8Array())
  assert.equal(stored, text.toString('latin1'))
  const finish = world.json<FinishRequest>(world.of('finish')[0])
  assert.deepEqual([finish.lastSeq, finish.lastEvent], [frames.at(-1)?.header.seq, 1])
  assert.equal(world.of('events').length, 1)
  await session.stop()
  assert.ok(!(await readdir(directory)).some((name) => name.startsWith(grant.attempt)), 'nothing stays')
  world.release()
  await server.close()
})

test('a server that does not know the form gets everything the separate way', async () => {
  const grant = makeGrant()
  const world = await makeWorld({
    grants: [grant],
    handle: ({ path, body }) => {
      if (path.endsWith('/finish') && body[0] !== 0x7b) throw fault('E_PROTOCOL')
      return undefined
    },
  })
  const { session, server } = await world.start(async (_grant, _eph, sink) => {
    await sink.output(1, utf8('hello\n'))
    sink.event({ kind: 'note', text: 'seen' })
    return { ...nothing, result }
  })
  await world.until('the second finish', () => world.of('finish').length === 2)
  assert.deepEqual(
    ['frames', 'log', 'events'].map((name) => world.of(name).length),
    [1, 1, 1],
  )
  const finish = world.json<FinishRequest>(world.of('finish')[1])
  assert.deepEqual([finish.lastSeq, finish.lastEvent], [1, 1])
  await session.stop()
  world.release()
  await server.close()
})

for (const [title, refusal] of [
  ['taken', null],
  ['unknown to the server', 'E_NOT_FOUND'],
] as const)
  test(`a plan is told while its attempt goes on; ${title}, and the end says it again`, async () => {
    const grant = makeGrant()
    const world = await makeWorld({
      grants: [grant],
      handle: ({ path }) => {
        if (refusal !== null && path.endsWith('/plan')) throw fault(refusal)
        return undefined
      },
    })
    const made = {
      kind: 'plan',
      plan: null,
      planDigest: null,
      origins: {},
      problems: [],
      commit: null,
    } as const
    const { session, server } = await world.start(async (_grant, _eph, sink) => {
      await sink.planned?.(made)
      assert.equal(world.of('finish').length, 0)
      return { ...nothing, result: made }
    })
    await world.until('the finish', () => world.of('finish').length > 0)
    assert.deepEqual(
      world.of('plan').map((request) => world.json(request)),
      [{ v: 1, result: made }],
    )
    // What was parsed has no prototypes.
    assert.deepEqual(JSON.parse(JSON.stringify(world.finish(grant).request.result)), made)
    await session.stop()
    world.release()
    await server.close()
  })

test('a server with another key gets nothing', async () => {
  const world = await makeWorld({ grants: [makeGrant()] })
  let tries = 0
  const twice = Promise.withResolvers<void>()
  const log: Log = { ...silentLog, warn: () => void (++tries === 2 && twice.resolve()) }
  const failed = twice.promise
  const { session, server } = await world.start(async () => ({ ...nothing, result }), {
    spki: 'A'.repeat(43),
    log,
  })
  await failed
  assert.equal(world.of('poll').length, 0)
  await session.stop()
  await server.close()
})

test('a lost lease ends its attempt at once and nothing of it is sent any more', async () => {
  const grant = makeGrant()
  const reasons: unknown[] = []
  const world = await makeWorld({
    grants: [grant],
    handle: ({ path }) =>
      path.endsWith('/frames') ? { leases: { [grant.lease]: { lost: true } } } : undefined,
  })
  const ended = Promise.withResolvers<void>()
  const { session, server } = await world.start(async (_grant, _eph, sink, signal) => {
    void sink.output(1, utf8('x\n'))
    await untilAborted(signal)
    reasons.push(signal.reason)
    ended.resolve()
    return { ...nothing, outcome: 'cancelled', result }
  })
  await ended.promise
  await session.stop()
  assert.deepEqual(reasons, ['lost'])
  assert.equal(world.of('finish').length + world.of('log').length, 0)
  world.release()
  await server.close()
})

test('a lease that nobody renews ends by our own clock', async () => {
  const world = await makeWorld({ grants: [makeGrant(200)] })
  const ended = Promise.withResolvers<unknown>()
  const { session, server } = await world.start(async (_grant, _eph, _sink, signal) => {
    await untilAborted(signal)
    ended.resolve(signal.reason)
    return { ...nothing, outcome: 'cancelled', result }
  })
  assert.equal(await ended.promise, 'lost')
  await session.stop()
  assert.equal(world.of('finish').length, 0)
  world.release()
  await server.close()
})

test('a cancel reaches an attempt while every slot is taken', async () => {
  const grant = makeGrant()
  let told = false
  const world = await makeWorld({
    grants: [grant],
    handle: ({ path, body }) => {
      const isFullPoll = path.endsWith('/poll') && JSON.parse(body.toString()).eph.length === 0
      if (!isFullPoll || told) return undefined
      told = true
      return { leases: [], control: [{ lease: grant.lease, cancel: { by: 'usr_x' } }] }
    },
  })
  const { session, server } = await world.start(async (_grant, _eph, _sink, signal) => {
    await untilAborted(signal)
    return {
      ...nothing,
      outcome: 'cancelled',
      reason: { code: null, message: String(signal.reason) },
      result,
    }
  })
  await world.until('the finish', () => world.of('finish').length > 0)
  assert.equal(world.finish(grant).request.reason?.message, 'cancelled')
  await session.stop()
  world.release()
  await server.close()
})

test('a runner that must not work takes its places back from the poll that is under way', async () => {
  const world = await makeWorld()
  const { session, server } = await world.start(async () => assert.fail('nothing was granted'))
  const offers = () => world.of('poll').filter((poll) => world.json<PollRequest>(poll).eph.length > 0)
  await world.until('the first offer', () => offers().length === 1)
  session.describe(given, false)
  await world.until('a poll without places', () => world.of('poll').length === 2 && offers().length === 1)
  session.describe(given, true)
  // The first one is still held by the server: only because it was given up is there a second one.
  await world.until('the second offer', () => offers().length === 2)
  world.release()
  await session.stop()
  await server.close()
})

test('a runner that is told at once to wait offers its places when it may work', async () => {
  const world = await makeWorld()
  const { session, server } = await world.start(async () => assert.fail('nothing was granted'))
  session.describe(given, false)
  await world.until('a poll without places', () => world.of('poll').length === 1)
  session.describe(given, true)
  await world.until('an offer', () =>
    world.of('poll').some((poll) => world.json<PollRequest>(poll).eph.length > 0),
  )
  world.release()
  await session.stop()
  await server.close()
})

test('what a server did not take is sent again: the very same bytes, until it is taken', async () => {
  let refusals = 2
  const world = await makeWorld({
    grants: [makeGrant()],
    handle: ({ path }) => {
      if (path.endsWith('/finish') && refusals-- > 0) throw fault('E_DATABASE')
      return undefined
    },
  })
  const { session, server } = await world.start(async () => ({ ...nothing, result }))
  await world.until('three tries', () => world.of('finish').length === 3)
  const bodies = new Set(world.of('finish').map(({ body }) => body.toString()))
  assert.equal(bodies.size, 1)
  assert.equal(new Set(world.of('finish').map(({ claims }) => claims.jti)).size, 3, 'each signed anew')
  await session.stop()
  world.release()
  await server.close()
})

test('an ingest key that the vault did not sign is not used', async () => {
  const other = await generateSigningKey()
  const pk = Buffer.from((await generateSealingKey()).publicKey).toString('base64url')
  const forged = await signIngestKey({ kid: 'k', pk, exp: 9_999_999_999 }, other.privateKey)
  let isFirst = true
  let began = 0
  const world = await makeWorld({
    handle: ({ path, body }) => {
      if (!path.endsWith('/poll') || !isFirst) return undefined
      isFirst = false
      const { eph } = JSON.parse(body.toString())
      return { leases: [{ ...makeGrant(), eph: eph[0] }], control: [], ingestKey: forged }
    },
  })
  const { session, server } = await world.start(async () => {
    began++
    return { ...nothing, result }
  })
  await world.until('the next poll', () => world.of('poll').length > 1)
  await session.stop()
  assert.equal(began, 0)
  world.release()
  await server.close()
})

test('a session that a newer one ended ends, and its number is never used again', async () => {
  const world = await makeWorld({
    handle: ({ path }) => {
      if (path.endsWith('/poll')) throw fault('E_RUNNER_SESSION')
      return undefined
    },
  })
  const { session, server } = await world.start(async () => ({ ...nothing, result }))
  await assert.rejects(session.ended, (error) => isFault(error, 'E_RUNNER_SESSION'))
  await server.close()
  assert.deepEqual([await nextSession(directory), await nextSession(directory)], [1, 2])
  await writeFile(join(directory, 'session'), 'nonsense')
  await assert.rejects(nextSession(directory), (error) => isFault(error, 'E_CONFIG_INVALID'))
})

test('a place is free as soon as its sandbox is gone, before the end is told; ends do not pile up', async () => {
  const grants = [makeGrant(), makeGrant(), makeGrant()]
  const taken = Promise.withResolvers<null>()
  let began = 0
  const world = await makeWorld({
    grants,
    handle: ({ path }) => (path.endsWith('/finish') ? taken.promise : undefined),
  })
  const { session, server } = await world.start(async () => {
    began++
    return { ...nothing, result }
  })
  await world.until('two ends at once', () => world.of('finish').length === 2)
  assert.equal(began, 2, 'one slot: one end may wait beside the next attempt')
  taken.resolve(null)
  await world.until('the third', () => world.of('finish').length === 3)
  await session.stop()
  world.release()
  await server.close()
})
