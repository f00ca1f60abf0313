// The server program. Started by the supervisor as its own user with its configuration on descriptor 3; says
// `{"ready":true,"port":…,"claimUrl":…}` on stdout once it listens. The claim link stands there and nowhere else.
import { fileURLToPath } from 'node:url'
import { isFault } from '../base/faults.ts'
import { createPinoLog, startServer } from '../server/index.ts'
import {
  compileEarly,
  createLog,
  handBackWhenQuiet,
  randomBytes,
  startHeartbeat,
  systemClock,
} from '../sys/index.ts'
import { compilerId } from './compiler-id.ts'
import { readServerConfig } from './server.config.ts'

// Node would open its inspector on SIGUSR1; a handler of our own prevents that.
process.on('SIGUSR1', () => undefined)
process.umask(0o077)

const version = '0.1.0'

/** Beside this file: a bundle in a release, a source file with the repository around it in a clone. */
const isSource = import.meta.url.endsWith('.ts')
const compiler = isSource
  ? { file: './compile.ts', directory: '../..' }
  : { file: './compile.js', directory: '.' }
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

const start = async (): Promise<void> => {
  const config = readServerConfig(3)
  const server = await startServer(config, {
    clock: systemClock,
    randomBytes,
    log: createPinoLog({ level: config.logLevel }),
    version,
    compiler: {
      ...{ node: process.execPath, file: here(compiler.file), directory: here(compiler.directory) },
      id: await compilerId(import.meta.url),
    },
    logSearch: here(isSource ? './log-search.ts' : './log-search.js'),
  })
  const stop = async (): Promise<void> => {
    await server.close()
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop())
  const claimUrl = server.claimUrl?.reveal('the supervisor shows it to the operator') ?? null
  process.stdout.write(`${JSON.stringify({ ready: true, port: server.port, claimUrl })}\n`)
  startHeartbeat()
  compileEarly()
  handBackWhenQuiet()
}

start().catch((error: unknown) => {
  createLog('server').error('the server did not start', { error })
  process.exit(isFault(error) ? error.row.exit : 70)
})
