// What a runner may have bound: directories below those that the operator named, whatever it writes and whatever links lie there.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isFault } from '../../base/faults.ts'
import { resolveSource } from './sources.ts'

const place = realpathSync(mkdtempSync(join(tmpdir(), 'mf-sources-')))
after(() => rmSync(place, { recursive: true, force: true }))
const [root, beside] = [join(place, 'git'), join(place, 'git-of-others')]
for (const directory of [root, beside, join(root, 'team', 'app.git'), join(root, 'a\nb')])
  mkdirSync(directory, { recursive: true })
writeFileSync(join(root, 'file'), '')
for (const [from, to] of [
  ['inside', 'team'],
  ['out', '../git-of-others'],
  ['above', '..'],
  ['self', '.'],
  ['nowhere', 'gone'],
] as const)
  symlinkSync(to, join(root, from))
symlinkSync('git', join(place, 'linked'))

const refused = (path: string, number = 0) =>
  assert.throws(
    () => resolveSource([root], number, path),
    (error) => isFault(error, 'E_SOURCE_NOT_ALLOWED'),
    path,
  )

test('a directory below a root is what it really is, also by a link, and by a root that is one', () => {
  const app = join(root, 'team/app.git')
  assert.equal(resolveSource([root], 0, 'team/app.git'), app)
  assert.equal(resolveSource([root], 0, 'inside/app.git'), app)
  assert.equal(resolveSource(['/nonexistent', join(place, 'linked')], 1, 'team/app.git'), app)
})

test('nothing else is: no way out, no file, not the root itself, no root that nobody named', () => {
  for (const path of [
    '..',
    '../git-of-others',
    'team/../../git-of-others',
    'out',
    'above',
    'above/git-of-others',
  ])
    refused(path)
  for (const path of ['', '.', 'self', 'file', 'gone', 'nowhere', 'a\nb', 'team\0/app.git']) refused(path)
  refused('team/app.git', 1)
  refused('team/app.git', -1)
})
