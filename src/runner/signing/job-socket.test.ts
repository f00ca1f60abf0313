// What comes over a job's socket is hostile: one line, of one form, answered once; and nothing is signed for a job that has ended.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fault } from '../../base/faults.ts'
import { formatId } from '../../base/ids.ts'
import type { SocketRequest } from '../../protocol/signing.ts'
import type { Sandbox, StepIo, StepSpec } from '../../sandbox/index.ts'
import { jobSocketsMax } from '../limits.ts'
import type { EventBody } from '../sink.ts'
import { openJobSocket } from './job-socket.ts'
import type { Signing } from './server-signing.ts'

const directory = mkdtempSync(join(tmpdir(), 'mf-sign-'))
after(() => rmSync(directory, { recursive: true, force: true }))
const digest = `sha256:${'a'.repeat(64)}`
const question = JSON.stringify({ verb: 'sign', name: 'RELEASE', digest })
const signed = {
  ...{ secret: formatId('secret', new Uint8Array(16)), version: 1, algorithm: 'rsa' as const },
  signature: '-_8',
}

let made = 0
/** A listening socket as a driver keeps it for a job cell. */
const openSocket = async (sign: Signing['sign'] = async () => signed) => {
  const ends = new AbortController()
  const events: EventBody[] = []
  const asked: [number, SocketRequest][] = []
  let io: StepIo | undefined
  const exec = (async (step: StepSpec, given: StepIo) => {
    assert.deepEqual([step.cell, step.socket, step.kind], ['job', 'job', 'background'])
    io = given
    return { kind: 'exit', code: 0 }
    // SAFE: nobody looks at how it ended.
  }) as unknown as Sandbox['exec']
  const signing: Signing = {
    names: ['RELEASE', 'OTHER'],
    sign: (step, request, signal) => {
      asked.push([step, request])
      return sign(step, request, signal)
    },
  }
  const sink = { event: (event: EventBody) => void events.push(event) }
  let step = 1
  // SAFE: nothing else of a sandbox is called.
  await openJobSocket({ sandbox: { exec } as Sandbox, signing, sink, step: () => step }, ends.signal)
  const path = join(directory, `s${made++}`)
  const server = createServer((connection) => {
    connection.on('error', () => undefined)
    io?.onConnection?.(connection)
  })
  server.listen(path)
  await once(server, 'listening')
  after(() => server.close())
  const open = (): Socket => connect(path).on('error', () => undefined)
  /** What is answered before the connection closes. */
  const say = async (text: string, connection = open()): Promise<string> => {
    let said = ''
    connection.setEncoding('utf8').on('data', (more: string) => {
      said += more
    })
    connection.write(text)
    const late = setTimeout(() => connection.destroy(new Error('nothing closed it')), 10_000)
    await new Promise((resolve) => connection.once('close', resolve))
    clearTimeout(late)
    return said
  }
  const ask = async (text: string) => JSON.parse(await say(`${text}\n`))
  return { ask, say, open, asked, events, ends, next: () => void step++ }
}

test('a digest is signed for the step that runs, and noted', async () => {
  const { ask, asked, events, next } = await openSocket()
  assert.deepEqual(await ask(question), { algorithm: 'rsa', signature: '+/8=' })
  next()
  await ask(question)
  assert.deepEqual(
    asked.map(([step]) => step),
    [1, 2],
  )
  assert.deepEqual(events, Array(2).fill({ kind: 'note', text: `signed ${digest} with RELEASE` }))
})

test('anything else is answered with why, and asks nobody', async () => {
  const { ask, say, asked } = await openSocket()
  for (const text of [
    ...['', '{', 'null', '[]', '"sign"', JSON.stringify({ verb: 'release', name: 'RELEASE', digest })],
    ...[{ name: 'A B' }, { digest: 'sha256:aa' }, { digest: digest.toUpperCase() }, { step: 3 }].map(
      (change) => JSON.stringify({ verb: 'sign', name: 'RELEASE', digest, ...change }),
    ),
  ])
    assert.match((await ask(text)).message, /a verb, a name and a digest/, text)
  const { message } = await ask(question.replace('RELEASE', 'NOTHING'))
  assert.match(message, /may not sign with NOTHING.*it may sign with RELEASE, OTHER/)
  assert.equal(await say(`${'x'.repeat(70_000)}\n`), '', 'too long')
  assert.deepEqual(asked, [])
})

test('a refusal is told in words that a shell command reads', async () => {
  const { ask } = await openSocket(async () => {
    throw fault('E_FORBIDDEN', { public: 'not with "RELEASE"\n' })
  })
  assert.deepEqual(await ask(question), { message: 'not with  RELEASE    [MF4003]' })
  const broken = await openSocket(() => Promise.reject(new Error('something of ours')))
  assert.deepEqual(await broken.ask(question), { message: 'nothing was signed' })
})

test('one question at a time, and so many connections', async () => {
  const [first, begun] = [Promise.withResolvers<typeof signed>(), Promise.withResolvers<void>()]
  const { ask, open, say, asked } = await openSocket(() => {
    begun.resolve()
    return first.promise
  })
  const waiting = [ask(question), ask(question)]
  const idle = Array.from({ length: jobSocketsMax - 2 }, open)
  await Promise.all(idle.map((connection) => once(connection, 'connect')))
  assert.equal(await say(`${question}\n`), '', 'one too many')
  await begun.promise
  assert.equal(asked.length, 1)
  first.resolve(signed)
  for (const answer of await Promise.all(waiting)) assert.equal(answer.signature, '+/8=')
  for (const connection of idle) connection.destroy()
})

test('after the end of the job nothing is signed, also for whom had asked before', async () => {
  const under = Promise.withResolvers<typeof signed>()
  const begun = Promise.withResolvers<void>()
  const { ask, say, ends, events } = await openSocket(() => {
    begun.resolve()
    return under.promise
  })
  const [first, second] = [ask(question), ask(question)]
  await begun.promise
  ends.abort('ended')
  under.resolve(signed)
  assert.deepEqual([await first, await second], Array(2).fill({ message: 'the job has ended' }))
  assert.equal(await say(`${question}\n`), '')
  assert.deepEqual(events, [])
})
