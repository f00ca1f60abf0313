import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { silentLog } from '../../base/log.ts'
import type { Roster } from '../../protocol/roster.ts'
import { judgeBackup } from './backups.ts'
import { check, orElse } from './checks.ts'
import { createClockWatch } from './clock-watch.ts'
import { judgeDisks, readDisks } from './disk.ts'
import { createHealth, forStrangers } from './health.ts'
import { judgeProcesses, readProcesses } from './processes.ts'
import { judgeQueue } from './queue.ts'
import { size, span } from './words.ts'

const now = Date.parse('2026-11-21T12:00:00.000Z')
const at = (msAgo: number) => new Date(now - msAgo).toISOString()

test('a question that fails is an answer, with what mends it', async () => {
  const broken = check('vault', () => Promise.reject(new Error('no')), 'mayfly restart')
  assert.deepEqual(await broken(), {
    ...{ name: 'vault', status: 'down', detail: 'does not answer', mend: 'mayfly restart' },
  })
  const thrower = () => {
    throw new Error('at once')
  }
  assert.equal(await orElse(thrower, 'else'), 'else')
})

test('a clock that jumps is told, in its direction, for an hour of uptime', () => {
  const time = { wall: now, uptime: 0 }
  const clock = { now: () => time.wall, monotonicMs: () => time.uptime }
  const watch = createClockWatch({ clock, log: silentLog })
  const pass = (ms: number, jumpMs = 0) => {
    time.uptime += ms
    time.wall += ms + jumpMs
    return watch.judge()
  }
  assert.equal(pass(5_000).status, 'ok')
  assert.equal(pass(5_000, 1_500).status, 'ok', 'what a time service mends in one step is no jump')
  const forward = pass(5_000, 3_600_000)
  assert.equal(forward.status, 'weak')
  assert.equal(watch.isSettled(), false)
  assert.match(forward.detail, /^jumped 1 h forward, to 2026-11-21T13:00:/)
  assert.equal(pass(59 * 60_000).status, 'weak')
  assert.equal(pass(2 * 60_000).status, 'ok')
  assert.equal(watch.isSettled(), true)
  assert.match(pass(5_000, -7_200_000).detail, /^jumped 2 h back/)
  watch.close()
})

test('a clock that was ahead when the server began counts for nothing until it had time to come back', () => {
  const time = { wall: now + 5 * 365 * 86_400_000, uptime: 9_000 }
  const watch = createClockWatch({
    clock: { now: () => time.wall, monotonicMs: () => time.uptime },
    log: silentLog,
  })
  const isSettledAfter = (ms: number, jumpMs = 0) => {
    time.uptime += ms
    time.wall += ms + jumpMs
    return watch.isSettled()
  }
  assert.equal(isSettledAfter(0), false)
  assert.equal(isSettledAfter(10 * 60_000), false, 'the first time that it is tidied up')
  assert.equal(isSettledAfter(40 * 60_000, -5 * 365 * 86_400_000), false)
  assert.equal(isSettledAfter(59 * 60_000), false, 'an hour after it was set right')
  assert.equal(isSettledAfter(2 * 60_000), true)
  watch.close()
})

test('disks: one entry per file system, scarce before full, and the command that finds what is large', async () => {
  const [disk, ...others] = await readDisks(['/', '/usr'])
  assert.ok(disk !== undefined && disk.free_bytes <= disk.total_bytes)
  assert.ok(others.every(({ path }) => path === '/usr'))
  const with_ = (free: number, total = 500 * 1024 ** 3) =>
    judgeDisks([{ path: '/srv', free_bytes: free, total_bytes: total }])
  assert.equal(with_(3 * 1024 ** 3).status, 'ok')
  assert.equal(with_(1024 ** 3).status, 'weak')
  assert.equal(with_(1024 ** 3, 2 * 1024 ** 3).status, 'ok', 'half of a small disk is enough')
  const full = with_(1024)
  assert.deepEqual([full.status, full.mend], ['down', 'make room: du -xh /srv | sort -h | tail'])
  assert.match(full.detail, /^full: 1\.0 KiB of 500\.0 GiB free at \/srv/)
})

test('a disk that nobody can look at is down, not fine', async () => {
  const clock = { now: () => now, monotonicMs: () => 0 }
  const clockWatch = createClockWatch({ clock, log: silentLog })
  const { components, healthy, disks } = await createHealth({
    ...{ version: '1', db: null as never, clock, clockWatch, rosterFile: null },
    vault: { health: async () => ({ sealed: false }) },
    runners: { list: async () => ({ items: [], next_cursor: null }) },
    backups: { last: async () => null },
    directories: ['/', '/nonexistent/objects'],
  }).look()
  clockWatch.close()
  const disk = components.find(({ name }) => name === 'disk')
  assert.deepEqual([disk?.status, disk?.mend], ['down', 'df -h / /nonexistent/objects'])
  assert.match(disk?.detail ?? '', /\/nonexistent\/objects$/)
  assert.deepEqual([healthy, disks], [false, []])
})

test('processes come from the roster: running, restless, away', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-roster-'))
  after(() => rm(directory, { recursive: true }))
  const path = join(directory, 'roster.json')
  const roster: Roster = {
    supervisor: { pid: process.pid, since: at(1000) },
    processes: [
      ...[{ name: 'server', pid: process.pid, state: 'running', restarts: 0, last_end: null } as const],
      ...[{ name: 'vault', pid: 1, state: 'running', restarts: 2, last_end: 'SIGKILL' } as const],
      ...[{ name: 'jailer', pid: null, state: 'starting', restarts: 0, last_end: 'exit code 70' } as const],
    ].map((row) => ({ ...row, since: at(60_000) })),
  }
  await writeFile(path, JSON.stringify(roster))
  const processes = await readProcesses(path, now)
  assert.deepEqual(
    processes.map(({ name, status }) => `${name} ${status}`),
    ['supervisor ok', 'server ok', 'vault weak', 'jailer down'],
  )
  assert.ok((processes[1]?.memory_bytes ?? 0) > 1_000_000)
  assert.equal(
    judgeProcesses(processes).detail,
    'jailer is started again, away for 1 min, ended last with exit code 70',
  )
  assert.match(judgeProcesses(processes).mend ?? '', /^mayfly down, then mayfly up --verbose/)
  assert.match(processes[2]?.detail ?? '', /started again 2 times, ended last with SIGKILL$/)
  await writeFile(path, '{"supervisor":')
  assert.deepEqual(await readProcesses(path, now), [])
  assert.deepEqual(await readProcesses(null, now), [])
})

test('a queue that does not move and a backup that is old or unproven are weak', () => {
  assert.equal(judgeQueue({ queued: 3, running: 1, oldest_queued_ms: 4_000 }).status, 'ok')
  assert.match(judgeQueue({ queued: 3, running: 1, oldest_queued_ms: 900_000 }).detail, /for 15 min$/)
  const backup = (madeAgo: number, verified: boolean) => ({
    ...{ id: 'bak_0', bytes: 1, made_at: at(madeAgo), verified_at: verified ? at(0) : null },
  })
  assert.equal(judgeBackup(null, now).mend, 'mayfly backup create --to DIRECTORY')
  assert.equal(judgeBackup(backup(3_600_000, true), now).status, 'ok')
  assert.match(judgeBackup(backup(3_600_000, false), now).detail, /never proven$/)
  assert.equal(judgeBackup(backup(9 * 86_400_000, true), now).status, 'weak')
})

test('strangers learn what is down, and nothing about it', () => {
  const told = forStrangers({
    ...{ version: '1', healthy: false, queue: null, backup: null },
    components: [
      { name: 'disk', status: 'weak', detail: '1 GiB at /srv', mend: 'x' },
      { name: 'database', status: 'down', detail: 'at /srv', mend: 'y' },
    ],
    processes: [],
    disks: [{ path: '/srv', free_bytes: 1, total_bytes: 2 }],
  })
  assert.deepEqual(told.components, [{ name: 'database', status: 'down', detail: '', mend: null }])
  assert.deepEqual(told.disks, [])
})

test('sizes and spans', () => {
  assert.deepEqual([0, 1023, 1536, 2 ** 40].map(size), ['0 B', '1023 B', '1.5 KiB', '1.0 TiB'])
  assert.deepEqual([999, 61_000, 7_200_000, 259_200_000].map(span), ['1 s', '1 min', '2 h', '3 days'])
})
