// What is asked before something is gone, and whom nobody asks.
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { commandsAnsweredBy } from '../../test/support/command-server.ts'
import type { CommandOptions } from '../../test/support/surroundings.ts'
import { createProgram } from './index.ts'
import type { Surroundings } from './surroundings.ts'

const asked: string[] = []
beforeEach(() => {
  asked.length = 0
})
const command = commandsAnsweredBy((request, response) => {
  asked.push(`${request.method}`)
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end('{}')
})
const remove = (options: CommandOptions, ...words: string[]) =>
  command(['webhook', 'remove', 'chat', '-R', 'web', ...words], options)
const person = (stdin: string): CommandOptions => ({ stdinIsTerminal: true, stdin })

test('on a terminal only yes is yes; all else changes nothing and asks nobody', async () => {
  for (const answer of ['', '\n', 'n\n', 'no', 'Y E S', 'yep\n', 'remove it']) {
    const { code, stderr } = await remove(person(answer))
    assert.deepEqual([code, asked], [6, []], answer)
    assert.match(
      stderr,
      /^Remove the webhook chat, with its secret and deliveries\? \[y\/N\] nothing was changed\n/,
    )
  }
  for (const answer of ['y', 'y\n', 'Yes\r\n', ' YES \n'])
    assert.equal((await remove(person(answer))).code, 0, answer)
  assert.deepEqual(new Set(asked), new Set(['DELETE']))
})

test('--yes and a script are asked nothing; --no-input without --yes is an error that says so', async () => {
  for (const options of [{}, { stdin: 'n' }]) assert.equal((await remove(options)).code, 0)
  const sure = await remove(person('n'), '--yes')
  assert.deepEqual([sure.code, sure.stderr.includes('?')], [0, false])
  asked.length = 0
  const mute = await remove(person('y'), '--no-input')
  assert.deepEqual([mute.code, asked], [2, []])
  assert.match(mute.stderr, /nobody answers: say --yes/)
  assert.equal((await remove(person('n'), '--no-input', '--yes')).code, 0)
})

test('an interrupted question is an interrupted verb', async () => {
  const interrupted = AbortSignal.abort()
  assert.deepEqual([(await remove({ ...person(''), interrupted })).code, asked], [130, []])
})

test('a name of somebody else in a question steers nothing', async () => {
  const words = ['token', 'revoke', 'x\u001b[2K\r\u202e']
  const { stderr } = await command(words, { ...person('n'), isTerminal: true })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there.
  assert.doesNotMatch(stderr, /[\u0000-\u0009\u000b-\u001f\u202e]/)
})

test('every verb that ends something for good asks, and the one that believes a file', () => {
  const around = { version: '0', stdout: {}, stderr: {} } as unknown as Surroundings
  const asking = createProgram(around).commands.flatMap((noun) =>
    [noun, ...noun.commands.flatMap((verb) => [verb, ...verb.commands])].flatMap((verb) =>
      verb.options.some(({ long }) => long === '--yes') ? [`${verb.parent?.name()} ${verb.name()}`] : [],
    ),
  )
  assert.deepEqual(asking.sort(), [
    ...[
      'context delete',
      'mayfly link',
      'member disable',
      'project remove',
      'project rotate-hook',
      'schedules remove',
      'secrets revoke',
      'signer remove',
      'token revoke',
      'webhook remove',
    ],
  ])
})
