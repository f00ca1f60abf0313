import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isFault } from '../../base/faults.ts'
import { silentLog } from '../../base/log.ts'
import { objectsStayLock } from '../../protocol/objects-stay.ts'
import { randomBytes } from '../../sys/index.ts'
import { openPostgres } from '../postgres.ts'
import { withDatabase } from './database.ts'
import { afterwards } from './restore.ts'
import { namedIn } from './verify.ts'

const directory = await mkdtemp(join(tmpdir(), 'mf-bk-'))
await chmod(directory, 0o711)
const place = {
  ...{ dataDir: join(directory, 'd'), socketDir: join(directory, 's') },
  owner: process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : null,
}
const database = await openPostgres({ ...place, log: silentLog, randomBytes, fsync: false })
after(async () => {
  await database.close()
  await rm(directory, { recursive: true })
})

test('while a backup is made nobody removes objects: also not after it failed, until it is over', () =>
  withDatabase(place, async ({ ask, whileObjectsStay }) => {
    const mayRemove = async () => (await ask(`select pg_try_advisory_lock(${objectsStayLock})`))[0] === 't'
    // Two backups at once are no harm.
    const answer = await whileObjectsStay(() => whileObjectsStay(mayRemove))
    assert.equal(answer, false)
    assert.equal(await mayRemove(), true)
    const failing = whileObjectsStay(async () => {
      assert.equal(await mayRemove(), false)
      throw new Error('no room')
    })
    await assert.rejects(failing, /no room/)
    assert.equal(await mayRemove(), true)
  }))

test('a backup whose database went away is none', () =>
  withDatabase(place, async ({ ask, whileObjectsStay }) => {
    const left = whileObjectsStay(() =>
      ask(`select pg_terminate_backend(pid, 10000) from pg_locks where locktype = 'advisory'`),
    )
    await assert.rejects(
      left,
      (error) => isFault(error, 'E_DATABASE') && /make another one/.test(error.public),
    )
  }))

test('two backups at once do not take the password from each other', async () => {
  const [asked, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const slow = withDatabase(place, async ({ ask }) => {
    asked.resolve()
    await over.promise
    return ask('select 1')
  })
  await asked.promise
  await withDatabase(place, ({ ask }) => ask('select 1'))
  over.resolve()
  assert.deepEqual(await slow, ['1'])
})

test('a backup of the first version that made some is counted, and ended who was signed in, though tables are missing', () =>
  withDatabase(place, async ({ ask }) => {
    const migrations = fileURLToPath(new URL('../../../migrations', import.meta.url))
    const names = (await readdir(migrations)).sort()
    for (const name of names.slice(0, names.indexOf('0007_backups.sql') + 1))
      await ask(await readFile(join(migrations, name), 'utf8'))
    await ask("insert into organisations (id, name) values ('org_1', 'home')")
    await ask("insert into claims values (true, sha256('x'), now() + interval '1 hour')")
    assert.deepEqual(await namedIn(ask), { projects: 0, runs: 0, logs: [], objects: [] })
    await ask(afterwards('bak_1'))
    assert.deepEqual(await ask('select count(*) from claims'), ['0'])
    assert.deepEqual(await ask('select action, target from audit'), ['backup.restore|bak_1'])
  }))

test('what the database answers is whole, of an installation with very many logs too', () =>
  withDatabase(place, async ({ ask }) => {
    const keys = await ask("select 'log/att_' || lpad(n::text, 26, '0') from generate_series(1, 600000) n")
    assert.deepEqual([keys.length, keys.at(-1)], [600_000, `log/att_${'600000'.padStart(26, '0')}`])
  }))
