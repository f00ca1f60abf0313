// What a backup reads of a vault that is changed meanwhile is of one moment.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { run, writeFileDurably } from '../../sys/index.ts'
import { ownMark } from '../left-behind.ts'
import { sweepVaultCopies, withVaultCopy } from './vault-copy.ts'

const newVault = async (t: TestContext) => {
  const root = await mkdtemp(join(tmpdir(), 'mayfly-vault-copy-'))
  t.after(() => rm(root, { recursive: true, force: true }))
  const directory = join(root, 'vault')
  for (const name of ['store/secret', 'values']) await mkdir(join(directory, name), { recursive: true })
  for (const name of ['audit.log', 'keyring']) await writeFile(join(directory, name), `${name}\n`)
  const change = async (secret: number, isActive: boolean) => {
    const value = join(directory, 'values', `${secret}.1`)
    if (isActive) await writeFile(value, 'value')
    await writeFileDurably(join(directory, 'store/secret', `${secret}.json`), JSON.stringify({ isActive }))
    if (!isActive) await rm(value, { force: true })
  }
  return { root, change, place: { directory, owner: null } }
}

/** As `backup create` reads it: those that a restore would find in use without a value. */
const readSlowly = async (parent: string, to: string) => {
  const states: boolean[] = []
  const records = join(parent, 'vault/store/secret')
  for (const name of await readdir(records)) {
    states[Number.parseInt(name, 10)] = JSON.parse(await readFile(join(records, name), 'utf8')).isActive
    await pause(1)
  }
  await run('cp', ['-a', join(parent, 'vault/values'), to], { timeoutMs: 10_000 })
  const values = new Set(await readdir(to))
  return states.flatMap((isActive, secret) => (isActive && !values.has(`${secret}.1`) ? [secret] : []))
}

test('secrets that are put and revoked while it is read are as they were: none is in use without its value', async (t) => {
  const { root, place, change } = await newVault(t)
  for (let secret = 0; secret < 60; secret++) await change(secret, secret % 2 === 0)
  const over = new AbortController()
  const changing = (async () => {
    for (let at = 0; !over.signal.aborted; at++) {
      await change(at % 60, at % 120 >= 60 === (at % 2 === 0))
      // People pause, too.
      if (at % 20 === 0) await pause(150)
    }
  })()
  const broken = await withVaultCopy(place, over.signal, (parent) => readSlowly(parent, join(root, 'read')))
  over.abort()
  await changing
  assert.deepEqual(broken, [])
})

test('it is there without the keyring while it is read, and gone afterwards; what a killed one left goes with the next', async (t) => {
  const { place, change } = await newVault(t)
  await change(1, true)
  const before = (await readdir(place.directory)).sort()
  const ended = ownMark().replace(/^\d+\.\d+/, '1.0')
  await mkdir(join(place.directory, `copy-${ended}/vault/values`), { recursive: true })
  await sweepVaultCopies(place)
  const { signal } = new AbortController()
  const seen = await withVaultCopy(place, signal, async (parent) => {
    assert.equal((await readdir(place.directory)).length, before.length + 1)
    return (await readdir(join(parent, 'vault'), { recursive: true })).sort()
  })
  assert.deepEqual(seen, [
    'audit.log',
    'store',
    'store/secret',
    'store/secret/1.json',
    'values',
    'values/1.1',
  ])
  await assert.rejects(
    withVaultCopy(place, signal, async () => assert.fail('no room')),
    /no room/,
  )
  assert.deepEqual((await readdir(place.directory)).sort(), before)
})
