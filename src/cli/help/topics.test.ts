// `mayfly help`: topics that are true, verbs by their names, and a manual that troff reads without a word against it.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCommand } from '../../../test/support/surroundings.ts'
import { catalogue } from '../../base/faults.ts'
import { addOperatorCommands } from '../../main/operator-commands.ts'
import { exitCodes } from '../exit-codes.ts'
import { createProgram } from '../index.ts'
import type { Surroundings } from '../surroundings.ts'
import { manual } from './man.ts'
import { exitCodeWords, topics, variableWords } from './topics.ts'

test('every topic fits a screen of 40 lines and 80 columns, and is named by the help of the program', async () => {
  const overview = (await runCommand(['--help'])).stdout
  for (const name of Object.keys(topics)) {
    const { code, stdout } = await runCommand(['help', ...name.split('-')])
    assert.equal(code, 0)
    assert.ok(stdout.startsWith(`${name}: `))
    const lines = stdout.trimEnd().split('\n')
    assert.ok(lines.length <= 40, `${name}: ${lines.length} lines`)
    for (const line of lines) assert.ok(line.length <= 80, line)
    assert.ok(overview.replaceAll(/\s+/g, ' ').includes(name), name)
  }
})

test('the exit codes are those that verbs and faults have', () => {
  const known = [...Object.values(exitCodes), ...Object.values(catalogue).map(({ exit }) => exit)]
  assert.deepEqual(
    exitCodeWords.map(([code]) => Number(code)),
    [...new Set(known)].sort((a, b) => a - b),
  )
})

test('the variables are those that are read', () => {
  const root = join(import.meta.dirname, '../..')
  const sources = ['cli', 'main', 'supervisor'].flatMap((zone) =>
    readdirSync(join(root, zone), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.endsWith('topics.ts'))
      .map((name) => readFileSync(join(root, zone, name), 'utf8')),
  )
  const read = (name: string) =>
    sources.some((text) =>
      new RegExp(`nvironment\\??\\.${name}\\b|env\\.${name}\\b|\\{[^}]*\\b${name}\\b[^}]*\\} = `).test(text),
    )
  for (const [name] of variableWords) assert.ok(read(name), name)
})

test('help of a verb is its --help; of nothing, that of the program; what is neither verb nor topic is wrong usage', async () => {
  const same = async (a: readonly string[], b: readonly string[]) =>
    assert.deepEqual(await runCommand(a), await runCommand(b))
  await same(['help', 'runs', 'ls'], ['runs', 'list', '--help'])
  await same(['help'], ['--help'])
  const { code, stderr, stdout } = await runCommand(['help', 'nothing', 'such'])
  assert.deepEqual([code, stdout], [2, ''])
  assert.match(stderr, /"nothing such" is no verb and no topic.*exit-codes/)
  assert.equal((await runCommand(['help', '--man', 'json'])).code, 2)
  assert.equal((await runCommand(['help', 'constructor'])).code, 2, 'what every object has')
})

const output = { write: () => undefined, isTerminal: false, columns: 80 }
// SAFE: no verb is carried out here.
const around = { stdout: output, stderr: output, version: '0' } as unknown as Surroundings
const program = createProgram(around, (commands) => addOperatorCommands(commands, '/', '0'))
const missing =
  spawnSync('groff', ['--version']).status === 0 ? {} : { skip: 'there is no groff on this machine' }
const typeset = (page: string): string =>
  execFileSync('groff', ['-man', '-Tascii', '-ww', '-P-c', '-P-b', '-P-u', '-E'], {
    input: page,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
  })

test(
  'the manual is read by troff without a warning, and says of all verbs what their help says',
  missing,
  () => {
    const { stderr } = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-z'], {
      input: manual(program, '1.2.3'),
      encoding: 'utf8',
    })
    // What a site adds to the macros is in /etc, which a sandbox has not.
    const warnings = stderr.split('\n').filter((line) => line !== '' && !line.includes("file 'man.local'"))
    assert.deepEqual(warnings, [])
    const page = typeset(manual(program, '1.2.3'))
    for (const words of [
      'mayfly runs view [options] [ref]',
      '-f, --follow',
      'mayfly up [options]',
      'MAYFLY_TOKEN',
      '130',
    ])
      assert.ok(page.includes(words), words)
    const runs = program.commands.find((verb) => verb.name() === 'runs')
    assert.ok(runs)
    const one = typeset(manual(runs, '1.2.3'))
    assert.ok(one.startsWith('MAYFLY-RUNS(1)'))
    assert.ok(one.includes('mayfly runs list') && !one.includes('mayfly up'))
  },
)

test('no word of a help is a request to troff', () => {
  const fake = createProgram(around)
  fake.command('zz').description(".de x \\n 'so /etc/passwd").option('--y', '.so /etc/passwd')
  const lines = manual(fake, '1').split('\n')
  assert.ok(lines.includes('\\&.so /etc/passwd'))
  assert.ok(lines.includes('\\&.de x \\en \\(aqso /etc/passwd.'))
})
