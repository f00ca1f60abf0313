// Which files `mayfly run` gives to jobs, where Git has something to say against it: real sandboxes. Needs root.
import assert from 'node:assert/strict'
import { chmod, chown, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runLocally } from '../../test/support/local-run.ts'
import { makeOrdinaryUser } from '../../test/support/ordinary-user.ts'
import { gitAsPerson } from '../../test/support/person-git.ts'

let home = ''
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'mayfly-run-tree-'))
})
after(() => rm(home, { recursive: true, force: true }))

const nobody = 65534
const program = join(import.meta.dirname, '../main/cli.ts')

/** A repository with a file that is ignored and one that is not. */
const treeOf = async (name: string, ...format: readonly string[]): Promise<string> => {
  const tree = join(home, name)
  await mkdir(join(tree, '.circleci'), { recursive: true })
  const job =
    '{docker: [{image: x}], steps: [checkout, {run: \'echo "> $(ls -A | tr "\\n" " ")"\'}, {run: \'echo "at $(git rev-parse HEAD)"\'}]}'
  const text = `version: 2.1\njobs: {a: ${job}}\nworkflows: {w: {jobs: [a]}}\n`
  await writeFile(join(tree, '.circleci/config.yml'), text)
  await writeFile(join(tree, '.gitignore'), '.env\n')
  await writeFile(join(tree, '.env'), 'KEY=value\n')
  gitAsPerson(tree, 'init', '--quiet', ...format)
  gitAsPerson(tree, 'add', '--all')
  gitAsPerson(tree, 'commit', '--quiet', '--message', 'Begin')
  return tree
}

const giveTo = async (uid: number, tree: string): Promise<void> => {
  const inside = await readdir(tree, { recursive: true })
  for (const path of [tree, ...inside.map((name) => join(tree, name))]) await chown(path, uid, uid)
}

const runIn = (cwd: string, environment: Readonly<Record<string, string>> = {}) =>
  runLocally({ home, cwd, environment }, ['run', '--network', 'none'])

test('with sudo, what the person ignores stays outside of jobs', async () => {
  const tree = await treeOf('of-somebody')
  await giveTo(nobody, tree)
  const { code, stdout, stderr } = runIn(tree, { SUDO_UID: String(nobody) })
  assert.equal(code, 0, stdout + stderr)
  assert.match(stdout, /^\[a\] > \.circleci \.git \.gitignore $/m)
})

test('nothing runs where Git does not open the repository of somebody else', async () => {
  const tree = await treeOf('of-another')
  await giveTo(nobody, tree)
  const { code, stdout, stderr } = runIn(tree)
  assert.equal(code, 2, stdout + stderr)
  assert.match(stderr, /Git does not say which files belong here: .*dubious ownership/)
  assert.doesNotMatch(stdout, /^\[a\] >/m)
})

test('a work tree whose files cannot be listed fails, instead of passing without them', async () => {
  const tree = await treeOf('damaged')
  await writeFile(join(tree, '.git/index'), 'no index')
  const { code, stdout, stderr } = runIn(tree)
  assert.equal(code, 1, stdout + stderr)
  assert.match(stdout, /✗ git ls-files failed: .*index file/)
  assert.doesNotMatch(stdout, /^\[a\] >/m)
})

test('a directory may be called by white space', async () => {
  const tree = await treeOf('white space \n')
  const { code, stdout, stderr } = runIn(tree)
  assert.equal(code, 0, stdout + stderr)
  assert.match(stdout, /^\[a\] > \.circleci \.git \.gitignore $/m)
})

test('without Git nobody says what is ignored', async () => {
  const tree = await treeOf('no-git')
  await mkdir(join(home, 'empty'))
  const { code, stderr } = runIn(tree, { PATH: join(home, 'empty') })
  assert.equal(code, 2, stderr)
  assert.match(stderr, /there is no program git on this machine/)
})

test('what lies in other repositories is not in the job, and that is said', async () => {
  const tree = await treeOf('around-others')
  const inner = await treeOf('around-others/inner')
  const other = await treeOf('around-others/other')
  gitAsPerson(tree, '-c', 'advice.addEmbeddedRepo=false', 'add', 'inner')
  gitAsPerson(tree, 'commit', '--quiet', '--message', 'Nest')
  assert.ok(inner !== other)
  const { code, stdout, stderr } = runIn(tree)
  assert.equal(code, 0, stdout + stderr)
  assert.match(stdout, /^\[a\] submodules are empty, .* `git submodule update --init`: inner$/m)
  assert.match(stdout, /^\[a\] what lies in other repositories stays outside: other\/$/m)
})

test('a file that cannot be read is not in the job, and that is said', async (t) => {
  const user = makeOrdinaryUser()
  t.after(user.remove)
  if (!user.canLoad(program)) return t.skip('this clone is closed to other users')
  const tree = await treeOf('closed')
  await writeFile(join(tree, 'open'), 'x')
  await giveTo(user.uid, tree)
  await writeFile(join(tree, 'mine'), 'x', { mode: 0o600 })
  await chmod(home, 0o755)
  const words = ['run', '--network', 'none']
  const { code, stdout, stderr } = user.run([process.execPath, program, ...words], { cwd: tree })
  assert.equal(code, 0, stdout + stderr)
  assert.match(stdout, /^\[a\] .*mine.*: Permission denied$/m)
  assert.match(stdout, /^\[a\] > \.circleci \.git \.gitignore open $/m)
})

test('a repository with the longer names of objects is one in the job, too', async () => {
  const tree = await treeOf('long-names', '--object-format=sha256')
  const { code, stdout, stderr } = runIn(tree)
  assert.equal(code, 0, stdout + stderr)
  assert.match(stdout, /^\[a\] > \.circleci \.git \.gitignore $/m)
  assert.match(stdout, new RegExp(`^\\[a\\] at ${gitAsPerson(tree, 'rev-parse', 'HEAD')}$`, 'm'))
})
