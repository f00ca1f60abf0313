// What a restore refuses before it looks at a backup or makes anything.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { isFault } from '../../base/faults.ts'
import { processBegin, randomBytes, spawn, systemClock } from '../../sys/index.ts'
import { findLayout, type Layout } from '../layout.ts'
import { restoreBackup } from './restore.ts'

const newLayout = async (t: TestContext): Promise<Layout> => {
  const root = await mkdtemp(join(tmpdir(), 'mayfly-restore-'))
  t.after(() => rm(root, { recursive: true }))
  return findLayout({
    ...{ data: join(root, 'data'), isRoot: false, uid: 1 },
    environment: { HOME: root, XDG_RUNTIME_DIR: join(root, 'run') },
  })
}

const refused = async (layout: Layout): Promise<string> => {
  const { signal } = new AbortController()
  const deps = { layout, clock: systemClock, randomBytes, say: () => undefined, signal }
  const place = { directory: join(layout.data, '..', 'none'), rootKey: layout.rootKey }
  const error = await restoreBackup(deps, place).catch((error: unknown) => error)
  assert.ok(isFault(error))
  return error.code
}

test('nothing is restored beside a supervisor that runs, also when its data was moved away', async (t) => {
  const layout = await newLayout(t)
  assert.equal(await refused(layout), 'E_INPUT', 'there is no backup')
  const supervisor = spawn('sleep', ['60'])
  t.after(() => supervisor.kill('SIGKILL'))
  await mkdir(layout.run, { recursive: true })
  const pid = supervisor.pid ?? 0
  await writeFile(layout.lock, `${pid} ${processBegin(pid)}\n`)
  assert.equal(await refused(layout), 'E_ALREADY_RUNNING')
  assert.deepEqual(await readdir(dirname(layout.data)), ['run'], 'nothing was made')
})

test('nothing is restored over what is there, nor over what a restore left', async (t) => {
  const layout = await newLayout(t)
  await mkdir(join(layout.data, 'vault'), { recursive: true })
  assert.equal(await refused(layout), 'E_CONFLICT')
  await writeFile(join(layout.data, 'restoring'), 'bak_x\n')
  assert.equal(await refused(layout), 'E_MACHINE_NOT_READY')
})
