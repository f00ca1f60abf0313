import assert from 'node:assert/strict'
import {
  appendFile,
  chmod,
  link,
  mkdir,
  mkdtemp,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { needsRoot } from '../../test/support/jailer.ts'
import { isFault } from '../base/faults.ts'
import { silentLog } from '../base/log.ts'
import { randomBytes } from '../sys/index.ts'
import { openPostgres, withPassword } from './postgres.ts'

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

test('a database that does not start says why', async () => {
  const own = { ...options, dataDir: join(directory, 'why'), socketDir: join(directory, 'ws') }
  await (await openPostgres(own)).close()
  await appendFile(join(own.dataDir, 'cluster/postgresql.conf'), '\nno_such_setting = 1\n')
  await assert.rejects(openPostgres(own), (error) => {
    assert.ok(isFault(error, 'E_DATABASE'))
    assert.match(error.public, /^The database did not start\n[\s\S]*"no_such_setting"[\s\S]*FATAL:/)
    return true
  })
})

test('root neither writes nor reads through a link that the owner of the cluster put there', {
  skip: needsRoot,
}, async () => {
  const own = { ...options, dataDir: join(directory, 'own'), socketDir: join(directory, 'os') }
  const { dataDir } = own
  const secret = join(directory, 'secret')
  await writeFile(secret, 'of root', { mode: 0o600 })
  const asFound = async () => {
    const { uid, gid, mode } = await stat(secret)
    return [await readFile(secret, 'utf8'), uid, gid, mode & 0o777]
  }
  const before = await asFound()
  await mkdir(dataDir)
  // In place of the files that root makes there as it creates and starts a database.
  for (const name of ['password', 'pgpass']) await symlink(secret, join(dataDir, name))
  const database = await openPostgres(own)
  assert.deepEqual(await asFound(), before)
  const seen: string[] = []
  const withLink = async (put: (at: string) => Promise<void>) => {
    await rm(join(dataDir, 'password'))
    await put(join(dataDir, 'password'))
    const work = withPassword(own, async (passfile) => void seen.push(await readFile(passfile, 'utf8')))
    await assert.rejects(work)
  }
  await withLink((at) => symlink(secret, at))
  await withLink((at) => link(secret, at))
  assert.deepEqual([seen, await asFound()], [[], before])
  await database.close()
})

test('root removes nothing where the owner of the cluster may put links', { skip: needsRoot }, async () => {
  const own = { ...options, dataDir: join(directory, 'left'), socketDir: join(directory, 'ls') }
  // What the owner could not remove, and would have had root remove by a link that he put there while it was looking.
  const precious = join(own.dataDir, 'cluster.new', 'precious')
  await mkdir(precious, { recursive: true, mode: 0o700 })
  await writeFile(join(precious, 'file'), 'of root')
  await assert.rejects(openPostgres(own), /initdb/)
  assert.equal(await readFile(join(precious, 'file'), 'utf8'), 'of root')
})
