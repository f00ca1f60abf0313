// A whole installation for end-to-end tests: the real `mayfly up` of this clone on a fresh data directory and free
// ports, as a separate process, and everything it printed. Closing it proves that nothing is left.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const repository = join(import.meta.dirname, '../..')
export const node = process.execPath

export type TestInstallation = {
  readonly url: string
  readonly claimUrl: string | null
  readonly data: string
  readonly run: string
  readonly port: number
  readonly runnerPort: number
  readonly pid: number
  readonly output: () => string
  /** Runs the CLI against this installation as its operator. */
  readonly cli: (...args: readonly string[]) => CliResult
  /** The same with a home of its own and something on standard input. */
  readonly cliWith: (
    given: { readonly home: string; readonly stdin?: string },
    ...args: readonly string[]
  ) => CliResult
  /** SIGKILL, as a crash would; `restart` brings it back on the same data. */
  readonly kill: () => Promise<void>
  readonly restart: () => Promise<TestInstallation>
  /** Ctrl-C, then waits for the end and removes the data. */
  readonly close: () => Promise<void>
}

export type CliResult = { readonly code: number; readonly stdout: string; readonly stderr: string }

export type InstallationOptions = {
  readonly args?: readonly string[]
  readonly data?: string
  readonly keepData?: boolean
  /** What goes with its end; default the data, or the place that was made for them. */
  readonly place?: string
  /** Text of mayfly.yml, as the operator wrote it before the first start. */
  readonly settings?: string
}

const upDeadlineMs = 120_000
const downDeadlineMs = 60_000

export const openInstallation = async (options: InstallationOptions = {}): Promise<TestInstallation> => {
  const parent = options.data === undefined ? await mkdtemp(join(tmpdir(), 'mayfly-e2e-')) : null
  if (parent !== null) execFileSync('chmod', ['711', parent])
  const data = options.data ?? join(parent ?? '', 'data')
  const place = options.place ?? parent ?? data
  if (options.settings !== undefined) await writeSettings(data, options.settings)
  const port = await freePort()
  const runnerPort = await freePort()
  const args = [
    'up',
    '--data',
    data,
    '--port',
    `${port}`,
    '--runner-port',
    `${runnerPort}`,
    ...(options.args ?? []),
  ]
  const child = spawn(node, [join(repository, 'build/cli.js'), ...args], {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const chunks: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => chunks.push(String(chunk)))
  const output = () => chunks.join('')
  const url = await waitForLine(child, output, /Mayfly is up at (\S+)/)
  return {
    url,
    claimUrl: /Claim it within 30 minutes: (\S+)/.exec(output())?.[1] ?? null,
    data,
    run: runDirectory(data),
    port,
    runnerPort,
    pid: child.pid ?? 0,
    output,
    cli: (...words) => runCli(data, words),
    cliWith: (given, ...words) => runCli(data, words, given),
    kill: async () => {
      child.kill('SIGKILL')
      await ended(child)
    },
    restart: () => openInstallation({ ...options, data, place }),
    close: async () => {
      child.kill('SIGINT')
      await withDeadline(ended(child), downDeadlineMs, () => `mayfly up did not stop:\n${output()}`)
      if (options.keepData !== true) await rm(place, { recursive: true, force: true })
    },
  }
}

const writeSettings = async (data: string, text: string): Promise<void> => {
  await mkdir(`${data}-etc`, { recursive: true, mode: 0o755 })
  await writeFile(join(`${data}-etc`, 'mayfly.yml'), text)
}

export type CliOptions = {
  readonly cwd?: string
  readonly timeoutMs?: number
  readonly home?: string
  readonly stdin?: string
}

export const runCli = (
  data: string,
  words: readonly string[],
  { cwd = '/', timeoutMs = 120_000, home = '/nonexistent', stdin }: CliOptions = {},
): CliResult => {
  try {
    const stdout = execFileSync(node, [join(repository, 'build/cli.js'), ...words], {
      cwd,
      env: { PATH: process.env.PATH ?? '', HOME: home, MAYFLY_DATA: data, NO_COLOR: '1' },
      encoding: 'utf8',
      stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...(stdin === undefined ? {} : { input: stdin }),
      timeout: timeoutMs,
      maxBuffer: 64 * 1024 * 1024,
    })
    return { code: 0, stdout, stderr: '' }
  } catch (error) {
    const failed = error as { status: number | null; stdout: string; stderr: string }
    return { code: failed.status ?? 255, stdout: failed.stdout, stderr: failed.stderr }
  }
}

/** One that a test stops; its temporary files lie in `home`. */
export const startCli = (data: string, words: readonly string[], home: string): ChildProcess =>
  spawn(node, [join(repository, 'build/cli.js'), ...words], {
    env: { PATH: process.env.PATH ?? '', HOME: home, TMPDIR: home, MAYFLY_DATA: data, NO_COLOR: '1' },
    stdio: 'ignore',
  })

const runDirectory = (data: string): string =>
  execFileSync(node, ['--input-type=module', '-e', runDirectoryScript, data], {
    encoding: 'utf8',
    cwd: repository,
  }).trim()

const runDirectoryScript = `
  import { findLayout } from './src/supervisor/index.ts'
  console.log(findLayout({ data: process.argv[1], environment: {}, isRoot: true, uid: 0 }).run)`

/**
 * Below those that Linux gives to outgoing connections (32768 and up): an installation comes back to its port after a
 * restart, and nobody may have got it meanwhile.
 */
export const freePort = async (): Promise<number> => {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(20_000, 32_000)
    if (await isFree(port)) return port
  }
  throw new Error('no free port')
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })

/** Asks `condition` again and again until it answers something that is not null, false or undefined. */
export const waitFor = async <T>(
  what: string,
  condition: () => T | Promise<T>,
  deadlineMs = 60_000,
): Promise<NonNullable<T>> => {
  const until = performance.now() + deadlineMs
  for (;;) {
    const value = await condition()
    if (value !== null && value !== undefined && value !== false) return value as NonNullable<T>
    if (performance.now() > until) throw new Error(`waited ${deadlineMs} ms in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const waitForLine = async (child: ChildProcess, output: () => string, pattern: RegExp): Promise<string> => {
  const until = performance.now() + upDeadlineMs
  for (;;) {
    const match = pattern.exec(output())
    if (match?.[1] !== undefined && output().includes('Press Ctrl-C')) return match[1]
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`mayfly up ended (${child.exitCode}):\n${output()}`)
    if (performance.now() > until) {
      child.kill('SIGINT')
      throw new Error(`mayfly up was not ready in time:\n${output()}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once('exit', () => resolve())
  })

const withDeadline = async <T>(promise: Promise<T>, ms: number, say: () => string): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(say())), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
