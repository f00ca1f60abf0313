// The end of an attempt that brings its log and events along: real TLS, database, vault and object store.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { inflateRawSync, zstdCompressSync } from 'node:zlib'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import {
  createScriptedRunner,
  type Held,
  makeFrame,
  type ScriptedRunner,
} from '../../../test/support/scripted-runner.ts'
import { concatBytes, utf8 } from '../../base/bytes.ts'
import type { JobId, RunId } from '../../base/ids.ts'
import { encodeFinishBundle, type FinishParts } from '../../protocol/finish-body.ts'
import { encodeFrameBatch } from '../../protocol/frames.ts'
import { encodeLogIndex } from '../../protocol/log-object.ts'
import type { EgressRecord } from '../../protocol/receipt.ts'
import type { AttemptEvent, FinishRequest } from '../../protocol/runner-wire.ts'
import type { UsageSeries } from '../../protocol/usage-series.ts'
import { encryptBlob } from '../../seal/index.ts'
import { inOneStatement } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import { expireLogs } from '../logs/expire.ts'
import { createLogs } from '../logs/logs.ts'
import { logObjectKey } from '../logs/object-key.ts'
import { changeUnlocked } from '../runs/change.ts'
import { type LoadedJson, loadedFrom, loadedSql } from '../runs/state.ts'

const parts = await openParts()
const project = await addLocalProject(parts, 'web')
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'bundles'))
const stranger = createScriptedRunner(parts, await enrolRunner(parts, 'stranger'))
after(() => {
  runner.close()
  stranger.close()
})
const logs = createLogs(parts)
const reader = { user: 'usr_reader', session: 'ses_reader', reason: 'test' }

/** The lease of a job. */
const takeJob = async (): Promise<Held> => {
  await parts.runs.startRun(parts.actor, { project, ref: 'main' })
  const [plan] = await runner.take()
  await runner.finishPlan(plan!, [{ key: 'a' }])
  const [held] = await runner.take()
  return held!
}

const packed = async (held: Held, text: string, lastSeq: number): Promise<Uint8Array> => {
  const chunk = zstdCompressSync(text)
  const lines = text.split('\n').length - 1
  const entry = {
    step: 1,
    firstLine: 1,
    lines,
    offset: 0,
    length: chunk.length,
    rawBytes: text.length,
    tMs: 0,
  }
  const index = encodeLogIndex([{ ...entry, seqFrom: 1, seqTo: lastSeq }], lastSeq)
  const pieces: Uint8Array[] = []
  const plain = (async function* () {
    yield chunk
    yield index
  })()
  for await (const piece of encryptBlob(plain, {
    ...{ key: held.log.key, keyId: held.attempt, objectId: held.attempt },
  }))
    pieces.push(piece)
  return concatBytes(pieces)
}

const framesOf = async (
  held: Held,
  texts: readonly string[],
  from = 1,
  withKey = true,
): Promise<Uint8Array> =>
  encodeFrameBatch(
    await Promise.all(
      texts.map(async (text, i) => ({
        lease: held.lease,
        sealedKey: withKey && i === 0 ? held.log.sealedKey : null,
        frame: await makeFrame(held.attempt, held.log, { step: 1, text, seq: from + i }),
      })),
    ),
  )

const json = (value: unknown) => utf8(JSON.stringify(value))
const finishOf = (changes: Partial<FinishRequest> = {}): Uint8Array =>
  json({
    ...{ v: 1, outcome: 'passed', reason: null, receipt: null, lastSeq: 0, lastEvent: 0 },
    result: { kind: 'job' },
    ...changes,
  } satisfies FinishRequest)
const nothing = { events: null, sealedKey: null, frames: null, log: null }
const send = (
  held: Held,
  bundle: Partial<FinishParts> & { finish: Uint8Array },
  by: ScriptedRunner = runner,
) => by.send(`/runner/v1/leases/${held.lease}/finish`, encodeFinishBundle({ ...nothing, ...bundle }))
const find = async (held: Held) => (await parts.runs.findAttempt(parts.scope, held.attempt))!
const rowsOf = async (held: Held) => {
  const { rows } = await sql<{ frames: number; objects: number; key: boolean }>`
    select (select coalesce(sum(cardinality(starts)), 0)::int from log_frames where attempt_id = a.id) as frames,
      (select count(*)::int from log_objects where attempt_id = a.id) as objects,
      log_key is not null as key
    from attempts a where id = ${held.attempt}`.execute(parts.db)
  return rows[0]!
}
const textOf = async (held: Held): Promise<string> => {
  let text = ''
  for await (const frame of logs.readFrames(parts.scope, held.attempt, { after: 0, reader }))
    text += inflateRawSync(frame.body).toString()
  return text
}
const now = Date.now()
const story: readonly AttemptEvent[] = [
  { seq: 1, atMs: now, kind: 'phase', phase: 'running' },
  { seq: 2, atMs: now, kind: 'step-started', step: 1, name: 'one', type: 'run' },
  {
    ...{ seq: 3, atMs: now, kind: 'step-finished', step: 1, status: 'passed' },
    ...{ exitCode: 0, ms: 4, leftovers: 0, message: null },
  } as const,
  { seq: 4, atMs: now, kind: 'step-started', step: 2, name: 'two', type: 'run' },
  { seq: 5, atMs: now, kind: 'note', text: 'said' },
]

test('one request ends an attempt of which the server knows nothing: log, key, steps, notes', async () => {
  const held = await takeJob()
  const bundle = {
    finish: finishOf({ lastSeq: 2, lastEvent: 5 }),
    events: json({ v: 1, events: story }),
    sealedKey: held.log.sealedKey,
    log: await packed(held, 'a\nb\n', 2),
  }
  assert.equal((await send(held, bundle)).status, 200)
  const attempt = await find(held)
  assert.deepEqual(
    [attempt.status, attempt.last_seq, attempt.log_complete, attempt.phase, attempt.notes],
    ['passed', 2, true, null, ['said']],
  )
  assert.deepEqual(
    attempt.steps.map(({ name, status, duration_ms }) => [name, status, duration_ms]),
    [
      ['one', 'passed', 4],
      ['two', 'cancelled', null],
    ],
  )
  assert.deepEqual(await rowsOf(held), { frames: 0, objects: 1, key: true })
  assert.equal(await textOf(held), 'a\nb\n')
})

test('a small log lies in its row, a larger one in a file, and both are read and expire alike', async () => {
  const whereOf = async ({ attempt }: Held) => {
    const { rows } = await sql<{ file: boolean; row: number | null; size: number }>`
      select object_key is not null as file, octet_length(body) as row, size_bytes as size
      from log_objects where attempt_id = ${attempt}`.execute(parts.db)
    return rows[0] ?? null
  }
  const inFile = ({ attempt }: Held) =>
    parts.objects.read(logObjectKey(attempt), { offset: 0, length: 1 }).then(
      () => true,
      () => false,
    )
  // Does not compress.
  const long = `${randomBytes(limits.logInRowBytesMax).toString('hex')}\n`
  for (const { text, isSmall } of [
    { text: 'a\n', isSmall: true },
    { text: long, isSmall: false },
  ]) {
    const held = await takeJob()
    const log = await packed(held, text, 1)
    const bundle = { finish: finishOf({ lastSeq: 1 }), sealedKey: held.log.sealedKey, log }
    assert.equal((await send(held, bundle)).status, 200)
    assert.deepEqual(await whereOf(held), {
      ...{ file: !isSmall, row: isSmall ? log.length : null, size: log.length },
    })
    assert.deepEqual([await inFile(held), await textOf(held)], [!isSmall, text])
    await sql`update attempts set finished_at = now() - interval '9 days' where id = ${held.attempt}`.execute(
      parts.db,
    )
    await sql`update log_objects set stored_at = now() - interval '9 days' where attempt_id = ${held.attempt}`.execute(
      parts.db,
    )
    assert.equal(await expireLogs({ ...parts, days: 8 }), 1)
    assert.deepEqual([await whereOf(held), await inFile(held)], [null, false])
  }
})

test('a small log that was changed in the database is not shown', async () => {
  const held = await takeJob()
  const log = await packed(held, 'a\n', 1)
  await send(held, { finish: finishOf({ lastSeq: 1 }), sealedKey: held.log.sealedKey, log })
  const changed = Buffer.from(log.with(-1, (log.at(-1) ?? 0) ^ 1))
  for (const body of [changed, changed.subarray(0, -1), Buffer.alloc(0)]) {
    await sql`update log_objects set body = ${body} where attempt_id = ${held.attempt}`.execute(parts.db)
    await assert.rejects(textOf(held), { code: 'E_OBJECT_TAMPERED' })
  }
})

test('what is durable or applied already is not taken twice', async () => {
  const held = await takeJob()
  await runner.frames(held, 1, 'a\n', 'b\n')
  await runner.events(held, story.slice(0, 2))
  const bundle = {
    finish: finishOf({ lastSeq: 3, lastEvent: 5 }),
    events: json({ v: 1, events: story }),
    frames: await framesOf(held, ['b\n', 'c\n'], 2, false),
    log: await packed(held, 'a\nb\nc\n', 3),
  }
  assert.equal((await send(held, bundle)).status, 200)
  const attempt = await find(held)
  assert.deepEqual([attempt.last_seq, attempt.notes], [3, ['said']])
  assert.deepEqual(
    attempt.steps.map(({ name, status }) => [name, status]),
    [
      ['one', 'passed'],
      ['two', 'cancelled'],
    ],
  )
  assert.deepEqual(await rowsOf(held), { frames: 3, objects: 1, key: true })
  // Who has read the first frame goes on in the rows.
  const seqs: number[] = []
  for await (const { seq } of logs.readFrames(parts.scope, held.attempt, { after: 1, reader })) seqs.push(seq)
  assert.deepEqual(seqs, [2, 3])
})

test('frames without an object are rows, and a gap is told as such', async () => {
  const held = await takeJob()
  const frames = await framesOf(held, ['a\n', 'b\n'])
  assert.equal((await send(held, { finish: finishOf({ lastSeq: 5 }), frames })).status, 200)
  const attempt = await find(held)
  assert.equal(attempt.last_seq, 2)
  assert.match(attempt.notes[0] ?? '', /incomplete: 3 pieces/)
  assert.deepEqual(await rowsOf(held), { frames: 2, objects: 0, key: true })
  assert.equal(await textOf(held), 'a\nb\n')
})

test('frames of another attempt, and frames without any key, are not taken', async () => {
  const held = await takeJob()
  const [other, keyless] = [await takeJob(), await takeJob()]
  const foreign = encodeFrameBatch([
    {
      ...{ lease: held.lease, sealedKey: held.log.sealedKey },
      frame: await makeFrame(other.attempt, held.log, { step: 1, text: 'x\n', seq: 1 }),
    },
  ])
  assert.equal((await send(held, { finish: finishOf({ lastSeq: 1 }), frames: foreign })).status, 200)
  assert.deepEqual([(await find(held)).last_seq, (await rowsOf(held)).frames], [0, 0])
  const frames = await framesOf(keyless, ['a\n'], 1, false)
  assert.equal((await send(keyless, { finish: finishOf({ lastSeq: 1 }), frames })).status, 200)
  assert.deepEqual([(await find(keyless)).last_seq, (await rowsOf(keyless)).frames], [0, 0])
  await runner.finish(other)
})

test('the same bytes again are the same answer, other bytes are a lost lease, and nothing is stored twice', async () => {
  const held = await takeJob()
  await runner.frames(held, 1, 'a\n')
  const bundle = {
    finish: finishOf({ lastSeq: 2, lastEvent: 5 }),
    events: json({ v: 1, events: story }),
    frames: await framesOf(held, ['a\n', 'b\n']),
    log: await packed(held, 'a\nb\n', 2),
  }
  const both = await Promise.all([send(held, bundle), send(held, bundle)])
  assert.deepEqual(
    both.map(({ status }) => status),
    [200, 200],
  )
  assert.equal((await send(held, bundle)).status, 200)
  assert.equal((await send(held, { ...bundle, log: null })).status, 409)
  assert.equal((await runner.finish(held, { lastSeq: 2, lastEvent: 5 })).status, 409)
  assert.deepEqual(await rowsOf(held), { frames: 2, objects: 1, key: true })
  assert.deepEqual((await find(held)).notes, ['said'])
})

test('requests of the same lease that are under way beside it are neither lost nor doubled', async () => {
  for (let round = 0; round < 8; round++) {
    const held = await takeJob()
    const frames = await framesOf(held, ['a\n', 'b\n', 'c\n'])
    const bundle = {
      finish: finishOf({ lastSeq: 3, lastEvent: 5 }),
      events: json({ v: 1, events: story }),
      frames,
      log: await packed(held, 'a\nb\nc\n', 3),
    }
    const [end] = await Promise.all([
      send(held, bundle),
      runner.send('/runner/v1/frames', await framesOf(held, ['a\n', 'b\n'])),
      runner.events(held, story.slice(0, 4)),
    ])
    assert.equal(end.status, 200)
    const attempt = await find(held)
    assert.deepEqual([attempt.last_seq, attempt.notes, attempt.steps.length], [3, ['said'], 2])
    assert.equal((await rowsOf(held)).frames, 3)
  }
})

test('a lease that is lost, or another runner’s, brings nothing in', async () => {
  const held = await takeJob()
  const bundle = {
    finish: finishOf({ lastSeq: 1 }),
    frames: await framesOf(held, ['a\n']),
    log: await packed(held, 'a\n', 1),
  }
  assert.equal((await send(held, bundle, stranger)).status, 409)
  await sql`update attempts set lease_id = ${parts.newId('lease')} where id = ${held.attempt}`.execute(
    parts.db,
  )
  assert.equal((await send(held, bundle)).status, 409)
  assert.deepEqual(await rowsOf(held), { frames: 0, objects: 0, key: false })
})

test('a bundle cut anywhere changes nothing', async () => {
  const held = await takeJob()
  const body = encodeFinishBundle({
    ...nothing,
    finish: finishOf({ lastSeq: 1, lastEvent: 5 }),
    events: json({ v: 1, events: story }),
    frames: await framesOf(held, ['a\n']),
    log: await packed(held, 'a\n', 1),
  })
  const path = `/runner/v1/leases/${held.lease}/finish`
  for (let length = 0; length < body.length; length += 29)
    assert.equal((await runner.send(path, body.subarray(0, length))).status, 400, `cut at ${length}`)
  const attempt = await find(held)
  assert.deepEqual([attempt.status, attempt.last_seq, attempt.steps.length], ['running', 0, 0])
  assert.equal((await runner.send(path, body)).status, 200)
})

const series: UsageSeries = {
  ...{
    startMs: now,
    ms: [1000],
    cpuMilli: [500],
    memoryKiB: [1024],
    diskKiB: [0],
    upBytes: [1],
    downBytes: [2],
  },
  limits: { cpuMilli: 2000, memoryKiB: 4096, diskKiB: 4096 },
  smaller: { name: 'small', cpuMilli: 1000, memoryKiB: 2048, diskKiB: 2048 },
}
const usageOf = async (held: Held) => (await parts.runs.findUsage(parts.scope, held.attempt))!

test('what is used over time comes with beats of a lease that is watched, and with the end', async () => {
  const held = await takeJob()
  assert.deepEqual(await usageOf(held), { series: null, peak: null, verdict: null })
  await stranger.beat([held], undefined, { [held.lease]: series })
  assert.equal((await usageOf(held)).series, null, 'a lease of another runner')
  await runner.beat([], undefined, { [held.lease]: series })
  assert.equal((await usageOf(held)).series, null, 'a lease that was not renewed')
  await runner.beat([held], undefined, { [held.lease]: { ...series, memoryKiB: [7] } })
  assert.deepEqual((await usageOf(held)).series?.memory_kib, [7])
  const usage = {
    ...{ peakMemory: 2048, cpuSeconds: 0.5, peakRamdisk: 1024, peakPids: 3, oomKills: 0 },
    ...{ egressUp: 1, egressDown: 2, throttledMs: 4 },
  }
  const events: AttemptEvent[] = [{ seq: 1, atMs: now, kind: 'usage', usage, series }]
  const bundle = { finish: finishOf({ lastEvent: 1 }), events: json({ v: 1, events }) }
  assert.equal((await send(held, bundle)).status, 200)
  assert.deepEqual(await usageOf(held), {
    series: {
      ...{
        started_at: (await find(held)).started_at ?? '',
        duration_ms: [1000],
        cpu_milli: [500],
        memory_kib: [1024],
      },
      ...{ disk_kib: [0], sent_bytes: [1], received_bytes: [2] },
      limits: { cpu_milli: 2000, memory_kib: 4096, disk_kib: 4096 },
    },
    peak: {
      ...{ memory_kib: 2, disk_kib: 1, processes: 3, cpu_ms: 500, throttled_ms: 4, oom_kills: 0 },
      ...{ sent_bytes: 1, received_bytes: 2 },
    },
    verdict: {
      ...{ word: 'smaller', smaller: 'small', memory_percent: 25, disk_percent: 0, cpu_percent: 25 },
    },
  })
  await runner.beat([held], undefined, { [held.lease]: { ...series, memoryKiB: [9] } })
  assert.deepEqual((await usageOf(held)).series?.memory_kib, [1024], 'what was told with the end stays')
})

test('what was reached and used is kept, told alone or with the end, up to the bound', async () => {
  const held = await takeJob()
  const record: EgressRecord = {
    ...({ at: '2026-01-01T00:00:00Z', cell: 'job', proto: 'dns', ip: null, port: 53 } as const),
    ...({ host: 'a"b\\{c},\u0000', verdict: 'denied', why: 'rule', up: 1, down: 2, ms: 3 } as const),
  }
  const usage = {
    peakMemory: 1,
    cpuSeconds: 0.5,
    peakRamdisk: 2,
    peakPids: 3,
    oomKills: 0,
    egressUp: 1,
    egressDown: 2,
  }
  const egress = (seq: number): AttemptEvent => ({
    seq,
    atMs: now,
    kind: 'egress',
    records: [record, record],
  })
  await runner.events(held, [
    egress(1),
    { ...{ seq: 2, atMs: now, kind: 'usage' }, usage: { ...usage, throttledMs: 0 } },
  ])
  const { egressRowsPerAttemptMax } = limits
  const many = Array.from({ length: egressRowsPerAttemptMax }, (_, i) => egress(i + 3))
  const bundle = { finish: finishOf({ lastEvent: many.length + 2 }), events: json({ v: 1, events: many }) }
  assert.equal((await send(held, bundle)).status, 200)
  const { rows } = await sql<{ seq: number; records: unknown[] }>`
    select seq, records from egress_records where attempt_id = ${held.attempt} order by seq`.execute(parts.db)
  assert.equal(rows.length, egressRowsPerAttemptMax)
  assert.deepEqual([rows[0]?.seq, rows.at(-1)?.seq], [1, egressRowsPerAttemptMax + 1])
  assert.deepEqual(rows[1]?.records[0], { ...record, host: 'a"b\\{c},\u2400' })
  const found = await sql<{ usage: { cpuSeconds: number } }>`
    select usage from attempts where id = ${held.attempt}`.execute(parts.db)
  assert.equal(found.rows[0]?.usage.cpuSeconds, 0.5)
})

test('jobs of one run that end at the same moment end once each, in whatever order', async () => {
  await parts.runs.startRun(parts.actor, { project, ref: 'main' })
  const [plan] = await runner.take()
  const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  const last = { key: 'last', needs: keys.map((job) => ({ job, on: ['passed' as const] })) }
  await runner.finishPlan(plan!, [...keys.map((key) => ({ key })), last])
  const held = await runner.take({ free: { small: keys.length } }, keys.length)
  assert.equal(held.length, keys.length)
  const body = encodeFinishBundle({ ...nothing, finish: finishOf() })
  const answers = await Promise.all(
    held.map(({ lease }) => runner.send(`/runner/v1/leases/${lease}/finish`, body)),
  )
  assert.deepEqual(
    answers.map(({ status }) => status),
    keys.map(() => 200),
  )
  const [next] = await runner.take()
  assert.ok(
    next?.spec.kind === 'job' && next.spec.job.key === 'last',
    'what needs all of them is queued, once',
  )
  await runner.finish(next)
  const run = await parts.runs.findRun(parts.scope, next.spec.run.id)
  assert.deepEqual(
    run!.jobs.map(({ status, attempts }) => [status, attempts.length]),
    [['passed', 1], ...keys.map(() => ['passed', 1]), ['passed', 1]],
  )
})

test('nothing of an end stays when the attempt or the run was changed since the look, and all of it otherwise', async () => {
  const held = await takeJob()
  const row = await sql<{ run: RunId; job: JobId; rev: number }>`
    select a.run_id as run, a.job_id as job, r.rev from attempts a join runs r on r.id = a.run_id where a.id = ${held.attempt}`.execute(
    parts.db,
  )
  const { run, job, rev } = row.rows[0]!
  const look = loadedSql({ run: sql`${run}::text`, job: sql`${job}::text` })
  const { rows } = await sql<{
    loaded: LoadedJson
  }>`with ${look.parts} select ${look.loaded} as loaded`.execute(parts.db)
  const before = loadedFrom(rows[0]!.loaded)
  const write = (where: string) =>
    inOneStatement(parts.db, (tx) =>
      changeUnlocked(
        tx,
        before,
        { kind: 'finished', job, number: 1, outcome: 'failed' },
        {
          newId: parts.newId,
          headline: () => 'why',
          told: {
            parts: (also) =>
              sql`told as (update attempts set phase = null${also.set} where id = ${held.attempt}
                and phase is not distinct from ${where} and ${also.where} returning id, started_at)`,
          },
        },
      ),
    )
  const shown = async () => {
    const { status, headline, jobs } = (await parts.runs.findRun(parts.scope, run))!
    return [status, headline, jobs[1]?.status, jobs[1]?.attempts.map((attempt) => attempt.status)]
  }
  await sql`update attempts set phase = 'running' where id = ${held.attempt}`.execute(parts.db)
  assert.equal(await write('cleanup'), false)
  assert.deepEqual(await shown(), ['running', null, 'running', ['running']])
  await sql`update runs set rev = rev + 1 where id = ${run}`.execute(parts.db)
  assert.equal(await write('running'), false, 'somebody changed the run')
  await sql`update runs set rev = ${rev} where id = ${run}`.execute(parts.db)
  assert.equal(await write('running'), true)
  assert.deepEqual(await shown(), ['failed', 'why', 'failed', ['failed']])
})
