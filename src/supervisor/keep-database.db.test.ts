import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { processesNaming } from '../../test/support/leftovers.ts'
import { silentLog } from '../base/log.ts'
import { randomBytes, spawn } from '../sys/index.ts'
import { keepDatabase } from './keep-database.ts'
import { findLayout } from './layout.ts'
import type { RosterWriter } from './roster.ts'

const nobody = { uid: 65_534, gid: 65_534 }
const directory = await mkdtemp(join(tmpdir(), 'mf-kd-'))
await chmod(directory, 0o711)
after(() => rm(directory, { recursive: true, force: true }))

/** An installation whose database somebody holds who does not end: as its crash recovery, nobody knows how long. */
const held = async (name: string) => {
  const data = join(directory, name)
  const layout = {
    ...findLayout({ data, environment: {}, isRoot: true, uid: 0 }),
    databaseSocketDir: join(data, 's'),
  }
  await mkdir(data, { mode: 0o711 })
  const cluster = join(data, 'pg', 'cluster')
  const holder = spawn('sh', ['-c', 'read -r _', 'holder', cluster], { stdio: ['pipe', 'ignore', 'ignore'] })
  const hold = () => writeFile(join(cluster, 'postmaster.pid'), `${holder.pid}\n`)
  const states: { name: string; pid: number | null }[] = []
  const roster: RosterWriter = {
    note: (part, { pid }) => void states.push({ name: part, pid }),
    written: async () => undefined,
  }
  const stop = new AbortController()
  const open = () =>
    keepDatabase({
      ...{ layout, log: silentLog, randomBytes, roster, signal: stop.signal },
      owner: process.getuid?.() === 0 ? nobody : null,
    })
  const servers = () => processesNaming([cluster]).filter(({ pid }) => pid !== holder.pid)
  return { open, hold, holder, states, stop, servers }
}

const within = async <T>(ms: number, work: Promise<T>): Promise<T> => {
  const timer = new AbortController()
  const late = sleep(ms, undefined, { signal: timer.signal }).then(() => assert.fail(`not within ${ms} ms`))
  late.catch(() => undefined)
  return Promise.race([work, late]).finally(() => timer.abort())
}

test('who stops it while it is being started again waits for no start, and none comes afterwards', {
  timeout: 60_000,
}, async (t) => {
  const { open, hold, holder, states, servers } = await held('again')
  t.after(() => holder.kill('SIGKILL'))
  const kept = await open()
  await hold()
  process.kill(states.at(-1)?.pid ?? 0, 'SIGKILL')
  while (states.at(-1)?.pid !== null) await sleep(10)
  await sleep(100)
  await within(5_000, kept.close())
  holder.kill('SIGKILL')
  for (let i = 0; i < 20; i++) {
    await sleep(50)
    assert.deepEqual(servers(), [])
  }
})

test('who gives up while it is started for the first time waits for no start either', {
  timeout: 60_000,
}, async (t) => {
  const { open, hold, holder, stop, servers } = await held('first')
  t.after(() => holder.kill('SIGKILL'))
  await (await open()).close()
  await hold()
  const opening = open()
  setTimeout(() => stop.abort(), 200)
  await within(5_000, assert.rejects(opening))
  assert.deepEqual(servers(), [])
})
