import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isFault } from '../base/faults.ts'
import { spawn, systemClock } from '../sys/index.ts'
import { findLayout } from './layout.ts'
import { restart } from './restart.ts'

const holder = `
  const { takeLock } = await import(process.argv[1])
  await takeLock(JSON.parse(process.argv[2]))
  console.log('taken')
  setInterval(() => undefined, 1000)`

test('who still prepares the machine is not ended by a restart', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'mayfly-restart-'))
  t.after(() => rm(root, { recursive: true }))
  const environment = { HOME: root, XDG_RUNTIME_DIR: join(root, 'run') }
  const layout = findLayout({ data: undefined, environment, isRoot: false, uid: 1 })
  const words = ['--input-type=module', '-e', holder, join(import.meta.dirname, 'lock.ts')]
  const child = spawn(process.execPath, [...words, JSON.stringify(layout)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  if (child.stdout !== null) await once(child.stdout, 'data', { signal: AbortSignal.timeout(10_000) })
  await assert.rejects(
    restart(layout, { say: () => assert.fail('nothing is stopped'), clock: systemClock }),
    (error) => isFault(error, 'E_UNREACHABLE') && /only being started/.test(error.public),
  )
  await sleep(100)
  assert.deepEqual([child.exitCode, child.signalCode], [null, null])
})
