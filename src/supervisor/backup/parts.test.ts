import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isFault } from '../../base/faults.ts'
import { backupKeys, checkManifest, type Manifest, signManifest } from './manifest.ts'
import { checkPart, openPart, sealPart } from './parts.ts'

const root = await mkdtemp(join(tmpdir(), 'mayfly-parts-'))
after(() => rm(root, { recursive: true, force: true }))
const keys = await backupKeys(new Uint8Array(32).fill(1), 'salt')
const shell = (script: string) => ({ file: '/bin/sh', args: ['-c', script] })
const part = (path: string, backup = 'b', signal = new AbortController().signal) =>
  ({ name: 'files', backup, path: join(root, path), keys, signal }) as const

test('what a program prints comes back whole: little and at once, much and slowly read', async () => {
  for (const [name, bytes] of [
    ['nothing', 0],
    ['little', 10],
    ['much', 3_000_000],
  ] as const) {
    const where = part(name)
    const made = await sealPart(where, shell(`head -c ${bytes} /dev/zero`))
    await checkPart(where.path, made)
    assert.equal((await openPart(where, shell('wc -c'))).trim(), String(bytes), name)
  }
})

test('what is broken off ends its program, on either side', async () => {
  const stop = new AbortController()
  const isBrokenOff = (error: unknown) => isFault(error, 'E_CHILD_FAILED') && /aborted/.test(error.public)
  const made = await sealPart(part('whole'), shell('head -c 1000000 /dev/zero'))
  await checkPart(part('whole').path, made)
  const both = [
    sealPart(part('endless', 'b', stop.signal), shell('echo begun; exec sleep 600')),
    openPart(part('whole', 'b', stop.signal), shell('exec sleep 600')),
  ]
  stop.abort()
  await Promise.all(both.map((each) => assert.rejects(each, isBrokenOff)))
})

test('a large part that is read slowly leaves nothing behind with each piece that waits', async () => {
  const warnings: Error[] = []
  const warned = (warning: Error) => warnings.push(warning)
  process.on('warning', warned)
  const where = part('large')
  await sealPart(where, shell('head -c 10000000 /dev/zero'))
  await openPart(where, shell('for part in $(seq 50); do head -c 200000 >/dev/null; sleep 0.01; done'))
  process.off('warning', warned)
  assert.deepEqual(warnings, [])
})

test('a program that fails on either side is said, with its words', async () => {
  const fails = (work: Promise<unknown>, words: RegExp) =>
    assert.rejects(work, (error) => isFault(error, 'E_CHILD_FAILED') && words.test(error.public))
  await fails(sealPart(part('a'), shell('echo no table >&2; exit 3')), /sh failed: exit code 3\nno table/)
  await fails(sealPart(part('b'), { file: '/nonexistent/program', args: [] }), /ENOENT/)
  await sealPart(part('c'), shell('head -c 3000000 /dev/zero'))
  await fails(openPart(part('c'), shell('head -c 5 >/dev/null; exit 4')), /exit code 4/)
})

test('a part of another backup, a cut or a changed one does not open', async () => {
  const where = part('d')
  const made = await sealPart(where, shell('head -c 200000 /dev/zero'))
  const tampered = (work: Promise<unknown>) =>
    assert.rejects(work, (error) => isFault(error, 'E_OBJECT_TAMPERED'))
  await tampered(openPart(part('d', 'another'), shell('cat')))
  const whole = await readFile(where.path)
  for (const damaged of [whole.subarray(0, 131_200), Buffer.concat([whole, Buffer.from('x')])]) {
    await writeFile(where.path, damaged)
    await tampered(checkPart(where.path, made))
    await tampered(openPart(where, shell('cat')))
  }
})

test('the manifest is believed under its own root key only, and unchanged', async () => {
  // SAFE: of the form of an id.
  const id = `bak_${'0'.repeat(26)}` as Manifest['id']
  const content = {
    ...({ format: 'mayfly-backup-1', id, installation: 'ab', version: '1', made_at: 'now' } as const),
    ...{ salt: 'salt', parts: [{ name: 'files', bytes: 1, sha256: '0'.repeat(64) } as const] },
  }
  const signed = signManifest(content, keys)
  checkManifest(signed, keys)
  const refused = async (changed: Manifest, by = keys) =>
    assert.throws(() => checkManifest(changed, by), { code: 'E_ROOT_KEY' })
  await refused({ ...signed, made_at: 'later' })
  await refused(signed, await backupKeys(new Uint8Array(32).fill(2), 'salt'))
  await refused(signed, await backupKeys(new Uint8Array(32).fill(1), 'other'))
})
