// The jailer's end of the maker (maker-program.ts): starts it once, hands out one line to an anchor per nest. It ends when
// its orders end, and each anchor with its line, so a dead jailer leaves neither.
import { mkdirSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { fault } from '../../base/faults.ts'
import { spawn } from '../../sys/index.ts'
import { toolMs } from '../limits.ts'
import { makerArguments } from './maker-program.ts'

export interface Maker {
  /** A process of its own for the nest `id`, which is not made yet: what it says, and what it is told. */
  anchor(id: string): Promise<AnchorLine>
  /** After the last nest. */
  close(): Promise<void>
}

export interface AnchorLine {
  readonly pid: number
  onLine(listener: (line: string) => void): void
  /** Resolves when the process has closed its end, which it does by ending. */
  readonly gone: Promise<void>
  write(text: string): void
  /** No more orders: it ends. */
  end(): void
}

/** `directory` is made here, for root alone; `skeleton` is what every nest begins with. */
export const openMaker = async (directory: string, skeleton: readonly string[]): Promise<Maker> => {
  mkdirSync(directory, { mode: 0o700 })
  const socket = join(directory, 'socket')
  const waiting = new Map<string, PromiseWithResolvers<AnchorLine>>()
  const server = await listen(socket, (connection) => {
    const line = lineOf(connection)
    // The first thing an anchor says is whose it is, and who it is.
    line.onLine((said) => {
      const [id = '', pid] = said.split(' ')
      const waits = waiting.get(id)
      if (waits === undefined) connection.destroy()
      else waits.resolve({ ...line, pid: Number(pid) })
    })
  })
  const start = () => {
    const program = startProgram(socket, `${skeleton.join('\n')}\nserve\n`)
    void program.gone.then(() => {
      for (const { reject } of waiting.values()) reject(ended())
    })
    return program
  }
  let program = start()
  const anchor = async (id: string): Promise<AnchorLine> => {
    if (program.hasEnded()) program = start()
    const waits = Promise.withResolvers<AnchorLine>()
    waiting.set(id, waits)
    const timer = setTimeout(() => waits.reject(unanswered()), toolMs)
    program.write(`${id}\n`)
    try {
      return await waits.promise
    } finally {
      clearTimeout(timer)
      waiting.delete(id)
    }
  }
  const close = async () => {
    server.close()
    await program.end()
  }
  return { anchor, close }
}

const ended = () => fault('E_SANDBOX_LOST', { detail: 'the maker of nests is gone' })
const unanswered = () => fault('E_SANDBOX_UNAVAILABLE', { detail: 'the maker of nests does not answer' })

const startProgram = (socket: string, preamble: string) => {
  const child = spawn('perl', makerArguments(socket), { stdio: ['pipe', 'ignore', 'inherit'] })
  let ended = false
  const gone = new Promise<void>((resolve) => {
    for (const event of ['exit', 'error']) child.once(event, () => resolve())
  }).then(() => {
    ended = true
  })
  child.stdin?.on('error', () => undefined)
  child.stdin?.write(preamble)
  return {
    gone,
    hasEnded: () => ended,
    write: (text: string) => void child.stdin?.write(text),
    end: async () => {
      const timer = setTimeout(() => child.kill('SIGKILL'), toolMs)
      child.stdin?.end()
      await gone
      clearTimeout(timer)
    },
  }
}

const listen = (path: string, onConnection: (connection: Socket) => void): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer(onConnection)
    server.once('error', reject)
    server.listen(path, () => resolve(server))
  })

const lineMax = 4096

const lineOf = (connection: Socket): Omit<AnchorLine, 'pid'> => {
  let listener: (line: string) => void = () => undefined
  let rest = ''
  connection.setEncoding('utf8')
  connection.on('error', () => undefined)
  connection.on('data', (chunk: string) => {
    const lines = `${rest}${chunk}`.split('\n')
    rest = (lines.pop() ?? '').slice(0, lineMax)
    for (const line of lines) listener(line)
  })
  return {
    onLine: (heard) => {
      listener = heard
    },
    gone: new Promise<void>((resolve) => connection.once('close', () => resolve())),
    write: (text) => void connection.write(text),
    end: () => void connection.end(),
  }
}
