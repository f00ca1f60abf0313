// A repository that came from somewhere with a configuration of its own: who looks at it starts no program that it names.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gitAsPerson } from '../../../test/support/person-git.ts'
import { runCommand } from '../../../test/support/surroundings.ts'
import type { Surroundings } from '../surroundings.ts'
import { treeChanges } from './changes.ts'
import { findWorkTree } from './work-tree.ts'

let home = ''
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'mayfly-hostile-'))
})
after(() => rm(home, { recursive: true, force: true }))

const configuration = `version: 2.1
jobs: {build: {docker: [{image: x}], steps: [{run: make}]}}
workflows: {w: {jobs: [build]}}
`

/** With a program beside it, and whether that was started. */
const repository = async (name: string) => {
  const tree = join(home, name)
  const [program, mark] = [`${tree}.sh`, `${tree}.started`]
  await mkdir(join(tree, '.circleci'), { recursive: true })
  await writeFile(join(tree, '.circleci/config.yml'), configuration)
  await writeFile(join(tree, 'file'), 'content\n')
  await writeFile(program, `#!/bin/sh\necho "$0 $*" >>${mark}\n`)
  await chmod(program, 0o700)
  const git = (...words: readonly string[]) => gitAsPerson(tree, ...words)
  git('init', '--quiet')
  git('add', '--all')
  git('commit', '--quiet', '--message', 'Begin')
  return { tree, git, program, isStarted: () => existsSync(mark) }
}

const lint = async (cwd: string) => {
  const { code, stderr } = await runCommand(['lint'], { cwd })
  assert.equal(code, 0, stderr)
}

test('nobody checks the signature of its commit', async () => {
  const { tree, git, program, isStarted } = await repository('signed')
  const object = [
    `tree ${git('rev-parse', 'HEAD^{tree}')}`,
    'author A <a@example.invalid> 1790000000 +0000',
    'committer A <a@example.invalid> 1790000000 +0000',
    'gpgsig -----BEGIN PGP SIGNATURE-----',
    ' ',
    ' x',
    ' -----END PGP SIGNATURE-----',
    '',
    'Begin',
  ]
  await writeFile(join(home, 'commit'), `${object.join('\n')}\n`)
  git('update-ref', 'HEAD', git('hash-object', '-t', 'commit', '-w', join(home, 'commit')))
  git('config', 'log.showSignature', 'true')
  git('config', 'gpg.program', program)
  await lint(tree)
  assert.equal(isStarted(), false)
})

test('what it lacks is fetched from nowhere', async () => {
  const { tree, git, program, isStarted } = await repository('partial')
  for (const [key, value] of [
    ['extensions.partialClone', 'there'],
    ['remote.there.url', `ext::${program}`],
    ['remote.there.promisor', 'true'],
    ['protocol.ext.allow', 'always'],
  ] as const)
    git('config', key, value)
  await writeFile(join(tree, '.git/refs/heads/main'), `${'1'.repeat(40)}\n`)
  await lint(tree)
  assert.equal(isStarted(), false)
})

const changedIn = async (tree: string): Promise<readonly string[] | string> => {
  // SAFE: Git is all that is looked at.
  const around = { cwd: tree, environment: { PATH: process.env.PATH } } as unknown as Surroundings
  const found = await findWorkTree(around)
  const answer = await treeChanges(around, found ?? assert.fail(), { base: 'HEAD', onBase: 'nothing' })
  return answer.ok ? answer.paths : answer.message
}

test('its filters see no file, whatever they are called; what was only touched did not change', async () => {
  const { tree, git, program, isStarted } = await repository('filtered')
  await writeFile(join(tree, '.gitattributes'), 'file filter=a=b.c\nother filter=long\n')
  await writeFile(join(tree, 'other'), 'content\n')
  git('add', '--all')
  git('commit', '--quiet', '--message', 'Filter')
  await writeFile(join(tree, '.git/config'), `[filter "a=b.c"]\n\tclean = ${program}\n\trequired\n`, {
    flag: 'a',
  })
  git('config', 'filter.long.process', program)
  git('config', 'filter.long.required', 'true')
  for (const name of ['file', 'other']) await utimes(join(tree, name), 1_790_000_100, 1_790_000_100)
  assert.deepEqual(await changedIn(tree), [])
  await writeFile(join(tree, 'file'), 'others\n\n')
  assert.deepEqual(await changedIn(tree), ['file'])
  assert.equal(isStarted(), false)
})

test('nobody looks into a submodule with the programs of that one', async () => {
  const { tree, git, program, isStarted } = await repository('outer')
  const inner = await repository('outer/inner')
  git('-c', 'advice.addEmbeddedRepo=false', 'add', '--all')
  git('commit', '--quiet', '--message', 'Nest')
  inner.git('config', 'core.fsmonitor', program)
  await writeFile(join(inner.tree, 'file'), 'another\n')
  assert.deepEqual(await changedIn(tree), [])
  assert.equal(isStarted(), false)
})
