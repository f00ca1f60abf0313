// Where artifacts of `mayfly run` end up: below the directory that was named, whatever jobs, files and links are called.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import type { ArtifactEntry } from '../../protocol/stored-wire.ts'
import { writeArtifactFiles } from './artifact-files.ts'

const root = mkdtempSync(join(tmpdir(), 'mayfly-artifacts-'))
after(() => rmSync(root, { recursive: true }))

/** Stores one file with the text `x`, as the job `job`. */
const store = async (directory: string, job: string, path: string): Promise<void> => {
  const bytes = zstdCompressSync('x')
  const packed = join(root, 'packed')
  await writeFile(packed, bytes)
  // SAFE: of an entry only its name and place are read.
  const entry = { path, offset: 0, length: bytes.length } as ArtifactEntry
  await writeArtifactFiles({ directory, job }, packed, [entry])
}

test('a job has one directory, and none that lies elsewhere', async () => {
  const directory = join(root, 'a/b/kept')
  await store(directory, '../../up', 'deep/file')
  assert.equal(readFileSync(join(directory, '.._.._up/deep/file'), 'utf8'), 'x')
  await assert.rejects(store(directory, '..', 'file'), { code: 'E_ARCHIVE', public: /"file" is not written/ })
  await assert.rejects(store(directory, 'job', '../file'), { code: 'E_ARCHIVE' })
  assert.deepEqual(readdirSync(join(root, 'a/b')), ['kept'])
})

test('no link is followed that came with the directory', async () => {
  const [directory, outside] = [join(root, 'links'), join(root, 'outside')]
  for (const each of [join(directory, 'job'), outside]) mkdirSync(each, { recursive: true })
  symlinkSync(outside, join(directory, 'other'))
  symlinkSync(join(outside, 'made'), join(directory, 'job/file'))
  await assert.rejects(store(directory, 'other', 'file'), { code: 'E_ARCHIVE', public: /no directory$/ })
  await assert.rejects(store(directory, 'job', 'file'), { code: 'E_ARCHIVE', public: /ELOOP/ })
  assert.deepEqual(readdirSync(outside), [])
})

test('what cannot be written is told in words, and is written over what was there', async () => {
  const directory = join(root, 'again')
  await store(directory, 'job', 'd/f')
  await store(directory, 'job', 'd/f')
  await assert.rejects(store(directory, 'job', 'd'), { code: 'E_ARCHIVE', public: /EISDIR/ })
  await assert.rejects(store(directory, 'job', 'd/f/g'), { code: 'E_ARCHIVE', public: /no directory$/ })
  await assert.rejects(store('/dev/null/none', 'job', 'f'), { code: 'E_ARCHIVE', public: /null/ })
  assert.ok(existsSync(join(directory, 'job/d/f')))
})
