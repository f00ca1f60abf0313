// PAGER: when it is asked, what it gets, and that nobody waits for one that was left.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import type { Command } from 'commander'
import { commandsAnsweredBy } from '../../test/support/command-server.ts'
import { waitFor } from '../../test/support/installation.ts'
import { type CommandOptions, runCommand } from '../../test/support/surroundings.ts'
import * as world from '../../test/web/double/world.ts'
import { pathOf } from './help/help.ts'
import { createProgram } from './index.ts'
import { pagedVerbs } from './pager.ts'
import type { Surroundings } from './surroundings.ts'

let root = ''
const file = (name: string) => join(root, name)
const saw = () => readFile(file('saw'), 'utf8')

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'mayfly-pager-'))
  // Keeps what it gets, and under which circumstances.
  await writeFile(
    file('pager.mjs'),
    `import { readFileSync, writeFileSync } from 'node:fs'
     writeFileSync(${JSON.stringify(file('with'))}, JSON.stringify({ env: process.env, args: process.argv.slice(2) }))
     writeFileSync(${JSON.stringify(file('saw'))}, readFileSync(0))
     process.exit(3)`,
  )
  // Is left at once.
  await writeFile(file('left.mjs'), `process.exit(0)`)
})
beforeEach(async () => {
  for (const name of ['saw', 'with']) await rm(file(name), { force: true })
})
after(() => rm(root, { recursive: true, force: true }))

const pager = (name: string) => `${process.execPath} ${file(name)}  -R`
const onTerminal = (rows: number, environment: Readonly<Record<string, string>> = {}): CommandOptions => ({
  ...{ isTerminal: true, rows },
  environment: { PAGER: pager('pager.mjs'), ...environment },
})
const explain = (options: CommandOptions) => runCommand(['--color', 'never', 'explain', 'MF2107'], options)

test('what is longer than the terminal goes to the pager, whole, and the exit code is that of the verb', async () => {
  const plain = await runCommand(['explain', 'MF2107'], { isTerminal: true, environment: { NO_COLOR: '1' } })
  const paged = await explain(onTerminal(5))
  assert.deepEqual([paged.code, paged.stdout], [0, ''])
  assert.equal(await saw(), plain.stdout)
  const short = await explain(onTerminal(200))
  assert.equal(short.stdout, plain.stdout)
  const wrong = await runCommand(['explain', 'nothing'], onTerminal(1))
  assert.equal(wrong.code, 2)
})

test('it gets words and no shell, and of the environment what terminals and languages take', async () => {
  const more = {
    PAGER: `${pager('pager.mjs')} $(id) ; x`,
    MAYFLY_TOKEN: 'mfp_secret',
    LESSOPEN: '|x',
    LC_ALL: 'C',
  }
  await explain(onTerminal(5, more))
  const { env, args } = JSON.parse(await readFile(file('with'), 'utf8'))
  assert.deepEqual(args, ['-R', '$(id)', ';', 'x'])
  assert.deepEqual(Object.keys(env).sort(), ['HOME', 'LC_ALL', 'LESS', 'PATH'])
  assert.equal(env.LESS, 'FRX')
  await explain(onTerminal(5, { LESS: '-i' }))
  assert.equal(JSON.parse(await readFile(file('with'), 'utf8')).env.LESS, '-i')
})

test('no pager: into pipes, without questions, in CI, on a dumb terminal, without one', async () => {
  const quiet = async (options: CommandOptions, ...words: readonly string[]) => {
    const { stdout } = await runCommand([...words, 'explain', 'MF2107'], options)
    assert.match(stdout, /^.*MF2107/)
    assert.equal(existsSync(file('saw')), false)
  }
  await quiet({ ...onTerminal(5), isTerminal: false })
  await quiet(onTerminal(5), '--no-input')
  await quiet(onTerminal(5, { CI: 'true' }))
  await quiet(onTerminal(5, { TERM: 'dumb' }))
  await quiet(onTerminal(5, { PAGER: ' ' }))
  const json = await runCommand(['explain', 'MF2107', '--json'], onTerminal(1))
  assert.match(json.stdout, /^\{/)
  const none = await explain(onTerminal(5, { PAGER: '/nonexistent/pager -R' }))
  assert.match(none.stderr, /^note: the pager \/nonexistent\/pager does not start\n$/)
  assert.match(none.stdout, /^MF2107/)
})

test('verbs with a pager are there, and none of them shows a secret once', () => {
  const around = { version: '0', stdout: {}, stderr: {} } as unknown as Surroundings
  const all = (command: Command): readonly string[] => [
    pathOf(command).join(' '),
    ...command.commands.flatMap(all),
  ]
  const known = all(createProgram(around))
  assert.deepEqual(
    pagedVerbs.filter((verb) => !known.includes(verb)),
    [],
  )
  assert.ok(pagedVerbs.every((verb) => !/create|add|rotate|invite|login|set/.test(verb)))
})

const readers = { opened: 0, open: 0 }
const command = commandsAnsweredBy((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost')
  if (!pathname.endsWith('/log')) {
    const found =
      pathname === '/api/v1/runs'
        ? { items: world.summaries().slice(0, 1), next_cursor: null }
        : world.runById(world.idOf('run', 412))
    return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found))
  }
  // A log that goes on as long as somebody reads it.
  readers.opened += 1
  readers.open += 1
  const more = setInterval(() => response.write('still there\n'), 5)
  response.on('close', () => {
    readers.open -= 1
    clearInterval(more)
  })
})

test('a pager that is left ends the verb well: nobody fetches the rest', async () => {
  const options = onTerminal(3, { PAGER: pager('left.mjs') })
  const done = await command(['logs', '412/unit.1', '-R', 'web'], options)
  assert.deepEqual([done.code, done.stderr, done.stdout], [0, '', ''])
  await waitFor('the end of the log', () => readers.open === 0)
  assert.equal(readers.opened, 1)
})
