// What comes out of a setup job's endpoint is hostile: frames that do not hold end it, requests that do not hold are answered
// with why, and only the key of the attempt goes on.

import assert from 'node:assert/strict'
import type { Writable } from 'node:stream'
import { test } from 'node:test'
import type { Sandbox, StepIo } from '../../sandbox/index.ts'
import type { Continuing, FoundContinuation } from './continuing.ts'
import { openRelay } from './relay.ts'
import { continuePath, relayReadyLine } from './relay-program.ts'

const key = 'the key of this attempt'

/** Talks as the program in the cell does. */
const openWith = async (goOn: Continuing['goOn'], isThere = true) => {
  const end = new AbortController()
  const begun = Promise.withResolvers<StepIo>()
  const ended = Promise.withResolvers<void>()
  const exec = (async (_step, io, signal) => {
    begun.resolve(io)
    if (isThere) {
      // SAFE: the relay gives a stream.
      ;(io.stdout as Writable).write(relayReadyLine)
      signal.addEventListener('abort', () => ended.resolve())
      await ended.promise
    }
    return { kind: 'cancelled' }
  }) as Sandbox['exec']
  const unused = () => Promise.reject(new Error('not asked here'))
  const continuing = { changed: unused, choose: unused, merge: unused, goOn }
  // SAFE: the relay calls nothing else of a sandbox.
  const sandbox = { exec } as Sandbox
  await openRelay({ sandbox, continuing, key, print: () => undefined, deadlineMs: 1_000 }, end.signal)
  const { stdin, ...outputs } = await begun.promise
  // SAFE: the relay gives a stream.
  const stdout = outputs.stdout as Writable
  const ask = async (line: string, body: string): Promise<string> => {
    stdout.write(`${line.length} ${Buffer.byteLength(body)}\n${line}${body}`)
    const answer = await new Promise<Buffer>((resolve) => stdin?.once('data', resolve))
    return answer.toString().trimEnd()
  }
  return { ask, stdout, ended: ended.promise, close: () => end.abort() }
}

const post = `POST ${continuePath} HTTP/1.1`
const body = (more: object) =>
  JSON.stringify({ 'continuation-key': key, configuration: 'version: 2.1', ...more })

test('the key of the attempt goes on, with what was sent', async () => {
  const found: FoundContinuation[] = []
  const relay = await openWith(async (asked) => {
    found.push(asked)
    return { ok: true }
  })
  assert.match(await relay.ask(post, body({ parameters: { a: 1, b: 'é' }, extra: true })), /^200 \d+\n/)
  assert.match(await relay.ask(post, body({ parameters: null })), /^200 /)
  assert.deepEqual(found, [
    { sources: [{ path: 'continuation.yml', text: 'version: 2.1' }], parameters: '{"a":1,"b":"é"}' },
    { sources: [{ path: 'continuation.yml', text: 'version: 2.1' }], parameters: '{}' },
  ])
  relay.close()
})

test('anything else is answered with why, and asks nobody', async () => {
  const relay = await openWith(() => assert.fail('nobody was to be asked'))
  const statusOf = async (line: string, text: string) => (await relay.ask(line, text)).slice(0, 3)
  assert.equal(await statusOf(post, body({ 'continuation-key': `${key}x` })), '403')
  assert.equal(await statusOf(post, body({ 'continuation-key': '' })), '403')
  for (const text of [
    '',
    'null',
    '[]',
    '{',
    '{}',
    '"x"',
    body({ configuration: 1 }),
    body({ 'continuation-key': 1 }),
  ])
    assert.equal(await statusOf(post, text), '400', text)
  assert.equal(await statusOf(post.replace('POST', 'GET'), ''), '405')
  for (const path of ['/', `${continuePath}/x`, '/api/v2/me', `//x${continuePath}`])
    assert.equal(await statusOf(`POST ${path} HTTP/1.1`, body({})), '404', path)
  assert.equal(await statusOf('TOO LARGE', ''), '413')
  relay.close()
})

test('why it does not go on is the answer; what breaks under it says nothing of itself', async () => {
  const refuses = await openWith(async () => ({ ok: false, message: 'it has no jobs' }))
  assert.match(await refuses.ask(post, body({})), /^400 \d+\n\{"message":"it has no jobs"\}$/)
  refuses.close()
  const breaks = await openWith(() => Promise.reject(new Error('a secret of ours')))
  const said = await breaks.ask(post, body({}))
  assert.match(said, /^503 /)
  assert.doesNotMatch(said, /secret/)
  breaks.close()
})

test('frames that do not hold are read no further', async () => {
  for (const frame of [
    'x\n',
    '1 2 3\n',
    '3000 0\n',
    '1 99999999\n',
    `${'1'.repeat(200)}\n`,
    '-1 0\n',
    '\n',
  ]) {
    const relay = await openWith(() => assert.fail('nobody was to be asked'))
    relay.stdout.write(frame)
    await relay.ended
  }
})

test('an image without what it needs lets the job begin all the same', async () => {
  const relay = await openWith(() => assert.fail('nobody was to be asked'), false)
  relay.close()
})
