// A cell of a step's own, whose end may come before its beginning was told of.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { constants, mkdtempSync, openSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { socketConnectionsMax } from '../../limits.ts'
import { parcelOf, type RawHandle } from '../../pipes.ts'
import type { CellExit, JailerClient, Reply } from './client.ts'
import type { NestHold } from './nest.ts'
import { serveConnections, startOwnCell } from './steps.ts'

const directory = mkdtempSync(join(tmpdir(), 'mayfly-steps-'))
after(() => rmSync(directory, { recursive: true }))

/** Ends of FIFOs, as a jailer hands them over. */
const reply: Reply = {
  value: { cell: 1, address: null },
  parts: () => [],
  take: (part) => {
    const path = join(mkdtempSync(join(directory, 'set-')), part)
    execFileSync('mkfifo', [path])
    return parcelOf(openSync(path, constants.O_RDWR | constants.O_NONBLOCK)).handle
  },
}

/** The order to begin is answered when the test says so. */
const start = () => {
  const exit = Promise.withResolvers<CellExit>()
  const told = Promise.withResolvers<Reply>()
  const client: JailerClient = {
    call: (verb) => (verb === 'cell.start' ? Promise.resolve(reply) : told.promise),
    cellExit: () => exit.promise,
    forget: () => undefined,
  }
  // SAFE: of a nest only its id is asked for.
  const nest = { id: 'aaaaaaaa' } as NestHold
  const io = { stdin: null, stdout: () => undefined, stderr: process.stderr }
  const want = { files: 'shared', net: 'none', sources: [], socket: null, io } as const
  const starting = startOwnCell(client, nest, want, Buffer.from('exit 0\n'))
  return { exit, told, starting }
}

/** Descriptors of ours that lead there. */
const openEnds = () =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory)
    } catch {
      // The one that listed them.
      return false
    }
  }).length

const endsAreClosed = async () => {
  const deadline = performance.now() + 5_000
  while (openEnds() > 0 && performance.now() < deadline) await setImmediate()
  assert.equal(openEnds(), 0)
}

test('a cell that is gone before it could be told to begin ends its step, and nobody else', async () => {
  for (const code of [1, 137, null]) {
    const { exit, told, starting } = start()
    exit.resolve({ code, ran: false })
    await setImmediate()
    told.resolve(reply)
    const { ended, out, err, close } = await starting
    assert.deepEqual(await ended, { kind: 'not-started', code })
    close()
    for (const handle of [out, err]) handle.close()
    await endsAreClosed()
  }
})

test('of a cell that could not be told to begin nothing stays open', async () => {
  const { told, starting } = start()
  await setImmediate()
  assert.ok(openEnds() >= 2, 'its two outputs are there')
  told.reject(new Error('the line is closed'))
  await assert.rejects(starting, /the line is closed/)
  await endsAreClosed()
})

test('a job holds so many connections to a socket open, and no more', async () => {
  const path = join(directory, 'agent')
  const open = new Set<Socket>()
  // SAFE: where to listen, in place of a handle that listens.
  const server = serveConnections({ path } as unknown as RawHandle, (connection) => {
    open.add(connection.resume())
    connection.once('close', () => open.delete(connection))
  })
  const until = async (what: string, holds: () => boolean) => {
    const deadline = performance.now() + 5_000
    for (; !holds(); await setImmediate()) assert.ok(performance.now() < deadline, what)
  }
  const client = () => connect(path).resume().unref()
  const clients = Array.from({ length: 3 * socketConnectionsMax }, client)
  after(() => server.close())
  const ended = () => clients.filter(({ destroyed, readableEnded }) => destroyed || readableEnded)
  await until('the others are refused', () => ended().length === 2 * socketConnectionsMax)
  assert.equal(open.size, socketConnectionsMax)
  clients.find((one) => !ended().includes(one))?.destroy()
  await until('one has gone', () => open.size < socketConnectionsMax)
  clients.push(client())
  await until('there is room again', () => open.size === socketConnectionsMax)
  for (const one of clients) one.destroy()
})
