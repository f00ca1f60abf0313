// Surroundings of the command line for tests: what it writes is kept, nothing of this machine is read by accident.
import type { LocalSandboxes, Surroundings } from '../../src/cli/index.ts'
import { createProgram, runProgram, startPager } from '../../src/cli/index.ts'
import { randomBytes, systemClock } from '../../src/sys/index.ts'

export type CommandResult = { readonly code: number; readonly stdout: string; readonly stderr: string }

export type CommandOptions = {
  readonly cwd?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly stdin?: string
  readonly operatorSocket?: string
  readonly roster?: string
  readonly data?: string
  readonly sandboxes?: () => Promise<LocalSandboxes>
  readonly interrupted?: AbortSignal
  readonly isTerminal?: boolean
  readonly stdinIsTerminal?: boolean
  /** Of the terminal; without it nothing is drawn anew in its place. */
  readonly rows?: number
  readonly clock?: Surroundings['clock']
  readonly openPage?: Surroundings['openPage']
}

/** Runs one command line in this process. */
export const runCommand = async (
  words: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> => {
  const written = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] }
  const exit = { code: 0 }
  const output = (to: Uint8Array[]) => ({
    write: (text: string | Uint8Array) => void to.push(Buffer.from(text as string)),
    isTerminal: options.isTerminal ?? false,
    columns: 100,
    rows: options.rows,
  })
  const around: Surroundings = {
    environment: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', ...options.environment },
    cwd: options.cwd ?? '/',
    stdout: output(written.stdout),
    stderr: output(written.stderr),
    stdinIsTerminal: options.stdinIsTerminal ?? false,
    readStdin: async () => options.stdin ?? '',
    readHidden: async () => Buffer.from(options.stdin ?? ''),
    readLine: async () => options.stdin ?? '',
    clock: options.clock ?? systemClock,
    randomBytes,
    version: '0.0.0-test',
    interrupted: options.interrupted ?? new AbortController().signal,
    setExitCode: (code) => {
      exit.code = code
    },
    operatorSocket: async () => options.operatorSocket ?? '/nonexistent/operator.sock',
    places: async () => ({
      data: options.data ?? '/nonexistent/data',
      rootKey: `${options.data}-etc/root.key`,
    }),
    roster: async () => options.roster ?? null,
    openSandboxes: options.sandboxes ?? (() => Promise.reject(new Error('this test has no sandboxes'))),
    openPage: options.openPage ?? (async () => false),
    startPager: (words, env) => startPager(words, { env, cwd: options.cwd ?? '/' }),
  }
  await runProgram(createProgram(around), around, words)
  return {
    code: exit.code,
    stdout: Buffer.concat(written.stdout).toString(),
    stderr: Buffer.concat(written.stderr).toString(),
  }
}
