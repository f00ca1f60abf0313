// Reading the configuration at a commit without fetching it: with the script itself as a plain process instead of a cell,
// and with answers that no honest Git gives.
import assert from 'node:assert/strict'
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gitAsPerson } from '../../../test/support/person-git.ts'
import { openCommit } from '../../protocol/runner-wire.ts'
import { spawn } from '../../sys/index.ts'
import { commitWords, type ReadCommit } from './fetched.ts'
import { readScript } from './git-scripts.ts'
import { createInbox } from './inbox.ts'
import { readConfiguration } from './read-configuration.ts'
import { converse } from './source-readers.ts'

let root = ''
let source = ''
let bare = ''
const commits: string[] = []

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'mayfly-read-'))
  source = join(root, 'source')
  bare = join(root, 'bare.git')
  await mkdir(join(source, '.circleci/orbs/deep'), { recursive: true })
  gitAsPerson(source, 'init', '--quiet')
  await writeFile(join(source, '.circleci/süd.yml'), 'south\n')
  await writeFile(join(source, '.circleci/orbs/deep/a.yml'), 'a\n')
  await symlink('config.yml', join(source, '.circleci/link.yml'))
  await writeFile(join(source, '.circleci/control\n.yml'), 'no file of ours\n')
  for (const text of ['one', 'two']) {
    await writeFile(join(source, '.circleci/config.yml'), `version: 2.1 # ${text}\n`)
    gitAsPerson(source, 'add', '--all')
    gitAsPerson(source, 'commit', '--quiet', '--message', `Write ${text}\n\nBody.`)
    commits.push(gitAsPerson(source, 'rev-parse', 'HEAD'))
  }
  gitAsPerson(source, 'tag', '--annotate', '--message', 'Tagged', 'v1', commits[0] ?? '')
  gitAsPerson(root, 'clone', '--quiet', '--bare', source, bare)
})
after(() => rm(root, { recursive: true, force: true }))

const read = async (from: string, ref: string, commit: string): Promise<ReadCommit | null> => {
  const env = { HOME: await mkdtemp(join(root, 'cell-')), PATH: process.env.PATH ?? '', MF_URL: from }
  const child = spawn('/bin/sh', ['-c', readScript], { env, stdio: ['pipe', 'pipe', 'ignore'] })
  const inbox = createInbox(1024 * 1024)
  child.stdout?.pipe(inbox.stream, { end: false })
  child.once('close', inbox.end)
  const timer = setTimeout(inbox.end, 20_000)
  const found = await converse({ ref, commit }, (line) => void child.stdin?.write(`${line}\n`), inbox)
  clearTimeout(timer)
  child.stdin?.on('error', () => undefined).end()
  return found
}

const textsOf = (found: ReadCommit | null) =>
  [...(found?.files ?? [])].map(([path, bytes]) => [path, Buffer.from(bytes).toString()])

test('files of the directory and below it at one commit, of a bare repository and of a work tree', async () => {
  for (const from of [bare, source]) {
    const found = await read(from, 'refs/heads/main', commits[0] ?? '')
    assert.deepEqual(textsOf(found), [
      ['.circleci/config.yml', 'version: 2.1 # one\n'],
      ['.circleci/orbs/deep/a.yml', 'a\n'],
      ['.circleci/süd.yml', 'south\n'],
    ])
    const { subject, author, authoredAt } = found?.about ?? {}
    assert.deepEqual([found?.commit, subject, author], [commits[0], 'Write one', 'Ada <ada@example.invalid>'])
    assert.equal(authoredAt, new Date(1790000000_000).toISOString())
  }
})

test('without a commit the tip of the ref counts, a tag as the commit it points at', async () => {
  assert.equal((await read(bare, 'refs/heads/main', openCommit))?.commit, commits[1])
  assert.equal((await read(bare, 'refs/tags/v1', openCommit))?.commit, commits[0])
  assert.equal(await read(bare, 'refs/heads/none', openCommit), null)
  assert.equal(await read(bare, 'heads/main', openCommit), null, 'no other ref that ends like this')
  assert.equal(await read(bare, 'refs/heads/main\ntip x', openCommit), null)
})

test('the configuration is read first: any number of files before it does not hide it', async () => {
  const many = join(root, 'many')
  await mkdir(join(many, '.circleci/bin'), { recursive: true })
  gitAsPerson(many, 'init', '--quiet')
  for (let at = 0; at < 70; at++) await writeFile(join(many, '.circleci/bin', String(at)), `${at}\n`)
  await writeFile(join(many, '.circleci/bin/config.yml'), 'another\n')
  await writeFile(join(many, '.circleci/config.yml'), 'version: 2.1\n')
  gitAsPerson(many, 'add', '--all')
  gitAsPerson(many, 'commit', '--quiet', '--message', 'Begin')
  const texts = textsOf(await read(many, 'refs/heads/main', gitAsPerson(many, 'rev-parse', 'HEAD')))
  assert.deepEqual(texts.slice(0, 2), [
    ['.circleci/config.yml', 'version: 2.1\n'],
    ['.circleci/bin/0', '0\n'],
  ])
  assert.equal(new Set(texts.map(([path]) => path)).size, 64)
})

test('what is not there, or is not what its name says, is not read', async () => {
  assert.equal(await read(bare, 'refs/heads/main', '1'.repeat(40)), null)
  assert.equal(await read(join(root, 'nowhere'), 'refs/heads/main', commits[0] ?? ''), null)
  const [config, other] = await Promise.all(
    ['.circleci/config.yml', '.circleci/süd.yml'].map((path) =>
      gitAsPerson(source, 'rev-parse', `HEAD:${path}`),
    ),
  )
  const fileOf = (id = '') => join(source, '.git/objects', id.slice(0, 2), id.slice(2))
  await chmod(fileOf(config), 0o644)
  await copyFile(fileOf(other), fileOf(config))
  assert.equal(await read(source, 'refs/heads/main', commits[1] ?? ''), null)
})

const id = (digit: string) => digit.repeat(40)
const entry = (mode: string, name: string, of: string) =>
  Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(of, 'hex')])

/** Answers what it was asked for from `objects`, whatever they are. */
const lying = async (
  objects: Readonly<Record<string, readonly [type: string, content: Buffer | string]>>,
) => {
  const inbox = createInbox(64 * 1024)
  const asked: string[] = []
  const found = await readConfiguration(
    id('c'),
    (name) => {
      asked.push(name)
      const [type, content] = objects[name.slice(0, 40)] ?? []
      if (type === undefined || content === undefined) inbox.end()
      else
        inbox.stream.write(
          Buffer.concat([
            Buffer.from(`${name.slice(0, 40)} ${type} ${content.length}\n`),
            Buffer.from(content),
            Buffer.from('\n'),
          ]),
        )
    },
    inbox,
  )
  return { found, asked }
}

test('hostile answers are bounded: trees without end, wrong types, lengths that never come', async () => {
  const commit = ['commit', `tree ${id('a')}\nauthor A <a> 1 +0000\n\nx\n`] as const
  const top = ['tree', entry('40000', '.circleci', id('b'))] as const
  const endless = await lying({
    [id('c')]: commit,
    [id('a')]: top,
    [id('b')]: ['tree', entry('40000', 'x', id('b'))],
  })
  assert.equal(endless.found, null)
  assert.ok(endless.asked.length < 30)
  const wrong = await lying({ [id('c')]: commit, [id('a')]: top, [id('b')]: ['blob', 'x'] })
  assert.equal(wrong.found, null)
  const none = await lying({ [id('c')]: commit, [id('a')]: ['tree', entry('100644', 'README', id('d'))] })
  assert.deepEqual([...(none.found?.files ?? [1])], [])
  const cut = await lying({
    [id('c')]: commit,
    [id('a')]: ['tree', entry('40000', '.circleci', id('b')).subarray(0, 20)],
  })
  assert.equal(cut.found?.files.size, 0)
  const many = Buffer.concat(Array.from({ length: 100 }, (_, i) => entry('100644', `f${i}`, id('d'))))
  const hundred = await lying({
    [id('c')]: commit,
    [id('a')]: top,
    [id('b')]: ['tree', many],
    [id('d')]: ['blob', 'x'],
  })
  assert.equal(hundred.found?.files.size, 64)
  const last = await lying({
    [id('c')]: commit,
    [id('a')]: top,
    [id('b')]: ['tree', Buffer.concat([many, entry('100644', 'config.yml', id('e'))])],
    [id('d')]: ['blob', 'x'],
    [id('e')]: ['blob', 'the configuration'],
  })
  assert.equal(last.found?.files.get('.circleci/config.yml')?.toString(), 'the configuration')
  assert.equal(last.found?.files.size, 64)
  const large = await lying({ [id('c')]: commit, [id('a')]: ['tree', Buffer.alloc(100_000)] })
  assert.equal(large.found, null)
})

test('the words of a commit: its first line, what is below, and no half of a character', () => {
  const words = (message: string) =>
    commitWords(Buffer.from(`tree 1\nauthor Ada <a@b> 1 +0000\n\n${message}`))
  const { subject, body, author } = words('Fix it\n\nBecause of\nthat.\n')
  assert.deepEqual([subject, body, author], ['Fix it', 'Because of\nthat.', 'Ada <a@b>'])
  assert.equal(words('Fix it\n').body, '')
  assert.equal(words('').subject, '')
  const cut = words(`${'x'.repeat(499)}\u{1F41D}`).subject
  assert.deepEqual([cut.length, cut.isWellFormed()], [499, true])
})
