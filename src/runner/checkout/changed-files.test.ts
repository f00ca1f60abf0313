// Changed files as the reader of a repository finds them: what Git itself says of the same two commits, of histories made at
// random, and answers that no honest Git gives.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { gitAsPerson } from '../../../test/support/person-git.ts'
import { createRandom } from '../../../test/support/random.ts'
import type { ChangedFiles } from '../../protocol/changed-files.ts'
import { spawn } from '../../sys/index.ts'
import { findChangedFiles } from './changed-files.ts'
import { readScript } from './git-scripts.ts'
import { createInbox } from './inbox.ts'
import { askChanged, converse } from './source-readers.ts'

let root = ''
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'mayfly-changed-'))
})
after(() => rm(root, { recursive: true, force: true }))

const openRepository = async () => {
  const at = await mkdtemp(join(root, 'source-'))
  gitAsPerson(at, 'init', '--quiet')
  return {
    write: async (files: Readonly<Record<string, string | null>>): Promise<string> => {
      for (const [path, text] of Object.entries(files)) {
        await rm(join(at, path), { recursive: true, force: true })
        if (text === null) continue
        await mkdir(dirname(join(at, path)), { recursive: true })
        await (text.startsWith('-> ')
          ? symlink(text.slice(3), join(at, path))
          : writeFile(join(at, path), text))
      }
      gitAsPerson(at, 'add', '--all')
      gitAsPerson(at, 'commit', '--quiet', '--allow-empty', '--message', 'x')
      return gitAsPerson(at, 'rev-parse', 'HEAD')
    },
    /** Status and path, as Git has them. */
    difference: (base: string, commit: string): string[] => {
      const text = gitAsPerson(at, 'diff-tree', '-r', '-z', '--no-renames', '--name-status', base, commit)
      const words = text.split('\0')
      return words
        .flatMap((word, i) => (i % 2 === 0 && word !== '' ? [`${word} ${words[i + 1]}`] : []))
        .sort()
    },
    changed: async (commit: string, base: string | null): Promise<ChangedFiles | null> => {
      const env = { HOME: await mkdtemp(join(root, 'cell-')), PATH: process.env.PATH ?? '', MF_URL: at }
      const child = spawn('/bin/sh', ['-c', readScript], { env, stdio: ['pipe', 'pipe', 'ignore'] })
      const inbox = createInbox(16 * 1024 * 1024)
      child.stdout?.pipe(inbox.stream, { end: false })
      child.once('close', inbox.end)
      const say = (line: string) => void child.stdin?.write(`${line}\n`)
      assert.ok(await converse({ ref: 'refs/heads/main', commit }, say, inbox))
      const found = await askChanged(say, inbox, commit, base)
      child.stdin?.on('error', () => undefined).end()
      return found
    },
  }
}

const letters = { added: 'A', changed: 'M', removed: 'D' } as const
const said = (found: ChangedFiles | null) =>
  found?.files.map(({ path, change }) => `${letters[change]} ${path}`).sort()

test('files that came, went and changed, whatever they are called', async () => {
  const source = await openRepository()
  const first = await source.write({ 'a.txt': 'a', 'deep/er/b.txt': 'b', 'deep/c.txt': 'c', turns: 'a file' })
  const second = await source.write({
    ...{ 'a.txt': 'other', 'deep/er/b.txt': null, 'deep/new/\u202egnp\n"x".txt': 'd', 'süd.txt': 's' },
    ...{ turns: null, 'turns/into': 'a directory', link: '-> a.txt' },
  })
  const found = await source.changed(second, first)
  assert.deepEqual([found?.base, found?.of, found?.more], [first, 'push', false])
  assert.deepEqual(said(found), source.difference(first, second))
  assert.deepEqual(said(found)?.includes('A deep/new/\u202egnp\n"x".txt'), true)
  const ofCommit = await source.changed(second, null)
  assert.deepEqual([ofCommit?.of, ofCommit?.base, said(ofCommit)], ['commit', first, said(found)])
  const nothing = await source.changed(await source.write({}), null)
  assert.deepEqual([nothing?.files, nothing?.more], [[], false])
})

test('what Git says of histories made at random', async () => {
  const seed = 47
  const random = createRandom(seed)
  const source = await openRepository()
  const name = () => Array.from({ length: 1 + random(3) }, () => 'abc'[random(3)]).join('/')
  const commits = [await source.write({ start: 'x' })]
  for (let round = 0; round < 12; round++) {
    const names = Array.from({ length: 1 + random(5) }, () => `${name()}.${random(2)}`)
    const files = Object.fromEntries(names.map((each) => [each, random(3) === 0 ? null : String(random(4))]))
    commits.push(await source.write(files))
    const [commit, base] = [commits.at(-1) ?? '', commits[random(commits.length - 1)] ?? '']
    const found = await source.changed(commit, base)
    assert.deepEqual(said(found), source.difference(base, commit), `seed ${seed}, round ${round}`)
  }
})

test('too many are cut and said to be; what is not there is not known', async () => {
  const source = await openRepository()
  const first = await source.write({ a: 'a' })
  assert.equal(await source.changed(first, null), null, 'a first commit')
  assert.equal(await source.changed(first, 'e'.repeat(40)), null, 'a base that is gone')
  const many = Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`many/${i}`, 'x']))
  const second = await source.write(many)
  const found = await source.changed(second, first)
  assert.deepEqual([found?.files.length, found?.more], [200, true])
  const wide = Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`wide/${i}/f`, 'x']))
  const third = await source.write(wide)
  const half = await source.changed(third, second)
  assert.ok(half?.more && half.files.length > 0)
})

test('answers that make no sense tell nothing, and none is waited for without end', async () => {
  const commit = Buffer.from(`tree ${'a'.repeat(40)}\nparent ${'b'.repeat(40)}\n\n`)
  const tree = (id: string) =>
    Buffer.concat([Buffer.from(`40000 ${id[0]}\0`), Buffer.alloc(20, id.charCodeAt(0)), Buffer.alloc(1)])
  let asked = 0
  // Every directory holds another one, for ever.
  const endless = await findChangedFiles(
    async (id, type) => {
      asked++
      const content =
        type === 'commit' ? Buffer.from(`tree ${(id[0] === 'c' ? 'c' : 'd').repeat(40)}\n`) : nested(asked)
      return { id, content }
    },
    'c'.repeat(40),
    'd'.repeat(40),
  )
  assert.ok(endless === null || endless.more)
  assert.ok(asked < 500, String(asked))
  for (const content of [
    Buffer.from('100644 x'),
    Buffer.from('100644 x\0short'),
    tree('x'),
    Buffer.from('words'),
  ]) {
    const found = await findChangedFiles(
      async (id, type) => ({
        id,
        content:
          type === 'commit' ? (id[0] === 'c' ? commit : Buffer.from(`tree ${'f'.repeat(40)}\n`)) : content,
      }),
      'c'.repeat(40),
      null,
    )
    assert.equal(found, null)
  }
})

const nested = (n: number): Buffer => {
  const id = Buffer.alloc(20)
  id.writeUInt32BE(n)
  return Buffer.concat([Buffer.from('40000 d\0'), id])
}
