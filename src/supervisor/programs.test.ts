import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { installPrograms } from './programs.ts'

/** A build as a clone under a strict umask has it. */
const makeBuild = async (directory: string) => {
  const from = {
    build: join(directory, 'build'),
    node: join(directory, 'node'),
    sample: join(directory, 'sample'),
  }
  for (const path of [join(from.build, 'web'), from.sample, join(directory, 'data/app')])
    await mkdir(path, { recursive: true, mode: 0o700 })
  for (const name of ['server.js', 'compile.js', 'log-search.js', 'web/index.html', 'stamp'])
    await writeFile(join(from.build, name), name, { mode: 0o600 })
  await writeFile(from.node, 'node', { mode: 0o700 })
  await writeFile(join(from.sample, 'hello.sh'), 'echo hello', { mode: 0o700 })
  await writeFile(join(from.sample, 'poem.txt'), 'o', { mode: 0o600 })
  return from
}

const mode = async (path: string) => (await stat(path)).mode & 0o777

test('programs are readable by their users and run where they ran before, whatever the umask of the clone', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-programs-'))
  t.after(() => rm(directory, { recursive: true }))
  await chmod(directory, 0o755)
  const programs = await installPrograms(await makeBuild(directory), join(directory, 'data'))
  assert.equal(await mode(join(programs.directory, 'server.js')), 0o644)
  assert.equal(await mode(join(programs.directory, 'log-search.js')), 0o644)
  assert.equal(await mode(join(programs.directory, 'web')), 0o755)
  assert.equal(await mode(join(programs.directory, 'sample/hello.sh')), 0o755)
  assert.equal(await mode(join(programs.directory, 'sample/poem.txt')), 0o644)
  assert.equal(await mode(programs.node), 0o755)
})

test('the same build is installed once, another replaces it', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-programs-'))
  t.after(() => rm(directory, { recursive: true }))
  const from = await makeBuild(directory)
  const first = await installPrograms(from, join(directory, 'data'))
  assert.deepEqual(await installPrograms(from, join(directory, 'data')), first)
  await writeFile(join(from.build, 'server.js'), 'newer')
  const second = await installPrograms(from, join(directory, 'data'))
  assert.notEqual(second.directory, first.directory)
  await assert.rejects(stat(first.directory))
})
