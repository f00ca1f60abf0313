// The vault's audit log by months: what is put aside stays whole for its time, and no line is lost at the turn.
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { auditLogsKept } from '../limits.ts'
import { openAuditLog } from './audit-log.ts'

const newLog = async (t: TestContext, at: string) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'mayfly-audit-'))
  t.after(() => rm(dataDir, { recursive: true, force: true }))
  const clock = { time: Date.parse(at), now: () => clock.time }
  const opened = { log: await openAuditLog({ dataDir, clock }) }
  t.after(() => opened.log.close())
  const add = (...words: string[]) =>
    Promise.all(
      words.map((word) =>
        opened.log.append(JSON.stringify({ at: new Date(clock.time).toISOString(), word })),
      ),
    )
  const read = async (name: string) =>
    (await readFile(join(dataDir, name), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).word)
  const restart = async () => {
    await opened.log.close()
    opened.log = await openAuditLog({ dataDir, clock })
  }
  return { dataDir, clock, add, read, restart, names: async () => (await readdir(dataDir)).sort() }
}

test('lines of a new month begin a new file, however many come at once; a restart changes nothing', async (t) => {
  const { add, read, clock, restart, names } = await newLog(t, '2026-11-30T23:59:59Z')
  await add('one', 'two')
  await restart()
  await add('three')
  clock.time += 1000
  await add('four', 'five')
  await restart()
  await add('six')
  assert.deepEqual(await names(), ['audit-2026-11.log', 'audit.log'])
  assert.deepEqual(await read('audit-2026-11.log'), ['one', 'two', 'three'])
  assert.deepEqual(await read('audit.log'), ['four', 'five', 'six'])
})

test('it does not grow for ever: the oldest goes when there are enough, and one each when a clock leaps there and back', async (t) => {
  const { add, clock, names } = await newLog(t, '2026-01-15T00:00:00Z')
  for (let month = 0; month < auditLogsKept + 3; month++) {
    clock.time = Date.UTC(2026, month, 15)
    await add('line')
  }
  const before = await names()
  assert.deepEqual([before.length, before[0]], [auditLogsKept + 1, 'audit-2026-03.log'])
  clock.time = Date.UTC(2050, 1)
  await add('leap')
  clock.time = Date.UTC(2026, auditLogsKept + 3, 1)
  await add('back')
  const left = await names()
  assert.deepEqual(left.slice(0, 2), before.slice(2, 4))
  assert.equal(left.at(-2), 'audit-2050-02.log')
})

test('a log of before, or one that a restore brought, is put aside whole beside those that are there', async (t) => {
  const { dataDir, restart, add, names, read, clock } = await newLog(t, '2026-11-02T00:00:00Z')
  await writeFile(join(dataDir, 'audit.log'), '{"at":"2026-10-02T00:00:00.000Z","word":"old"}\n')
  await writeFile(join(dataDir, 'audit-2026-10.log'), '{"word":"older"}\n')
  await restart()
  await add('new')
  assert.deepEqual(await names(), ['audit-2026-10-2.log', 'audit-2026-10.log', 'audit.log'])
  assert.deepEqual(await read('audit-2026-10-2.log'), ['old'])
  assert.deepEqual(await read('audit-2026-10.log'), ['older'])
  clock.time -= 10 * 86_400_000
  await add('of a clock that was set back')
  assert.deepEqual((await read('audit.log')).length, 2)
})
