// Two ways to run a step: as a child of the job cell's loop, or in a cell of its own. Both give a `Running` for
// supervise.ts and the ends of its pipes; neither reads what the step prints.
import { Server, type Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { StepIo, StepSpec } from '../../driver.ts'
import { socketConnectionsMax } from '../../limits.ts'
import { type RawHandle, writerOf } from '../../pipes.ts'
import type { VerbArguments } from '../../verbs.ts'
import type { CellExit, JailerClient } from './client.ts'
import type { NestHold } from './nest.ts'
import type { Running, StepEnd } from './supervise.ts'

export type StartedStep = Running & {
  readonly out: RawHandle
  readonly err: RawHandle
  /** Address the step's connections come from, when it has a network of its own. */
  readonly address: string | null
  /** The pipes into the step are done with. */
  close(): void
}

export const startInJobCell = async (
  client: JailerClient,
  nest: NestHold,
  step: { readonly foreground: boolean; readonly stdin: Readable | null },
  text: Buffer,
): Promise<StartedStep> => {
  const set = await nest.takeSet(step.foreground, step.stdin !== null)
  const prologue = writerOf(set.pro)
  const running = nest.cell.start(set.set, step.foreground)
  // Both stay open until the cell has opened its side: a FIFO that everybody closed forgets its bytes.
  const written = new Promise<void>((resolve) => prologue.write(text, () => resolve()))
  void Promise.all([running.session, Promise.race([written, running.ended])]).then(() => prologue.destroy())
  const input = set.in === null ? null : writerOf(set.in)
  if (input !== null && step.stdin !== null) feed(step.stdin, input, running.session)
  const signal = (name: 'TERM' | 'KILL') => {
    void running.session.then((pid) => {
      if (pid === null || pid < 2) return
      void client.call('step.signal', { nest: nest.id, pid, signal: name }).catch(() => undefined)
    })
  }
  return {
    ...{ ended: running.ended, signal, address: null },
    giveUp: () =>
      void client.call('cell.signal', { nest: nest.id, cell: 0, signal: 'KILL' }).catch(() => undefined),
    out: set.out,
    err: set.err,
    close: () => {
      prologue.destroy()
      input?.destroy()
    },
  }
}

/** Bytes of `from` into the step, with its back-pressure; then end of file, once the step has opened its side. */
const feed = (from: Readable, to: Socket, opened: Promise<unknown>): void => {
  const end = () => void opened.then(() => to.destroy())
  const copy = async () => {
    await pipeline(from, to, { end: false })
    if (to.writableLength > 0) await new Promise((resolve) => to.write('', resolve))
  }
  // A source that fails looks to the step like the end of its input; the caller knows its own stream.
  copy().then(end, end)
}

export type OwnCell = Omit<VerbArguments['cell.start'], 'nest' | 'stdin' | 'socket'>

export const startOwnCell = async (
  client: JailerClient,
  nest: NestHold,
  want: OwnCell & { readonly socket: StepSpec['socket']; readonly io: StepIo },
  prologue: Buffer,
): Promise<StartedStep> => {
  const { io, socket, ...rest } = want
  const stdin = io.stdin !== null
  const reply = await client.call('cell.start', { ...rest, nest: nest.id, stdin, socket: socket ?? 'none' })
  // SAFE: the jailer is trusted by the runner.
  const { cell, address } = reply.value as { cell: number; address: string | null }
  const pro = writerOf(reply.take('pro'))
  pro.write(prologue, () => pro.destroy())
  const input = stdin ? writerOf(reply.take('in')) : null
  if (input !== null && io.stdin !== null) feed(io.stdin, input, Promise.resolve())
  const server = socket === null ? null : serveConnections(reply.take('socket'), io.onConnection)
  const exited = client.cellExit(nest.id, cell).then(endOf)
  const signal = (name: 'TERM' | 'KILL') =>
    void client.call('cell.signal', { nest: nest.id, cell, signal: name }).catch(() => undefined)
  const started: StartedStep = {
    ...{ ended: exited, signal, address, giveUp: () => signal('KILL') },
    out: reply.take('out'),
    err: reply.take('err'),
    close: () => {
      pro.destroy()
      input?.destroy()
      server?.close()
    },
  }
  try {
    await client.call('cell.have', { nest: nest.id, cell })
    return started
  } catch (error) {
    started.close()
    for (const output of [started.out, started.err]) output.close()
    throw error
  }
}

const endOf = ({ code, ran }: CellExit): StepEnd => {
  if (!ran) return { kind: 'not-started', code }
  return code === null ? { kind: 'lost' } : { kind: 'exit', code }
}

/** The socket is listening already. A job may hold so many connections open; more are closed at once. */
export const serveConnections = (handle: RawHandle, onConnection: StepIo['onConnection']): Server => {
  const server = new Server((connection) => {
    connection.on('error', () => undefined)
    if (onConnection === undefined) connection.destroy()
    else onConnection(connection)
  })
  server.on('error', () => undefined)
  server.maxConnections = socketConnectionsMax
  // SAFE: a listening handle, which `listen` takes besides its declared types.
  server.listen(handle as object)
  return server
}
