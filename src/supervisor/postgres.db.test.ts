import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { silentLog } from '../base/log.ts'
import { randomBytes } from '../sys/index.ts'
import { openPostgres } from './postgres.ts'

const nobody = { uid: 65_534, gid: 65_534 }
const directory = await mkdtemp(join(tmpdir(), 'mf-pg-'))
await chmod(directory, 0o711)
after(() => rm(directory, { recursive: true }))
const options = {
  ...{ dataDir: join(directory, 'd'), socketDir: join(directory, 's'), log: silentLog, randomBytes },
  owner: process.getuid?.() === 0 ? nobody : null,
  fsync: false,
}

test('whoever starts while the one before is still going waits for it, and is not answered by it', async () => {
  const before = await openPostgres(options)
  let isGone = false
  void before.ended.then(() => {
    isGone = true
  })
  const opening = openPostgres(options)
  await sleep(200)
  assert.equal(isGone, false)
  await before.close()
  const next = await opening
  assert.ok(isGone)
  assert.notEqual(next.pid, before.pid)
  await next.close()
})
