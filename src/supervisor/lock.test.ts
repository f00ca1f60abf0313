import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { isFault } from '../base/faults.ts'
import { type ChildProcess, spawn } from '../sys/index.ts'
import { down } from './down.ts'
import { findLayout, type Layout } from './layout.ts'
import { findSupervisor, releaseLock, takeLock } from './lock.ts'

const root = await mkdtemp(join(tmpdir(), 'mayfly-lock-'))
after(() => rm(root, { recursive: true }))

const newLayout = async (): Promise<Layout> => {
  const run = join(await mkdtemp(join(root, 'l')), 'run')
  const layout = findLayout({ data: join(root, 'data'), environment: {}, isRoot: true, uid: 0 })
  return { ...layout, run, lock: join(run, 'supervisor.pid') }
}

const endAfter = (t: TestContext, child: ChildProcess): ChildProcess => {
  t.after(() => child.kill('SIGKILL'))
  return child
}

const program = `
  const { takeLock } = await import(process.argv[1])
  await takeLock(JSON.parse(process.argv[2])).then(() => console.log('taken'), (error) => console.log(error.public))
  setInterval(() => undefined, 1000)`

/** A process of its own that wants the lock; what it says of it. */
const startTaker = async (t: TestContext, layout: Layout): Promise<{ child: ChildProcess; said: string }> => {
  const words = ['--input-type=module', '-e', program, join(import.meta.dirname, 'lock.ts')]
  const child = endAfter(
    t,
    spawn(process.execPath, [...words, JSON.stringify(layout), 'up'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  )
  const signal = AbortSignal.timeout(10_000)
  const said = child.stdout === null ? '' : String((await once(child.stdout, 'data', { signal }))[0]).trim()
  return { child, said }
}

test('a process that got the number of a supervisor that is gone is none, and `down` leaves it alone', async (t) => {
  const layout = await newLayout()
  const { child, said } = await startTaker(t, layout)
  assert.equal(said, 'taken')
  assert.equal(await findSupervisor(layout), child.pid)
  child.kill('SIGKILL')
  await once(child, 'exit')
  assert.equal(await findSupervisor(layout), null)
  // Of a stranger with a word that ours has, too, as `docker compose up`.
  const stranger = endAfter(t, spawn('sh', ['-c', 'sleep 60', 'compose', 'up'], { stdio: 'ignore' }))
  const left = await readFile(layout.lock, 'utf8')
  await writeFile(layout.lock, left.replace(String(child.pid), String(stranger.pid)))
  assert.equal(await findSupervisor(layout), null)
  assert.equal(await down(layout), false)
  assert.deepEqual([stranger.exitCode, stranger.signalCode], [null, null])
  await takeLock(layout)
  assert.equal(await findSupervisor(layout), process.pid)
})

test('of those that come at once one gets the lock, and who did not get it does not release it', async (t) => {
  const layout = await newLayout()
  const takers = await Promise.all([0, 1, 2].map(() => startTaker(t, layout)))
  assert.equal(takers.filter(({ said }) => said === 'taken').length, 1)
  const holder = takers.find(({ said }) => said === 'taken')?.child.pid
  for (const { said } of takers.filter(({ said }) => said !== 'taken'))
    assert.match(said, new RegExp(`already runs \\(process ${holder}\\)`))
  await assert.rejects(takeLock(layout), (error) => isFault(error, 'E_ALREADY_RUNNING'))
  await releaseLock(layout)
  assert.equal(await findSupervisor(layout), holder)
})

test('the lock of a version before, a number alone, still names the supervisor that runs', async (t) => {
  const layout = await newLayout()
  const { child } = await startTaker(t, layout)
  await writeFile(layout.lock, `${child.pid}\n`)
  assert.equal(await findSupervisor(layout), child.pid)
  await writeFile(layout.lock, `${process.pid}\n`)
  assert.equal(await findSupervisor(layout), null, 'no word of its command line says that it is one')
})
