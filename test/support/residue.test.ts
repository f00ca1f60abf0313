// The search for secrets in files too large to be read whole: what it finds is there, whatever bytes a secret is made of.
import assert from 'node:assert/strict'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { diskHolds } from './residue.ts'

describe('a large file', () => {
  const secret = Buffer.from('\nfirst\0the second part of it\nx', 'latin1')
  let place: string
  before(async () => {
    place = await mkdtemp(join(tmpdir(), 'mayfly-residue-'))
  })
  after(() => rm(place, { recursive: true, force: true }))

  const fileWith = async (bytes: Buffer): Promise<string> => {
    const path = join(place, 'disk')
    await using file = await open(path, 'w')
    await file.truncate(20 * 1024 * 1024)
    await file.write(bytes, 0, bytes.length, 18 * 1024 * 1024)
    return path
  }

  test('has a secret with newlines and zero bytes in it', async () => {
    assert.equal(diskHolds(await fileWith(secret), [secret]), true)
  })

  test('that has only parts of it has it not', async () => {
    assert.equal(diskHolds(await fileWith(Buffer.from('\nx and the second part of it')), [secret]), false)
  })
})
