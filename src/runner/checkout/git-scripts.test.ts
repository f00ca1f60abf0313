// The scripts by themselves, with plain processes instead of cells: what they fetch is what they unpack.
import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { damageBytes, judgeParser } from '../../../test/support/hostile.ts'
import { gitAsPerson } from '../../../test/support/person-git.ts'
import { run } from '../../sys/index.ts'
import { parseChanges } from './changed-paths.ts'
import { explainFailure } from './explain.ts'
import { type FetchedCommit, parseFetched } from './fetched.ts'
import { changesScript, fetchScript, unpackScript } from './git-scripts.ts'

let root = ''
let source = ''
const commits: string[] = []

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'mayfly-git-'))
  source = join(root, 'source')
  await mkdir(join(source, '.circleci'), { recursive: true })
  gitAsPerson(source, 'init', '--quiet')
  for (const text of ['one', 'two']) {
    await writeFile(join(source, 'file.txt'), `${text}\n`)
    await writeFile(join(source, 'run.sh'), '#!/bin/sh\n')
    await chmod(join(source, 'run.sh'), 0o755)
    await writeFile(join(source, '.circleci/config.yml'), `version: 2.1 # ${text}\n`)
    gitAsPerson(source, 'add', '--all')
    gitAsPerson(source, 'commit', '--quiet', '--message', `Write ${text}\n\nBody.`)
    commits.push(gitAsPerson(source, 'rev-parse', 'HEAD'))
  }
})
after(() => rm(root, { recursive: true, force: true }))

const fetchIt = async (commit: string, depth = '1', ref = 'refs/heads/main') => {
  const home = await mkdtemp(join(root, 'cell-'))
  const env = {
    HOME: home,
    MF_PROTOCOL: 'file',
    MF_URL: source,
    MF_FILES_MAX: '64',
  }
  const input = `ref ${ref}\n${commit === '' ? '' : `commit ${commit}\n`}depth ${depth}\nend of-it\ngo\n`
  return run('/bin/sh', ['-c', fetchScript], { env, input, timeoutMs: 20_000 })
}

/** Without its last line. */
const answerOf = (stdout: Buffer): Buffer => {
  const last = 'end of-it\n'
  assert.equal(stdout.subarray(-last.length).toString(), last)
  return stdout.subarray(0, -last.length)
}

const fetched = async (commit: string, depth?: string): Promise<FetchedCommit> => {
  const done = await fetchIt(commit, depth)
  assert.equal(done.code, 0, done.stderr.toString())
  const parsed = parseFetched(answerOf(done.stdout))
  assert.ok(parsed)
  return parsed
}

const unpack = async (at: string, from: FetchedCommit, branch = 'main', keep = '') => {
  const env = {
    HOME: root,
    MF_AT: at,
    MF_URL: 'git@example.invalid:app.git',
    MF_COMMIT: from.commit,
    MF_BRANCH: branch,
    MF_KEEP: keep,
  }
  const own = branch === '' ? [`refs/tags/v1 ${from.commit}`] : [`refs/heads/${branch} ${from.commit}`]
  const lines = [
    ...from.refs.map(({ name, id }) => `${name} ${id}`),
    ...from.shallow.map((id) => `shallow ${id}`),
    ...own,
  ]
  const input = Buffer.concat([Buffer.from(`${lines.join('\n')}\n\n`), from.pack])
  return run('/bin/sh', ['-c', unpackScript], { env, input, timeoutMs: 20_000 })
}

test('one commit is fetched with its configuration, its words and nothing older', async () => {
  const commit = await fetched(commits[1]!)
  assert.equal(commit.commit, commits[1])
  assert.deepEqual(commit.shallow, [commits[1]])
  assert.deepEqual([...commit.files.keys()], ['.circleci/config.yml'])
  assert.equal(Buffer.from(commit.files.get('.circleci/config.yml')!).toString(), 'version: 2.1 # two\n')
  assert.deepEqual(commit.about, {
    subject: 'Write two',
    body: 'Body.',
    author: 'Ada <ada@example.invalid>',
    authoredAt: '2026-09-21T14:13:20.000Z',
  })
})

test('files beside the configuration whose names are no plain text are left out, not the commit', async () => {
  gitAsPerson(source, 'checkout', '--quiet', '-b', 'odd', commits[1]!)
  const names = ['a "note".txt', 'tab\there', '👩\u200d💻.md', Buffer.from('.circleci/caf\xe9', 'latin1')]
  for (const name of names)
    await writeFile(
      typeof name === 'string'
        ? join(source, '.circleci', name)
        : Buffer.concat([Buffer.from(`${source}/`), name]),
      'odd\n',
    )
  await writeFile(join(source, '.circleci/z.yml'), 'last: 1\n')
  gitAsPerson(source, 'add', '--all')
  gitAsPerson(source, 'commit', '--quiet', '--message', 'Odd names')
  const { files } = await fetched(gitAsPerson(source, 'rev-parse', 'HEAD'))
  gitAsPerson(source, 'checkout', '--quiet', 'main')
  gitAsPerson(source, 'branch', '--delete', '--force', 'odd')
  assert.deepEqual(
    [...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString()]),
    [
      ['.circleci/config.yml', 'version: 2.1 # two\n'],
      ['.circleci/z.yml', 'last: 1\n'],
    ],
  )
})

test('the configuration is read however many files lie before it', async () => {
  gitAsPerson(source, 'checkout', '--quiet', '-b', 'many', commits[1]!)
  await mkdir(join(source, '.circleci/bin'))
  for (let at = 0; at < 100; at++) await writeFile(join(source, `.circleci/bin/${at}.yml`), `${at}\n`)
  gitAsPerson(source, 'add', '--all')
  gitAsPerson(source, 'commit', '--quiet', '--message', 'Many files')
  const { files } = await fetched(gitAsPerson(source, 'rev-parse', 'HEAD'))
  gitAsPerson(source, 'checkout', '--quiet', 'main')
  gitAsPerson(source, 'branch', '--delete', '--force', 'many')
  assert.equal(Buffer.from(files.get('.circleci/config.yml') ?? []).toString(), 'version: 2.1 # two\n')
  assert.ok(files.size > 60 && files.size <= 65, `${files.size}`)
})

test('the tree is unpacked on its branch with a fresh configuration', async () => {
  const at = join(root, 'tree')
  const done = await unpack(at, await fetched(commits[1]!))
  assert.equal(done.code, 0, done.stderr.toString())
  assert.equal(await readFile(join(at, 'file.txt'), 'utf8'), 'two\n')
  assert.equal(gitAsPerson(at, 'status', '--porcelain', '--branch'), '## main')
  assert.equal(gitAsPerson(at, 'log', '--format=%s'), 'Write two')
  const config = await readFile(join(at, '.git/config'), 'utf8')
  assert.match(config, /url = git@example\.invalid:app\.git/)
  assert.doesNotMatch(config, /safe|ssh|helper/)
})

test('an older commit is found, full history is there when asked for', async () => {
  const at = join(root, 'full')
  const whole = await fetched(commits[1]!, '0')
  assert.deepEqual(whole.shallow, [])
  assert.equal((await unpack(at, whole, '')).code, 0)
  assert.equal(gitAsPerson(at, 'log', '--format=%s'), 'Write two\nWrite one')
  assert.equal(gitAsPerson(at, 'describe', '--tags'), 'v1')
  assert.equal((await fetched(commits[0]!)).about.subject, 'Write one')
})

test('a whole history has the branches and tags of the source, a part of one has none', async () => {
  gitAsPerson(source, 'branch', 'side/one', commits[0]!)
  gitAsPerson(source, 'tag', '--annotate', '--message', 'First', 'v0', commits[0]!)
  const whole = await fetched(commits[1]!, '0')
  const at = join(root, 'branches')
  assert.equal((await unpack(at, whole)).code, 0)
  assert.equal(gitAsPerson(at, 'describe', '--tags'), `v0-1-g${commits[1]!.slice(0, 7)}`)
  assert.equal(gitAsPerson(at, 'rev-parse', 'origin/side/one', 'v0^{commit}'), `${commits[0]}\n${commits[0]}`)
  assert.equal(
    gitAsPerson(at, 'diff', '--name-only', 'origin/side/one...HEAD'),
    '.circleci/config.yml\nfile.txt',
  )
  assert.deepEqual((await fetched(commits[1]!)).refs, [])
  gitAsPerson(source, 'branch', '--delete', '--force', 'side/one')
  gitAsPerson(source, 'tag', '--delete', 'v0')
})

test('the tree that is there can be kept: what differs from the commit shows as changed', async () => {
  const at = join(root, 'kept')
  await mkdir(at)
  await writeFile(join(at, 'file.txt'), 'mine\n')
  const done = await unpack(at, await fetched(commits[1]!), 'main', 'yes')
  assert.equal(done.code, 0, done.stderr.toString())
  assert.equal(await readFile(join(at, 'file.txt'), 'utf8'), 'mine\n')
  assert.deepEqual(gitAsPerson(at, 'status', '--porcelain').split(/\n ?/), [
    'D .circleci/config.yml',
    'M file.txt',
    'D run.sh',
  ])
})

test('an existing repository gets the new commit, another directory with files is refused', async () => {
  const at = join(root, 'twice')
  assert.equal((await unpack(at, await fetched(commits[0]!))).code, 0)
  assert.equal((await unpack(at, await fetched(commits[1]!))).code, 0)
  assert.equal(await readFile(join(at, 'file.txt'), 'utf8'), 'two\n')
  const full = join(root, 'occupied')
  await mkdir(full)
  await writeFile(join(full, 'mine'), '')
  const refused = await unpack(full, await fetched(commits[0]!))
  assert.equal(refused.code, 73)
  assert.match(refused.stderr.toString(), /not empty/)
})

test('a commit that is not there is named', async () => {
  const done = await fetchIt('f'.repeat(40))
  assert.equal(done.code, 66)
  assert.match(done.stderr.toString(), /does not have commit f{40}/)
})

test('an annotated tag in place of its commit is said, the commit is fetched', async () => {
  gitAsPerson(source, 'tag', '--annotate', '--message', 'Tagged', 'v3', commits[0]!)
  const tag = gitAsPerson(source, 'rev-parse', 'v3')
  const done = await fetchIt(tag, '1', 'refs/tags/v3')
  assert.equal(done.code, 66)
  assert.match(explainFailure(66, done.stderr.toString()).message, /names? the commit it points at/)
  for (const commit of [commits[0]!, '']) {
    const { code, stdout } = await fetchIt(commit, '1', 'refs/tags/v3')
    assert.equal(code, 0)
    assert.equal(parseFetched(answerOf(stdout))?.commit, commits[0])
  }
  gitAsPerson(source, 'tag', '--delete', 'v3')
})

test('cut or foreign bytes are no fetch', async () => {
  const stdout = answerOf((await fetchIt(commits[0]!)).stdout)
  for (const bytes of [
    stdout.subarray(0, -1),
    stdout.subarray(1),
    Buffer.concat([stdout, Buffer.from('x')]),
    Buffer.alloc(0),
  ])
    assert.equal(parseFetched(bytes), null)
  judgeParser(parseFetched, (random) => damageBytes(random, stdout), { count: 1_000 })
})

const changes = async (base: string, commit: string, onBase = 'parent') => {
  const home = await mkdtemp(join(root, 'cell-'))
  const env = { HOME: home, MF_PROTOCOL: 'file', MF_URL: source, MF_FILES_MAX: '64' }
  const input = `ref refs/heads/main\ncommit ${commit}\nbase ${base}\non-base ${onBase}\nend of-it\ngo\n`
  const done = await run('/bin/sh', ['-c', changesScript], { env, input, timeoutMs: 20_000 })
  assert.equal(done.code, 0, done.stderr.toString())
  return parseChanges(answerOf(done.stdout), base)
}

test('paths are those that differ from where the commit and its base parted', async () => {
  const [first = '', main = ''] = commits
  gitAsPerson(source, 'checkout', '--quiet', '-b', 'topic', first)
  await mkdir(join(source, 'a b'))
  await writeFile(join(source, 'a b/new "file"'), 'x')
  gitAsPerson(source, 'add', '--all')
  gitAsPerson(source, 'mv', 'run.sh', 'moved.sh')
  gitAsPerson(source, 'commit', '--quiet', '--message', 'topic')
  const topic = gitAsPerson(source, 'rev-parse', 'HEAD')
  gitAsPerson(source, 'tag', '--annotate', '--message', 't', 'v1', first)
  gitAsPerson(source, 'checkout', '--quiet', 'main')
  const own = ['a b/new "file"', 'moved.sh', 'run.sh']
  for (const base of ['main', 'origin/main', main, 'v1', 'main~1'])
    assert.deepEqual(await changes(base, topic), { ok: true, from: first, paths: own }, base)
  const last = ['.circleci/config.yml', 'file.txt']
  for (const base of ['main', '', 'HEAD'])
    assert.deepEqual(
      await changes(base, main),
      { ok: true, from: first, paths: last },
      `"${base}" is the commit`,
    )
  assert.deepEqual(await changes('main', main, 'nothing'), { ok: true, from: main, paths: [] })
  const all = await changes('v1', first)
  assert.ok(all.ok)
  assert.deepEqual(all.paths, ['.circleci/config.yml', 'file.txt', 'run.sh'], 'the first commit of all')
  for (const base of ['nowhere', 'f'.repeat(40), '--upload-pack=x', 'main~99', '*']) {
    const missing = await changes(base, topic)
    assert.ok(!missing.ok && missing.message.includes(base), base)
  }
})

test('an answer about paths is judged before it is believed', () => {
  const parse = (text: string) => parseChanges(Buffer.from(text), 'main')
  assert.deepEqual(parse(`${'a'.repeat(40)}\0`), { ok: true, from: 'a'.repeat(40), paths: [] })
  for (const text of ['', 'x\0', `${'a'.repeat(40)}\0cut`, 'missing'])
    assert.equal(parse(text).ok, false, text)
})
