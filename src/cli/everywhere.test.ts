// What every verb takes: colours and questions, as the person, the environment and the terminal say.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { commandsAnsweredBy } from '../../test/support/command-server.ts'
import { type CommandOptions, runCommand } from '../../test/support/surroundings.ts'
import { askHidden } from './everywhere.ts'
import { createPrefixer } from './prefixed-output.ts'
import type { Surroundings, Wishes } from './surroundings.ts'

let root = ''
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'mayfly-everywhere-'))
  await writeFile(
    join(root, 'bad.yml'),
    'version: 2.1\njobs: {a: {steps: []}}\nworkflows: {w: {jobs: [b]}}\n',
  )
})
after(() => rm(root, { recursive: true, force: true }))

const isPainted = async (words: readonly string[], options: CommandOptions): Promise<boolean> => {
  const { stdout, code } = await runCommand([...words, 'bad.yml'], { cwd: root, ...options })
  assert.equal(code, 7)
  return stdout.includes('\u001b[31m')
}

test('colours: the option goes before the variables, and these before the terminal', async () => {
  const at = (isTerminal: boolean, environment: Record<string, string> = {}) => ({ isTerminal, environment })
  assert.equal(await isPainted(['lint'], at(true)), true)
  assert.equal(await isPainted(['lint'], at(false)), false)
  assert.equal(await isPainted(['lint'], at(true, { NO_COLOR: '1' })), false)
  assert.equal(await isPainted(['lint'], at(true, { NO_COLOR: '' })), true)
  assert.equal(await isPainted(['lint'], at(false, { CLICOLOR_FORCE: '1' })), true)
  assert.equal(await isPainted(['lint', '--color', 'never'], at(true, { CLICOLOR_FORCE: '1' })), false)
  assert.equal(await isPainted(['--color=always', 'lint'], at(false, { NO_COLOR: '1' })), true)
  assert.equal(await isPainted(['lint', '--color', 'auto'], at(true)), true)
  const wrong = await runCommand(['lint', '--color', 'sometimes'])
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /auto, always, never/)
})

const shown = (options: {
  isTerminal: boolean
  colour: Wishes['colour']
  isRaw?: boolean
  none?: string
}) => {
  const written: Buffer[] = []
  const output = {
    ...{ isTerminal: options.isTerminal, columns: 80 },
    write: (text: string | Uint8Array) => void written.push(Buffer.from(text as string)),
  }
  // SAFE: a prefixer looks at nothing else.
  const around = {
    environment: { NO_COLOR: options.none },
    wishes: { colour: options.colour, mayAsk: true },
  } as unknown as Surroundings
  const writer = createPrefixer(around, output, { isRaw: options.isRaw === true }).writer(null)
  writer.write(Buffer.from('\u001b[1;31mred\u001b[0m \u001b[2Jx\n'))
  return Buffer.concat(written).toString()
}

test('colours of jobs are their own, and go only when somebody says so', () => {
  const all = '\u001b[1;31mred\u001b[0m \u001b[2Jx\n'
  assert.equal(shown({ isTerminal: true, colour: 'auto' }), '\u001b[1;31mred\u001b[0m \ufffd[2Jx\n')
  assert.equal(shown({ isTerminal: true, colour: 'never' }), 'red \ufffd[2Jx\n')
  assert.equal(shown({ isTerminal: false, colour: 'auto', none: '1' }), all)
  assert.equal(shown({ isTerminal: false, colour: 'never' }), 'red \u001b[2Jx\n')
  assert.equal(shown({ isTerminal: true, colour: 'never', isRaw: true }), all)
})

test('where nobody may be asked, a question is an error that names what answers it', async () => {
  const sitting = { stdinIsTerminal: true, cwd: root }
  for (const [words, environment] of [
    [['--no-input'], {}],
    [[], { CI: 'true' }],
  ] as const) {
    const { code, stderr } = await runCommand(['secrets', 'signer', 'enrol', ...words], {
      ...sitting,
      environment: { MAYFLY_URL: 'http://localhost:9', MAYFLY_TOKEN: 'x', ...environment },
    })
    assert.equal(code, 2)
    assert.match(stderr, /the code of the operator would be asked for.*on standard input/)
  }
  const piped = await runCommand(['secrets', 'signer', 'enrol', '--no-input'], { stdin: '' })
  assert.match(piped.stderr, /no installation runs here/, 'it was not the question that stopped it')
})

test('standard input that is no terminal is read, whatever is said of questions', async () => {
  const asked: string[] = []
  const ask = (stdinIsTerminal: boolean, mayAsk: boolean) => {
    const readHidden = async (question: string) => Buffer.from(`${asked.push(question)}`)
    // SAFE: a question looks at nothing else.
    const around = {
      stdinIsTerminal,
      readHidden,
      wishes: { colour: 'auto', mayAsk },
    } as unknown as Surroundings
    return askHidden(around, 'value of TOKEN', 'with --file FILE')
  }
  await ask(false, false)
  await ask(true, true)
  assert.deepEqual(asked, ['value of TOKEN: ', 'value of TOKEN: '])
  await assert.rejects(ask(true, false), /value of TOKEN would be asked for.*with --file FILE/)
})

const problem = {
  ...{
    type: 'https://ci.example.org/docs/errors/MF4500',
    title: 'Something went wrong on our side',
    status: 500,
  },
  ...{
    detail: 'it broke \u202e here',
    instance: 'urn:mayfly:request:req_1',
    code: 'MF4500',
    request_id: 'req_1',
  },
  hint: 'Tell the operator the request id.',
}
const refused = commandsAnsweredBy((request, response) => {
  request.resume()
  response.writeHead(500, { 'content-type': 'application/problem+json', 'x-request-id': 'req_1' })
  response.end(JSON.stringify(problem))
})

test('with --json an error is the problem of the server, all of it; without, its words and next step', async () => {
  const json = await refused(['whoami', '--json'], { isTerminal: true })
  assert.deepEqual([json.code, json.stdout], [70, ''])
  assert.deepEqual(JSON.parse(json.stderr), problem)
  assert.ok(!json.stderr.includes('\u202e'), 'nothing of it turns the line around')
  const words = await refused(['whoami'])
  assert.match(words.stderr, /\[MF4500\]\n {2}next: Tell the operator.*\n {2}request: req_1\n/)
})

test('an error of this machine has the shape of a problem, too', async () => {
  const { stderr, code } = await runCommand(['whoami', '--json'])
  const { hint, ...said } = JSON.parse(stderr)
  assert.deepEqual(said, {
    ...{ type: 'about:blank', title: 'The server cannot be reached', status: 503, code: 'MF4503' },
    detail: 'no installation runs here and you are not signed in to one',
  })
  assert.match(hint, /mayfly login/)
  assert.equal(code, 4)
})

test('--debug shows each request and its answer, and no credential', async () => {
  const { stderr } = await refused(['runs', 'list', '-R', 'web', '--debug'])
  assert.match(
    stderr,
    /^> GET \/api\/v1\/runs\?project=web&limit=20 of http:\/\/127\.0\.0\.1:\d+\n< 500 after \d+ ms req_1\n/,
  )
  assert.ok(!stderr.includes('mfp_x'))
  assert.doesNotMatch((await refused(['runs', 'list', '-R', 'web'])).stderr, /GET/)
})
