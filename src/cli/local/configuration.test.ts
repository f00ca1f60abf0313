// Which files of a work tree a configuration is read from, and what is said where that fails.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runCommand } from '../../../test/support/surroundings.ts'

let home = ''
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'mayfly-configuration-'))
})
after(() => rm(home, { recursive: true, force: true }))

const configuration = 'version: 2.1\njobs: {build: {docker: [{image: x}], steps: [{run: make}]}}\n'

test('any number of files beside it does not hide it', async () => {
  await mkdir(join(home, 'many/.circleci/before'), { recursive: true })
  for (let at = 0; at < 70; at++) await writeFile(join(home, `many/.circleci/before/${at}.yml`), 'x: 1\n')
  await writeFile(join(home, 'many/.circleci/config.yml'), configuration)
  const { code, stdout, stderr } = await runCommand(['lint'], { cwd: join(home, 'many') })
  assert.equal(code, 0, stdout + stderr)
})

const setup = (mapping: string) => `version: 2.1
setup: true
orbs: {path-filtering: circleci/path-filtering@1.0.0}
workflows:
  s:
    jobs:
      - path-filtering/filter: {base-revision: main, config-path: .circleci/more.yml, mapping: ${mapping}}
`
const more = `version: 2.1
parameters: {api: {type: boolean, default: false}}
jobs: {a: {docker: [{image: x}], steps: [{run: make}]}}
workflows: {api: {when: << pipeline.parameters.api >>, jobs: [a]}}
`

test('a mapping in a file is followed, whatever the file is called; one that is elsewhere is not guessed', async () => {
  const tree = join(home, 'mapped')
  await mkdir(join(tree, '.circleci'), { recursive: true })
  await writeFile(join(tree, '.circleci/more.yml'), more)
  await writeFile(join(tree, '.circleci/image'), '')
  // More than can be read at once.
  await truncate(join(tree, '.circleci/image'), 2 ** 32)
  for (const path of ['.circleci/mapping', 'mapping']) await writeFile(join(tree, path), 'api/.* api true\n')
  const simulate = async (mapping: string) => {
    await writeFile(join(tree, '.circleci/config.yml'), setup(mapping))
    const { code, stdout } = await runCommand(['config', 'simulate', '--files', 'api/x'], { cwd: tree })
    assert.equal(code, 0)
    return stdout
  }
  assert.match(await simulate('.circleci/mapping'), /^api\t-\truns/m)
  assert.doesNotMatch(await simulate('mapping'), /^api/m)
})

test('where its directory is a file there is none', async () => {
  await mkdir(join(home, 'file'))
  await writeFile(join(home, 'file/.circleci'), configuration)
  const { code, stdout } = await runCommand(['lint'], { cwd: join(home, 'file') })
  assert.equal(code, 7)
  assert.match(stdout, /there is no configuration file/)
})

test('what cannot be read is said in words', async () => {
  // A file that nobody, root neither, reads at its beginning.
  const { code, stderr } = await runCommand(['lint', '/proc/self/mem'], { cwd: home })
  assert.equal(code, 2, stderr)
  assert.match(stderr, /^mayfly: the configuration cannot be read: EIO/)
})
