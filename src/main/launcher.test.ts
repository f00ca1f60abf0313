// The launcher at the top of the repository: what is said to the command line reaches it, and nobody before it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const root = mkdtempSync(join(tmpdir(), 'mayfly-launcher-'))
after(() => rmSync(root, { recursive: true }))

/** An installation with nothing to install or build, whose command line says what it was given. */
const launcher = (): string => {
  const programs = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin')
  for (const directory of [programs, join(root, 'build')]) mkdirSync(directory, { recursive: true })
  symlinkSync(process.execPath, join(programs, 'node'))
  for (const name of ['package-lock.json', 'node_modules/.mayfly-lock.json', 'build/stamp'])
    writeFileSync(join(root, name), '')
  writeFileSync(
    join(root, 'build/cli.js'),
    'console.log(JSON.stringify([process.argv.slice(2), process.env.OF_JOBS ?? null]))',
  )
  copyFileSync(join(import.meta.dirname, '../../mayfly'), join(root, 'mayfly'))
  chmodSync(join(root, 'mayfly'), 0o755)
  return join(root, 'mayfly')
}

test('a file with variables for jobs is not read by Node itself', () => {
  writeFileSync(join(root, 'bad.cjs'), 'process.stdout.write("loaded ")')
  writeFileSync(join(root, 'env'), `OF_JOBS=1\nNODE_OPTIONS=--require=${join(root, 'bad.cjs')}\n`)
  const file = launcher()
  for (const words of [
    ['run', '--env-file', join(root, 'env')],
    ['run', `--env-file=${join(root, 'env')}`],
    ['run', '--env-file', 'none', '--', '-x'],
  ]) {
    const said = execFileSync(file, words, { encoding: 'utf8', env: { PATH: process.env.PATH ?? '' } })
    assert.deepEqual(JSON.parse(said), [words, null])
  }
})
