// The command line. Composes its surroundings and the verbs of other zones; everything heavy is loaded when a verb
// needs it. For `mayfly run` and `doctor` it is the runner half and starts the jailer as its child (isolation.md §2.10).
import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { catalogue } from '../base/faults.ts'
import {
  createProgram,
  type Output,
  openerOf,
  openPage,
  runProgram,
  type Surroundings,
  startPager as spawnPager,
} from '../cli/index.ts'
import { randomBytes, systemClock } from '../sys/index.ts'
import { startLocalJailer } from './local-jailer.ts'
import { addOperatorCommands, findHome } from './operator-commands.ts'

const home = findHome(import.meta.filename)

/** After a verb, until what is left of it is left alone. */
const lingerMs = 2_000

/** These only pass on what comes, perhaps for hours: whoever read it has gone (`mayfly logs -f | grep -m1 ready`). */
const passOn = ['logs', 'api', 'watch']
let verb: Command | null = null

/** A closed pipe (`mayfly runs list | head`) is no error; a full disk is one, whatever the verb came to. */
const onUnwritten = ({ code, message }: NodeJS.ErrnoException): void => {
  if (code === 'EPIPE') {
    onReaderGone()
    return
  }
  process.stderr.write(`mayfly: not all of the output was written: ${message}\n`)
  process.once('exit', (ended) => {
    if (ended === 0) process.exitCode = catalogue.E_DISK_FULL.exit
  })
}

const onReaderGone = (): void => {
  const isWatching = verb?.opts<{ watch?: boolean }>().watch === true
  // What runs here is given back first, as at Ctrl-C.
  if (isWatching && verb?.name() === 'run') interrupted.abort()
  else if (isWatching || passOn.includes(verb?.name() ?? '')) process.exit(0)
}

const outputTo = (stream: NodeJS.WriteStream): Output => ({
  write: (text) => void stream.write(text),
  isTerminal: stream.isTTY === true,
  // As it is now: a window changes its size.
  get columns() {
    return stream.columns ?? 80
  },
  get rows() {
    return stream.rows
  },
})

const readStdin = async (): Promise<string> => Buffer.from(await gather(process.stdin)).toString('utf8')

/** Keys as they are typed: nothing is echoed, and neither history nor screen keeps it. */
const readHidden = async (question: string): Promise<Uint8Array> => {
  const { stdin, stderr } = process
  if (!stdin.isTTY) return gather(stdin)
  stderr.write(question)
  stdin.setRawMode(true)
  try {
    return await readLine(stdin)
  } finally {
    stdin.setRawMode(false)
    stdin.pause()
    stderr.write('\n')
  }
}

const gather = async (input: AsyncIterable<Uint8Array>): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of input) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Raw mode gives every key: the ends of a line, the keys that erase, and those that mean to stop. */
const readLine = async (input: AsyncIterable<Uint8Array>): Promise<Uint8Array> => {
  const typed: number[] = []
  for await (const chunk of input)
    for (const byte of chunk) {
      if (byte === 0x0d || byte === 0x0a || byte === 0x04) return Uint8Array.from(typed)
      if (byte === 0x03) process.exit(130)
      if (byte === 0x7f || byte === 0x08) typed.pop()
      else typed.push(byte)
    }
  return Uint8Array.from(typed)
}

/** As the terminal gives it, when Enter is pressed. */
const readTyped = (signal: AbortSignal): Promise<string> =>
  new Promise((resolve) => {
    const { stdin } = process
    const done = (text: string) => {
      stdin.pause()
      resolve(text)
    }
    stdin.once('data', (bytes) => done(String(bytes)))
    stdin.once('end', () => done(''))
    signal.addEventListener('abort', () => done(''), { once: true })
  })

const versionOf = (): string => {
  const path = join(home, 'package.json')
  if (!existsSync(path)) return '0.0.0'
  const manifest: unknown = JSON.parse(readFileSync(path, 'utf8'))
  const version =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : null
  return String(version)
}

const layout = async () => {
  const { findLayout } = await import('../supervisor/index.ts')
  const uid = process.getuid?.() ?? 0
  return findLayout({ data: process.env.MAYFLY_DATA, environment: process.env, isRoot: uid === 0, uid })
}

const operatorSocket = async (): Promise<string> => (await layout()).operatorSocket

/** What jobs may reach is the operator's word, here as on a server. */
const openSandboxes = async () => {
  // Before anything is loaded: it takes as long as all of that.
  const jailer = startLocalJailer({ runtime: process.env.XDG_RUNTIME_DIR })
  const settings = readSettings().catch(async (error: unknown) => {
    await jailer.close()
    throw error
  })
  const [{ openLocalSandboxes }, { egress, isolation }] = await Promise.all([
    import('./local-sandboxes.ts'),
    settings,
  ])
  return openLocalSandboxes({ privateRanges: egress.allow, egressDefault: egress.default, isolation }, jailer)
}

const readSettings = async () => {
  const { ensureSettings } = await import('../supervisor/index.ts')
  return ensureSettings(await layout(), (line) => around.stderr.write(`${line}\n`))
}

const interrupted = new AbortController()
let isPaging = false

/** While it is there, Ctrl-C is the pager's: ending us would leave it without a terminal. */
const startPager: Surroundings['startPager'] = (words, env) => {
  const pager = spawnPager(words, { env, cwd })
  isPaging = pager !== null
  pager?.ended.then(() => {
    isPaging = false
  })
  return pager
}

/** Whoever removes a directory may still stand in it. */
const findCwd = (): string => {
  try {
    return process.cwd()
  } catch {
    process.stderr.write('mayfly: the directory you are in is not there any more: change to another one\n')
    process.exit(catalogue.E_INPUT.exit)
  }
}
const cwd = findCwd()

const around: Surroundings = {
  environment: process.env,
  cwd,
  stdout: outputTo(process.stdout),
  stderr: outputTo(process.stderr),
  stdinIsTerminal: process.stdin.isTTY === true,
  readStdin,
  readHidden,
  readLine: () => readTyped(interrupted.signal),
  clock: systemClock,
  randomBytes,
  version: versionOf(),
  interrupted: interrupted.signal,
  setExitCode: (code) => {
    process.exitCode = code
  },
  operatorSocket,
  places: layout,
  roster: async () => readFile((await layout()).roster, 'utf8').catch(() => null),
  openSandboxes,
  startPager,
  openPage: (address) => {
    const here = { platform: process.platform, environment: process.env }
    return openPage(openerOf(here), here, address)
  },
}

const listenForInterrupts = () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      // The second one means it.
      if (interrupted.signal.aborted && !isPaging) process.exit(130)
      interrupted.abort()
    })
}

process.stdout.once('error', onUnwritten)
// Nobody is left to be told, and after its first error a stream may have more.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

const program = createProgram(around, (commands) => addOperatorCommands(commands, home, around.version))
program.hook('preAction', (_program, called) => {
  verb = called
  // `up` has handlers of its own and stays until it has undone everything.
  if (called.name() !== 'up') listenForInterrupts()
})
await runProgram(program, around, process.argv.slice(2))
// The verb is over. What may still wait in here (a timer that nobody stopped) is nothing that a person or a script waits for; a slow
// reader of what was said is.
setInterval(() => {
  if (process.stdout.writableLength + process.stderr.writableLength === 0) process.exit()
}, lingerMs).unref()
