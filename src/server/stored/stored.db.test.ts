// Stored objects between a real server, a real vault and the runner's own client: what goes in comes out for those who may
// have it, and for nobody else, whichever of the three one asks.
import assert from 'node:assert/strict'
import { createHash, createPrivateKey, sign, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner, type Held, planJob } from '../../../test/support/scripted-runner.ts'
import { fromBase64Url, toBase64Url, utf8 } from '../../base/bytes.ts'
import { type FaultCode, isFault } from '../../base/faults.ts'
import { type ObjectId, parseId } from '../../base/ids.ts'
import { manifestTyp } from '../../protocol/stored-object.ts'
import type { ArtifactEntry } from '../../protocol/stored-wire.ts'
import { readTestLine, type TestOutcome } from '../../protocol/test-results.ts'
import { createRequests } from '../../runner/session/requests.ts'
import { createServerStores } from '../../runner/stores/server-stores.ts'
import type { StoredList, Stores, StoreWant } from '../../runner/stores/stores.ts'
import { generateSigningKey, importVerifyKey, sealObjectKey, signJws } from '../../seal/index.ts'
import { randomBytes, systemClock } from '../../sys/index.ts'
import { limits } from '../limits.ts'
import type { TestsAsked } from '../use-cases.ts'
import { createArtifacts } from './artifacts.ts'
import { expireObjects } from './expire.ts'
import { storedObjectKey } from './object-key.ts'
import { createTests } from './tests.ts'

const parts = await openParts()
const project = await addLocalProject(parts, 'web')
const identity = await enrolRunner(parts, 'one')
const runner = createScriptedRunner(parts, identity, { free: { 'built-in': 4, small: 8 } })
after(() => runner.close())
const certificate = new X509Certificate(readFileSync(join(parts.directory, 'tls.crt')))
const spki = certificate.publicKey.export({ type: 'spki', format: 'der' })
const privateKey = createPrivateKey({ key: Buffer.from(identity.key.pkcs8), format: 'der', type: 'pkcs8' })
const signOwn = (message: Uint8Array) => sign(null, message, privateKey)
const requests = createRequests({
  url: `https://127.0.0.1:${parts.runnerPort}`,
  spkiSha256: createHash('sha256').update(spki).digest('base64url'),
  runner: identity.id,
  sign: signOwn,
  ...{ clock: systemClock, randomBytes },
})
after(() => requests.close())
const ingestKey = fromBase64Url((await parts.vault.call('ingest.key', {})).pk) ?? assert.fail()
const vsign = fromBase64Url((await parts.vault.call('health', {})).vsign) ?? assert.fail()
const deps = {
  ...{ requests, ingestKey, clock: systemClock, runner: identity.id, sign: signOwn },
  vaultSignKey: (await importVerifyKey(vsign)) ?? assert.fail(),
}
const signal = AbortSignal.timeout(120_000)

/** A run of this ref with jobs `a` and `b` (which needs `a`), as a push or as a person started it. */
const jobsOf = async (ref: string, event: 'push' | 'manual', of = project) => {
  const { id } = await parts.runs.startRun(parts.actor, { project: of, ref })
  await sql`update runs set event_kind = ${event} where id = ${id}`.execute(parts.db)
  const [plan] = await runner.take({}, 1)
  const needs = [{ job: 'a', on: ['passed' as const] }]
  await runner.finishPlan(plan ?? assert.fail(), [planJob({ key: 'a' }), planJob({ key: 'b', needs })])
  const [a] = await runner.take({}, 1)
  return { run: parseId('run', id) ?? assert.fail(), a: a ?? assert.fail() }
}
const nextJob = async (before: Held): Promise<Held> => {
  assert.equal((await runner.finish(before)).status, 200)
  const [next] = await runner.take({}, 1)
  return next ?? assert.fail()
}
const storesOf = (held: Held): Stores => {
  assert.ok(held.spec.kind === 'job')
  return createServerStores(deps, held, held.spec)
}
const content = async function* (text: string) {
  yield utf8(text)
}
const keep = async (held: Held, want: StoreWant, text: string, entries: readonly ArtifactEntry[] = []) => {
  const writing = await storesOf(held).begin(want, signal)
  if ('why' in writing) return writing.why
  await writing.put(content(text), signal)
  await writing.finish({ entries }, signal)
  return 'kept'
}
const read = async (stream: AsyncIterable<Uint8Array>): Promise<string> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
const cached = async (held: Held, ...keys: readonly string[]) => {
  const [found] = await storesOf(held).restore({ kind: 'cache', keys: [...keys] }, signal)
  return found === undefined ? null : read(found.read(signal))
}
const save = (held: Held, key: string, text = key) => keep(held, { kind: 'cache', key }, text)
const fails = (work: Promise<unknown>, code: FaultCode) =>
  assert.rejects(work, (error) => isFault(error, code))
const end = async (held: Held) => {
  await runner.finish(held)
  for (const each of await drain()) await runner.finish(each)
}
const drain = async (): Promise<readonly Held[]> => {
  const { rows } = await sql`select 1 from attempts where status = 'queued' limit 1`.execute(parts.db)
  return rows.length === 0 ? [] : runner.take({}, 4)
}

test('a workspace is for the jobs that need its job, in the order of the graph, and for no other run', async () => {
  const { a } = await jobsOf('main', 'push')
  assert.equal(await keep(a, { kind: 'workspace' }, 'first'), 'kept')
  assert.equal(await keep(a, { kind: 'workspace' }, 'second'), 'kept')
  assert.deepEqual(await storesOf(a).restore({ kind: 'workspace' }, signal), [], 'its own is not upstream')
  const b = await nextJob(a)
  const layers = await storesOf(b).restore({ kind: 'workspace' }, signal)
  assert.deepEqual(await Promise.all(layers.map((layer) => read(layer.read(signal)))), ['first', 'second'])
  assert.deepEqual(
    layers.map(({ from, after: earlier }) => [from, earlier]),
    [
      ['a', []],
      ['a', [0]],
    ],
  )
  const { rows } = await sql<{
    id: ObjectId
  }>`select id from stored_objects where kind = 'workspace'`.execute(parts.db)
  await end(b)
  await fails(storesOf(b).restore({ kind: 'workspace' }, signal), 'E_LEASE_LOST')
  const other = await jobsOf('main', 'push')
  const path = `/runner/v1/leases/${other.a.lease}/objects/${rows[0]?.id}`
  await fails(read(requests.download({ path, timeoutMs: 5_000, signal })), 'E_NOT_FOUND')
  await end(other.a)
})

test('a workspace is whole while the job that made it runs once more, and when that came to nothing', async () => {
  const { a } = await jobsOf('main', 'push')
  assert.equal(await keep(a, { kind: 'workspace' }, 'first'), 'kept')
  const b = await nextJob(a)
  const layersOf = async (held: Held) => {
    const layers = await storesOf(held).restore({ kind: 'workspace' }, signal)
    return Promise.all(layers.map((layer) => read(layer.read(signal))))
  }
  assert.ok(a.spec.kind === 'job')
  const job = parseId('job', a.spec.job.id)!
  await parts.runs.rerunJob(parts.actor, job)
  assert.deepEqual(await layersOf(b), ['first'], 'queued')
  await parts.runs.cancelJobs(parts.actor, job)
  assert.deepEqual(await layersOf(b), ['first'], 'cancelled')
  await parts.runs.rerunJob(parts.actor, job)
  const [again] = await runner.take({}, 1)
  assert.equal(await keep(again!, { kind: 'workspace' }, 'anew'), 'kept')
  assert.deepEqual(await layersOf(b), ['first'], 'under way')
  await runner.finish(again!)
  assert.deepEqual(await layersOf(b), ['anew'], 'replaced')
  await end(b)
})

test('the newest cache that begins with a key wins, the first key that has one goes first, none is written twice', async () => {
  const { a } = await jobsOf('main', 'push')
  for (const key of ['d-1', 'd-1-x', 'v1-a-111', 'v1-a-222']) assert.equal(await save(a, key), 'kept')
  assert.equal(await cached(a, 'd-1', 'd-'), 'd-1-x')
  assert.equal(await cached(a, 'v1-a-111', 'v1-a-'), 'v1-a-111')
  assert.equal(await cached(a, 'v1-a-999', 'v1-a-'), 'v1-a-222')
  assert.equal(await cached(a, 'v2-'), null)
  assert.equal(await cached(a, '-1'), null, 'not in the middle')
  assert.equal(await cached(a, 'd_1', 'd%'), null, 'a key is no pattern')
  assert.match(await save(a, 'd-1', 'other'), /already/)
  const [one, two] = [
    await storesOf(a).begin({ kind: 'cache', key: 'race' }, signal),
    await storesOf(a).begin({ kind: 'cache', key: 'race' }, signal),
  ]
  for (const [text, writing] of [
    ['winner', one],
    ['loser', two],
  ] as const) {
    if ('why' in writing) assert.fail(writing.why)
    await writing.put(content(text), signal)
    await writing.finish({}, signal)
  }
  assert.equal(await cached(a, 'race'), 'winner')
  await end(a)
})

test('a branch reads what the default branch saved, and writes where only it reads', async () => {
  const trunk = await jobsOf('main', 'push')
  await save(trunk.a, 'k-trunk')
  await end(trunk.a)
  const side = await jobsOf('side', 'push')
  assert.equal(await cached(side.a, 'k-'), 'k-trunk')
  await save(side.a, 'k-side')
  assert.equal(await cached(side.a, 'k-'), 'k-side', 'its own goes first')
  assert.equal(await save(side.a, 'k-trunk', 'poison'), 'kept', 'in its own scope the key is free')
  const [found] = await storesOf(side.a).restore({ kind: 'cache', keys: ['k-'], only: 'protected' }, signal)
  assert.equal(found?.key, 'k-trunk', 'a job with identity tokens takes nothing from its branch')
  await end(side.a)
  const byHand = await jobsOf('main', 'manual')
  assert.equal(await save(byHand.a, 'k-hand'), 'kept')
  await end(byHand.a)
  const again = await jobsOf('main', 'push')
  assert.equal(
    await cached(again.a, 'k-'),
    'k-trunk',
    'neither of the branch nor of a run that a person started',
  )
  assert.equal(await cached(again.a, 'k-hand', 'k-side'), null)
  const { rows } = await sql<{ scope: string }>`
    select distinct scope from stored_objects where kind = 'cache' and cache_key like 'k-%' order by scope`.execute(
    parts.db,
  )
  assert.deepEqual(
    rows.map(({ scope }) => scope),
    ['branch/refs/heads/main', 'branch/refs/heads/side', 'protected/refs/heads/main'],
  )
  await end(again.a)
})

test('a scope that was changed in the database opens nothing: the vault knows what was signed', async () => {
  const side = await jobsOf('side2', 'push')
  await save(side.a, 'poison')
  await end(side.a)
  await sql`update stored_objects set scope = 'protected/refs/heads/main' where cache_key = 'poison'`.execute(
    parts.db,
  )
  const trunk = await jobsOf('main', 'push')
  await fails(cached(trunk.a, 'poison'), 'E_RUNNER_SCOPE')
  await sql`delete from stored_objects where cache_key = 'poison'`.execute(parts.db)
  await end(trunk.a)
})

test('an object that was changed or exchanged in the store fails the job that reads it', async () => {
  const { a } = await jobsOf('main', 'push')
  await save(a, 'x-one', 'one'.repeat(50_000))
  await save(a, 'x-two', 'two'.repeat(50_000))
  const { rows } = await sql<{ id: ObjectId; size: number }>`
    select id, size_bytes as size from stored_objects where cache_key like 'x-%' order by cache_key`.execute(
    parts.db,
  )
  const [one, two] = rows
  assert.ok(one && two)
  const bytes = Buffer.from(
    await parts.objects.read(storedObjectKey(one.id), { offset: 0, length: one.size }),
  )
  const put = (id: ObjectId, changed: Buffer) =>
    parts.objects.put(
      storedObjectKey(id),
      (async function* () {
        yield changed
      })(),
      { bytesMax: 1e9 },
    )
  await put(two.id, bytes)
  await fails(cached(a, 'x-two'), 'E_OBJECT_TAMPERED')
  bytes[90_000] = (bytes[90_000] ?? 0) ^ 1
  await put(one.id, bytes)
  await fails(cached(a, 'x-one'), 'E_OBJECT_TAMPERED')
  await end(a)
})

test('a manifest counts when it says what came, for whom it came, by the runner that sent it', async () => {
  const { a } = await jobsOf('main', 'push')
  assert.ok(a.spec.kind === 'job')
  const place = { v: 1, kind: 'cache', key: 'm' }
  const { body } = await runner.send<{ object: ObjectId; scope: string }>(
    `/runner/v1/leases/${a.lease}/store`,
    place,
  )
  const sealed = Buffer.alloc(300, 7)
  const path = `/runner/v1/leases/${a.lease}/objects/${body.object}`
  assert.equal((await runner.send(path, sealed, { method: 'PUT' })).status, 401, 'signed as a plain body')
  assert.equal((await runner.send(path, sealed, { method: 'PUT', claims: { bh: 'stream' } })).status, 200)
  assert.equal(
    (await runner.send(path, sealed, { method: 'PUT', claims: { bh: 'stream' } })).status,
    409,
    'once',
  )
  const right = {
    ...{
      v: 1,
      iss: identity.id,
      iat: 1_790_000_000,
      kind: 'cache',
      object: body.object,
      key: 'm',
      scope: body.scope,
    },
    ...{ project, run: a.spec.run.id, job: a.spec.job.id, attempt: a.attempt, size: 300 },
    sha256: createHash('sha256').update(sealed).digest('hex'),
  }
  const stored = async (changes: object, key = identity.key) => {
    const manifest = await signJws(
      { typ: manifestTyp, kid: identity.id, claims: { ...right, ...changes } },
      key.privateKey,
    )
    const sealedKey = toBase64Url(
      (await sealObjectKey(ingestKey, randomBytes(32), manifest)) ?? assert.fail(),
    )
    return (await runner.send(`/runner/v1/leases/${a.lease}/stored`, { v: 1, manifest, sealedKey })).status
  }
  const other = await enrolRunner(parts, 'two')
  const wrong = [
    { scope: 'protected/refs/heads/other' },
    { scope: 'branch/refs/heads/main' },
    { key: 'n' },
    { size: 301 },
    { sha256: '0'.repeat(64) },
    { kind: 'workspace' },
    { attempt: parts.newId('attempt') },
    { run: parts.newId('run') },
    { project: parts.newId('project') },
  ]
  for (const changes of wrong) assert.equal(await stored(changes), 400, JSON.stringify(changes))
  assert.equal(await stored({}, other.key), 401, 'signed by another')
  assert.equal(await stored({}), 200)
  await end(a)
})

test('what a runner signed that was revoked, or is not admitted to the scope, opens for nobody', async () => {
  const { a } = await jobsOf('main', 'push')
  await save(a, 'r')
  assert.equal(await cached(a, 'r'), 'r')
  const { rows } = await sql<{ manifest: string; wrapped: string }>`
    select manifest, wrapped_key as wrapped from stored_objects where cache_key = 'r'`.execute(parts.db)
  const kept = rows[0] ?? assert.fail()
  await fails(parts.vault.call('object.key', { kept, user: 'u', reason: 'view' }), 'E_RUNNER_SCOPE')
  await end(a)
  const weak = await enrolRunner(parts, 'weak')
  const low = { id: parts.newId('runner'), key: await generateSigningKey() }
  const lowScope = { org: '*', projects: '*', tierMax: 'branch' } as const
  await parts.admin('runner.enroll', {
    runner: low.id,
    publicKey: toBase64Url(low.key.publicKey),
    ...lowScope,
  })
  const claims = JSON.parse(Buffer.from(kept.manifest.split('.')[1] ?? '', 'base64url').toString())
  const forge = async (by: typeof low) => {
    const manifest = await signJws(
      { typ: manifestTyp, kid: by.id, claims: { ...claims, iss: by.id } },
      by.key.privateKey,
    )
    const sealedKey = toBase64Url(
      (await sealObjectKey(ingestKey, randomBytes(32), manifest)) ?? assert.fail(),
    )
    return parts.vault.call('object.keep', { manifest, sealedKey })
  }
  await forge(weak)
  await fails(forge(low), 'E_RUNNER_SCOPE')
  await parts.admin('runner.revoke', { runner: weak.id })
  await fails(forge(weak), 'E_OBJECT_TAMPERED')
  const later = await jobsOf('main', 'push')
  const byWeak = { ...claims, iss: weak.id }
  const manifest = await signJws({ typ: manifestTyp, kid: weak.id, claims: byWeak }, weak.key.privateKey)
  await sql`update stored_objects set manifest = ${manifest} where cache_key = 'r'`.execute(parts.db)
  assert.equal(await cached(later.a, 'r'), null)
  assert.equal(await save(later.a, 'r', 'anew'), 'kept', 'the key is free again')
  assert.equal(await cached(later.a, 'r'), 'anew')
  await end(later.a)
})

test('artifacts are listed and opened for people of their organisation, by the vault and counted', async () => {
  const { run, a } = await jobsOf('main', 'push')
  const [one, two] = ['first file', 'second\n'.repeat(30_000)].map((text) => ({
    text,
    packed: zstdCompressSync(text),
  }))
  assert.ok(one && two)
  const entry = (path: string, from: typeof one, offset: number) => ({
    ...{ path, size: from.text.length, offset, length: from.packed.length },
    sha256: createHash('sha256').update(from.text).digest('hex'),
  })
  const entries = [entry('a/one.txt', one, 0), entry('two', two, one.packed.length)]
  const writing = await storesOf(a).begin({ kind: 'artifacts' }, signal)
  if ('why' in writing) assert.fail(writing.why)
  await writing.put(
    (async function* () {
      yield Buffer.concat([one.packed, two.packed])
    })(),
    signal,
  )
  await fails(writing.finish({ entries: [{ ...entries[0]!, path: '../up' }] }, signal), 'E_PROTOCOL')
  await end(a)
  const again = await jobsOf('main', 'push')
  const second = await storesOf(again.a).begin({ kind: 'artifacts' }, signal)
  if ('why' in second) assert.fail(second.why)
  await second.put(
    (async function* () {
      yield Buffer.concat([one.packed, two.packed])
    })(),
    signal,
  )
  await second.finish({ entries }, signal)
  const artifacts = createArtifacts({ ...parts, retention: limits.retentionDays })
  const runId = again.a.spec.kind === 'job' ? again.a.spec.run.id : assert.fail()
  assert.notEqual(run, runId)
  const page = await artifacts.list(parts.scope, runId, { limit: 1 })
  assert.deepEqual(
    page.items.map(({ path, size, job }) => [path, size, job.name]),
    [['a/one.txt', 10, 'a']],
  )
  const rest = await artifacts.list(parts.scope, runId, {
    limit: 1,
    cursor: page.next_cursor ?? assert.fail(),
  })
  assert.deepEqual([rest.items.map(({ path }) => path), rest.next_cursor], [['two'], null])
  const asked = { user: 'usr_x', session: 's', reason: 'download' }
  const openedTwo = await artifacts.open(parts.scope, rest.items[0]?.id ?? '', asked)
  assert.deepEqual([openedTwo.name, await read(openedTwo.chunks)], ['two', two.text])
  const stranger = { ...parts.scope, organisation: parts.newId('organisation') }
  await fails(artifacts.open(stranger, page.items[0]?.id ?? '', asked), 'E_NOT_FOUND')
  await fails(artifacts.open(parts.scope, 'obj_nothing.0', asked), 'E_NOT_FOUND')
  assert.match(
    readFileSync(join(parts.directory, 'vault/audit.log'), 'utf8'),
    /"verb":"object.key".*"user":"usr_x"/,
  )
  await end(again.a)
})

/** As a runner stores them. */
const testLines = (...tests: readonly (readonly [outcome: TestOutcome, name: string])[]) => {
  const plain = tests
    .map(([outcome, name]) => {
      const message = outcome === 'failed' ? `${name} broke` : ''
      return `${JSON.stringify({ ...{ outcome, name, class: 'c', file: `t/${name}.ts`, ms: 250 }, message })}\n`
    })
    .join('')
  const bytes = zstdCompressSync(plain)
  const count = (of: TestOutcome) => tests.filter(([outcome]) => outcome === of).length
  const counts = { failed: count('failed'), skipped: count('skipped'), passed: count('passed') }
  const facts = { ...counts, ms: tests.length * 250, size: plain.length, length: bytes.length }
  return { bytes, facts }
}
const keepTests = async (
  held: Held,
  { bytes, facts }: ReturnType<typeof testLines>,
  told: StoredList = { tests: facts },
) => {
  const writing = await storesOf(held).begin({ kind: 'tests' }, signal)
  if ('why' in writing) assert.fail(writing.why)
  await writing.put(
    (async function* () {
      yield bytes
    })(),
    signal,
  )
  await writing.finish(told, signal)
}
const reader = { user: 'usr_t', session: 's', reason: 'view' }

test('results of tests are counted by job, and read failed ones first by those who may', async () => {
  const tests = createTests(parts)
  const { run, a } = await jobsOf('main', 'push')
  assert.deepEqual(await tests.listRun(parts.scope, run, { limit: 10 }), { items: [], next_cursor: null })
  const { job } = a.spec.kind === 'job' ? a.spec : assert.fail()
  const none = await tests.listJob(parts.scope, job.id, { limit: 5 }, reader)
  assert.deepEqual(none, { summary: null, expired: null, items: [], next_cursor: null })
  await keepTests(
    a,
    testLines(['failed', 'one'], ['skipped', 'two'], ['passed', 'three'], ['passed', 'four']),
  )
  await keepTests(a, testLines(['failed', 'five'], ['passed', 'six']))
  const b = await nextJob(a)
  await keepTests(b, testLines(['passed', 'seven']))
  await end(b)

  const first = await tests.listRun(parts.scope, run, { limit: 1 })
  const second = await tests.listRun(parts.scope, run, {
    limit: 1,
    cursor: first.next_cursor ?? assert.fail(),
  })
  assert.equal(second.next_cursor, null)
  assert.deepEqual(
    [...first.items, ...second.items].map(({ job: of, duration_ms: ms, ...counts }) => [
      of.name,
      of.attempt,
      ms,
      counts,
    ]),
    [
      ['a', 1, 1_500, { failed: 2, skipped: 1, passed: 3 }],
      ['b', 1, 250, { failed: 0, skipped: 0, passed: 1 }],
    ],
  )
  const names: string[] = []
  let cursor: string | undefined
  do {
    const page = await tests.listJob(parts.scope, job.id, { limit: 4, cursor }, reader)
    assert.deepEqual(page.summary, first.items[0])
    names.push(...page.items.map(({ name }) => name))
    cursor = page.next_cursor ?? undefined
  } while (cursor !== undefined)
  assert.deepEqual(names, ['one', 'five', 'two', 'three', 'four', 'six'])
  const ask = async (asked: Omit<TestsAsked, 'limit'>) =>
    (await tests.listJob(parts.scope, job.id, { limit: 2, ...asked }, reader)).items
  assert.deepEqual(await ask({ outcome: 'failed' }), [
    { outcome: 'failed', name: 'one', class: 'c', file: 't/one.ts', duration_ms: 250, message: 'one broke' },
    {
      outcome: 'failed',
      name: 'five',
      class: 'c',
      file: 't/five.ts',
      duration_ms: 250,
      message: 'five broke',
    },
  ])
  assert.deepEqual(
    (await ask({ q: 'T/SI' })).map(({ name }) => name),
    ['six'],
  )
  assert.deepEqual(await ask({ q: 'six', outcome: 'failed' }), [])
  assert.deepEqual(await ask({ attempt: 2 }), [])
  const stranger = { ...parts.scope, organisation: parts.newId('organisation') }
  await fails(tests.listJob(stranger, job.id, { limit: 1 }, reader), 'E_NOT_FOUND')
  assert.deepEqual((await tests.listRun(stranger, run, { limit: 10 })).items, [])
  await fails(ask({ cursor: 'nothing' }), 'E_INPUT')
  assert.match(
    readFileSync(join(parts.directory, 'vault/audit.log'), 'utf8'),
    /"verb":"object.key".*"user":"usr_t"/,
  )
})

test('results without their counts, counts of something else, and lines that are none are refused', async () => {
  const tests = createTests(parts)
  const { a } = await jobsOf('main', 'push')
  const right = testLines(['passed', 'one'])
  await fails(keepTests(a, right, {}), 'E_PROTOCOL')
  await fails(keepTests(a, right, { tests: { ...right.facts, length: 1_000_000 } }), 'E_PROTOCOL')
  const cache = await storesOf(a).begin({ kind: 'cache', key: 'tests' }, signal)
  if ('why' in cache) assert.fail(cache.why)
  await cache.put(content('x'), signal)
  await fails(cache.finish({ tests: right.facts }, signal), 'E_PROTOCOL')
  await keepTests(a, right, { tests: { ...right.facts, failed: 1, passed: 0 } })
  const { job } = a.spec.kind === 'job' ? a.spec : assert.fail()
  await fails(tests.listJob(parts.scope, job.id, { limit: 1 }, reader), 'E_OBJECT_TAMPERED')
  await end(a)
})

/** A run of this ref with one job in two shards, all of them leased. */
const shardsOf = async (ref: string, event: 'push' | 'manual' = 'push') => {
  const { id } = await parts.runs.startRun(parts.actor, { project, ref })
  await sql`update runs set event_kind = ${event} where id = ${id}`.execute(parts.db)
  const [plan] = await runner.take({}, 1)
  await runner.finishPlan(plan ?? assert.fail(), [planJob({ key: 's', shards: 2 })])
  const [one, two] = await runner.take({}, 2)
  return {
    run: parseId('run', id) ?? assert.fail(),
    shards: [one ?? assert.fail(), two ?? assert.fail()] as const,
  }
}
const failedOutcome = { outcome: 'failed', reason: { code: null, message: 'exit code 1' } } as const
/** Names of the tests that a job is told of. */
const told = async (held: Held, of: 'timings' | 'failed') => {
  const found = await storesOf(held).restore({ kind: 'tests', of }, signal)
  const texts = await Promise.all(
    found.map(async (object) => {
      const pieces: Uint8Array[] = []
      for await (const piece of object.read(signal)) pieces.push(piece)
      return zstdDecompressSync(Buffer.concat(pieces)).toString()
    }),
  )
  return texts.flatMap((text) => text.trimEnd().split('\n')).map((line) => readTestLine(line)?.name)
}

test('all shards of a job are told the same times: those known when the first of them asked', async () => {
  const [first, second, third] = [await shardsOf('main'), await shardsOf('main'), await shardsOf('main')]
  assert.deepEqual(await told(first.shards[0], 'timings'), [], 'nobody has stored any')
  await keepTests(first.shards[0], testLines(['passed', 'x1']))
  await keepTests(first.shards[1], testLines(['failed', 'y1']))
  assert.deepEqual(await told(first.shards[1], 'timings'), [], 'and so it is for the other shard')
  assert.deepEqual(await told(third.shards[0], 'timings'), ['x1', 'y1'])
  await keepTests(second.shards[1], testLines(['passed', 'y2']))
  assert.deepEqual(await told(third.shards[1], 'timings'), ['x1', 'y1'], 'not those that came meanwhile')
  assert.deepEqual(await told(second.shards[0], 'timings'), ['x1', 'y1'], 'neither its own nor later ones')
  for (const held of [...first.shards, ...second.shards, ...third.shards]) await runner.finish(held)
  const fourth = await shardsOf('main')
  assert.deepEqual(await told(fourth.shards[0], 'timings'), ['y2'], 'of the newest run that has some')
  for (const held of fourth.shards) await runner.finish(held)
})

test('a branch is told its own times before those of the default branch, which is never told a branch’s', async () => {
  const side = await shardsOf('side')
  assert.deepEqual(await told(side.shards[0], 'timings'), ['y2'])
  await keepTests(side.shards[0], testLines(['passed', 'mine']))
  for (const held of side.shards) await runner.finish(held)
  const next = await shardsOf('side')
  assert.deepEqual(await told(next.shards[0], 'timings'), ['mine'])
  for (const held of next.shards) await runner.finish(held)
  const byHand = await shardsOf('main', 'manual')
  await keepTests(byHand.shards[0], testLines(['passed', 'by hand']))
  for (const held of byHand.shards) await runner.finish(held)
  const trunk = await shardsOf('main')
  assert.deepEqual(await told(trunk.shards[0], 'timings'), ['y2'])
  for (const held of trunk.shards) await runner.finish(held)
})

test('times that nobody vouches for any more are none; a shard does not get fewer than the one before it', async () => {
  const run = await shardsOf('main')
  const given = await told(run.shards[0], 'timings')
  assert.deepEqual(given, ['y2'])
  const { rows } = await sql<{ manifest: string }>`
    select manifest from stored_objects o join test_timings t on o.id = any(t.objects)
      join workflows w on w.id = t.workflow_id where w.run_id = ${run.run}`.execute(parts.db)
  const claims = JSON.parse(Buffer.from(rows[0]?.manifest.split('.')[1] ?? '', 'base64url').toString())
  const gone = { id: parts.newId('runner'), key: await generateSigningKey() }
  const manifest = await signJws(
    { typ: manifestTyp, kid: gone.id, claims: { ...claims, iss: gone.id } },
    gone.key.privateKey,
  )
  await sql`update stored_objects set manifest = ${manifest} where manifest = ${rows[0]?.manifest ?? ''}`.execute(
    parts.db,
  )
  await fails(told(run.shards[1], 'timings'), 'E_OBJECT_TAMPERED')
  for (const held of run.shards) await runner.finish(held)
  const later = await shardsOf('main')
  assert.deepEqual(await told(later.shards[0], 'timings'), [])
  assert.deepEqual(await told(later.shards[1], 'timings'), [])
  await keepTests(later.shards[0], testLines(['passed', 'anew']))
  for (const held of later.shards) await runner.finish(held)
  const last = await shardsOf('main')
  assert.deepEqual(await told(last.shards[1], 'timings'), ['anew'])
  await sql`delete from stored_objects where kind = 'tests' and run_id = ${later.run}`.execute(parts.db)
  assert.notDeepEqual(
    await told(last.shards[0], 'timings'),
    ['anew'],
    'what was pinned is gone, so it is looked for again',
  )
  for (const held of last.shards) await runner.finish(held)
})

test('a rerun of failed tests tells each shard what failed of it; any other rerun tells nothing', async () => {
  const { run, shards } = await shardsOf('side3')
  await keepTests(shards[0], testLines(['failed', 'x'], ['passed', 'ok']))
  await keepTests(shards[1], testLines(['failed', 'y'], ['failed', 'z']))
  for (const held of shards) await runner.finish(held, failedOutcome)
  await parts.runs.rerunRun(parts.actor, run, 'failed')
  for (const held of await runner.take({}, 2)) {
    assert.deepEqual(await told(held, 'failed'), [])
    await runner.finish(held, failedOutcome)
  }
  await parts.runs.rerunRun(parts.actor, run, 'failed-tests')
  const again = await runner.take({}, 2)
  const names = await Promise.all(again.map((held) => told(held, 'failed')))
  // Objects are given whole; the runner takes out of them what failed.
  assert.deepEqual(names.toSorted(), [
    ['x', 'ok'],
    ['y', 'z'],
  ])
  const [one, two] = again
  assert.ok(one && two)
  await keepTests(one, testLines(['failed', 'still']))
  await runner.finish(one, failedOutcome)
  await runner.finish(two)
  await parts.runs.rerunRun(parts.actor, run, 'failed-tests')
  const [last] = await runner.take({}, 1)
  assert.ok(last)
  assert.deepEqual(await told(last, 'failed'), ['still'], 'of the attempt before')
  await runner.finish(last)
  const [audit] = (
    await sql<{ facts: { tests?: string } }>`
      select details as facts from audit where action = 'run.rerun' order by id desc limit 1`.execute(
      parts.db,
    )
  ).rows
  assert.equal(audit?.facts.tests, 'failed')
})

test('results whose runner was revoked since tell a rerun nothing, and stay for whoever looks at them', async () => {
  const { run, shards } = await shardsOf('side5')
  await keepTests(shards[0], testLines(['failed', 'x']))
  await runner.finish(shards[0], failedOutcome)
  await runner.finish(shards[1])
  const kept = async () =>
    (
      await sql<{ id: string; manifest: string }>`
        select id, manifest from stored_objects where kind = 'tests' and run_id = ${run}`.execute(parts.db)
    ).rows
  const [of] = await kept()
  const claims = JSON.parse(Buffer.from(of?.manifest.split('.')[1] ?? '', 'base64url').toString())
  const gone = { id: parts.newId('runner'), key: await generateSigningKey() }
  const manifest = await signJws(
    { typ: manifestTyp, kid: gone.id, claims: { ...claims, iss: gone.id } },
    gone.key.privateKey,
  )
  await sql`update stored_objects set manifest = ${manifest} where id = ${of?.id ?? ''}`.execute(parts.db)
  await parts.runs.rerunRun(parts.actor, run, 'failed-tests')
  const [again] = await runner.take({}, 1)
  assert.ok(again)
  assert.deepEqual(await told(again, 'failed'), [])
  assert.deepEqual(await kept(), [{ id: of?.id, manifest }])
  await runner.finish(again)
})

test('what one person wants whole and another for its failed tests is each as its person wanted it', async () => {
  const { run, shards } = await shardsOf('side4')
  const jobOf = (held: Held) => (held.spec.kind === 'job' ? held.spec.job.id : assert.fail())
  await keepTests(shards[0], testLines(['failed', 'x']))
  await keepTests(shards[1], testLines(['failed', 'y']))
  for (const held of shards) await runner.finish(held, failedOutcome)
  const whole = jobOf(shards[0])
  await parts.runs.rerunJob(parts.actor, whole)
  await parts.runs.rerunRun(parts.actor, run, 'failed-tests')
  const both = await runner.take({}, 2)
  const names = await Promise.all(
    both.map(async (held) => [jobOf(held) === whole, await told(held, 'failed')]),
  )
  assert.deepEqual(names.toSorted(), [
    [false, ['y']],
    [true, []],
  ])
  // The other way round: what is still to come for its failed tests is not made whole by who wants another job.
  for (const held of both) await runner.finish(held, failedOutcome)
  await parts.runs.rerunRun(parts.actor, run, 'failed-tests')
  const [first, second] = await runner.take({}, 2)
  assert.ok(first && second)
  await runner.finish(first, failedOutcome)
  await parts.runs.rerunJob(parts.actor, jobOf(first))
  assert.equal((await told(second, 'failed')).length, 1)
  await runner.finish(second)
  for (const held of await runner.take({}, 1)) await runner.finish(held)
})

test('a cache whose job says for how long it is kept ends then, used or not', async () => {
  const { a } = await jobsOf('main', 'push')
  await sql`update jobs set spec = jsonb_set(spec, '{cacheDays}', '9') where id = ${a.spec.kind === 'job' ? a.spec.job.id : ''}`.execute(
    parts.db,
  )
  await save(a, 'nine-before')
  await save(a, 'nine-after')
  await end(a)
  await sql`
    update stored_objects set created_at = now() - interval '1 day' * case cache_key when 'nine-after' then 10 else 8 end,
      used_at = case cache_key when 'nine-after' then now() else now() - interval '8 days' end
    where cache_key like 'nine-%'`.execute(parts.db)
  assert.equal(await expireObjects({ ...parts, days: limits.retentionDays }), 1)
  const left = await sql<{ key: string; days: number }>`
    select cache_key as key, keep_days as days from stored_objects where cache_key like 'nine-%'`.execute(
    parts.db,
  )
  assert.deepEqual(left.rows, [{ key: 'nine-before', days: 9 }])
})

test('what nobody used for its time goes, and its file with it', async () => {
  const { a } = await jobsOf('main', 'push')
  await save(a, 'old')
  await save(a, 'young')
  await storesOf(a).begin({ kind: 'cache', key: 'half' }, signal)
  await end(a)
  await sql`update stored_objects set used_at = now() - interval '8 days' where cache_key = 'old'`.execute(
    parts.db,
  )
  await sql`update stored_objects set used_at = now() - interval '2 days' where cache_key in ('half', 'young')`.execute(
    parts.db,
  )
  const { rows } = await sql<{ id: ObjectId }>`select id from stored_objects where cache_key = 'old'`.execute(
    parts.db,
  )
  assert.equal(await expireObjects({ ...parts, days: limits.retentionDays }), 2)
  const left = await sql<{ key: string }>`
    select cache_key as key from stored_objects where cache_key in ('old', 'young', 'half')`.execute(parts.db)
  assert.deepEqual(left.rows, [{ key: 'young' }])
  await fails(
    parts.objects.read(storedObjectKey(rows[0]?.id ?? assert.fail()), { offset: 0, length: 1 }),
    'E_OBJECT_MISSING',
  )
})

test('a cache that went after it was found, or whose file is gone, is none', async () => {
  const { a } = await jobsOf('main', 'push')
  const found = async (key: string) => {
    assert.equal(await save(a, key, key.repeat(50_000)), 'kept')
    const [cache] = await storesOf(a).restore({ kind: 'cache', keys: [key] }, signal)
    const { rows } = await sql<{
      id: ObjectId
    }>`select id from stored_objects where cache_key = ${key}`.execute(parts.db)
    return { cache: cache ?? assert.fail(), id: rows[0]?.id ?? assert.fail() }
  }
  const evicted = await found('evicted')
  await sql`delete from stored_objects where id = ${evicted.id}`.execute(parts.db)
  await fails(read(evicted.cache.read(signal)), 'E_NOT_FOUND')
  const lost = await found('lost')
  await parts.objects.delete(storedObjectKey(lost.id))
  await fails(read(lost.cache.read(signal)), 'E_OBJECT_MISSING')
  assert.equal(await cached(a, 'lost'), null, 'it is remembered no more')
  assert.equal(await save(a, 'lost'), 'kept', 'its key is free again')
  await end(a)
})

test('a cache that finds no room takes that of those of its scope that went unused the longest, and of no others', async () => {
  const elsewhere = await addLocalProject(parts, 'full')
  const [{ a }, { a: branch }, { a: theirs }] = [
    await jobsOf('main', 'push'),
    await jobsOf('full', 'push'),
    await jobsOf('main', 'push', elsewhere),
  ]
  for (const key of ['full-old', 'full-young']) await save(a, key)
  await save(branch, 'full-branch')
  await save(theirs, 'full-theirs')
  await sql`
    update stored_objects set size_bytes = ${limits.cacheScopeBytesMax / 2}::bigint,
      used_at = now() - make_interval(days => case cache_key when 'full-young' then 1 else 3 end)
    where cache_key like 'full-%'`.execute(parts.db)
  const old = await sql<{ id: ObjectId }>`select id from stored_objects where cache_key = 'full-old'`.execute(
    parts.db,
  )
  assert.equal(await save(a, 'full-last'), 'kept')
  const left = await sql<{ key: string }>`
    select cache_key as key from stored_objects where cache_key like 'full-%' order by cache_key`.execute(
    parts.db,
  )
  assert.deepEqual(
    left.rows.map(({ key }) => key),
    ['full-branch', 'full-last', 'full-theirs', 'full-young'],
  )
  await fails(
    parts.objects.read(storedObjectKey(old.rows[0]?.id ?? assert.fail()), { offset: 0, length: 1 }),
    'E_OBJECT_MISSING',
  )
  for (const held of [a, branch, theirs]) await end(held)
})
