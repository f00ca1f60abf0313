import assert from 'node:assert/strict'
import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ensureDirectory } from './files.ts'

const root = await mkdtemp(join(tmpdir(), 'mayfly-files-'))
after(() => rm(root, { recursive: true }))

test('a directory is made with those it lies in, and one that is there is left as it is', async () => {
  const path = join(root, 'a/b/c')
  await ensureDirectory(path, 0o711)
  assert.deepEqual(
    [(await stat(path)).mode & 0o777, (await stat(join(root, 'a'))).mode & 0o777],
    [0o711, 0o711],
  )
  await ensureDirectory(path)
  await symlink(path, join(root, 'link'))
  await ensureDirectory(join(root, 'link'))
  assert.equal((await stat(path)).mode & 0o777, 0o711)
  await Promise.all(['x', 'y', 'x'].map((name) => ensureDirectory(join(root, 'at/once', name))))
})

test('where none can be made it says so, also where the system has no better word for it', async () => {
  await writeFile(join(root, 'file'), '')
  await symlink(join(root, 'nowhere'), join(root, 'dangling'))
  for (const [path, code] of [
    [join(root, 'file'), 'EEXIST'],
    [join(root, 'file/b'), 'ENOTDIR'],
    [join(root, 'dangling/b'), 'ENOENT'],
    ['/proc/mayfly', 'ENOENT'],
    ['/proc/mayfly/backups/one', 'ENOENT'],
  ] as const)
    await assert.rejects(ensureDirectory(path), { code })
})
