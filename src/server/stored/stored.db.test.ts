// Stored objects between a real server, a real vault and the runner's own client: what goes in comes out for those who may
// have it, and for nobody else, whichever of the three one asks.
import assert from 'node:assert/strict'
import { createHash, createPrivateKey, sign, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner, type Held, planJob } from '../../../test/support/scripted-runner.ts'
import { fromBase64Url, toBase64Url, utf8 } from '../../base/bytes.ts'
import { type FaultCode, isFault } from '../../base/faults.ts'
import type { ObjectId } from '../../base/ids.ts'
import { manifestTyp } from '../../protocol/stored-object.ts'
import type { ArtifactEntry } from '../../protocol/stored-wire.ts'
import { createRequests } from '../../runner/session/requests.ts'
import { createServerStores } from '../../runner/stores/server-stores.ts'
import type { Stores, StoreWant } from '../../runner/stores/stores.ts'
import { generateSigningKey, importVerifyKey, sealObjectKey, signJws } from '../../seal/index.ts'
import { randomBytes, systemClock } from '../../sys/index.ts'
import { createArtifacts } from './artifacts.ts'
import { expireObjects } from './expire.ts'
import { storedObjectKey } from './object-key.ts'

const parts = await openParts()
const project = await addLocalProject(parts, 'web')
const identity = await enrolRunner(parts, 'one')
const runner = createScriptedRunner(parts, identity, { free: { tiny: 4, small: 8 } })
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
  return { run: id, a: a ?? assert.fail() }
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
  await writing.finish(entries, signal)
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
  await fails(read(requests.download({ path, timeoutMs: 5_000, signal })), 'E_PROTOCOL')
  await end(other.a)
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
    await writing.finish([], signal)
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
  const { zstdCompressSync } = await import('node:zlib')
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
  await fails(writing.finish([{ ...entries[0]!, path: '../up' }], signal), 'E_PROTOCOL')
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
  await second.finish(entries, signal)
  const artifacts = createArtifacts(parts)
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
  const reader = { user: 'usr_x', session: 's', reason: 'download' }
  const openedTwo = await artifacts.open(parts.scope, rest.items[0]?.id ?? '', reader)
  assert.deepEqual([openedTwo.name, await read(openedTwo.chunks)], ['two', two.text])
  const stranger = { ...parts.scope, organisation: parts.newId('organisation') }
  await fails(artifacts.open(stranger, page.items[0]?.id ?? '', reader), 'E_NOT_FOUND')
  await fails(artifacts.open(parts.scope, 'obj_nothing.0', reader), 'E_NOT_FOUND')
  assert.match(
    readFileSync(join(parts.directory, 'vault/audit.log'), 'utf8'),
    /"verb":"object.key".*"user":"usr_x"/,
  )
  await end(again.a)
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
  assert.equal(await expireObjects(parts), 2)
  const left = await sql<{ key: string }>`
    select cache_key as key from stored_objects where cache_key in ('old', 'young', 'half')`.execute(parts.db)
  assert.deepEqual(left.rows, [{ key: 'young' }])
  await fails(
    parts.objects.read(storedObjectKey(rows[0]?.id ?? assert.fail()), { offset: 0, length: 1 }),
    'E_OBJECT_MISSING',
  )
})
