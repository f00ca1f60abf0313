// The only file that starts processes. No shell, no inherited environment: what a child gets is what is written here.
import {
  type ChildProcess,
  type IOType,
  type SpawnOptions as NodeSpawnOptions,
  spawn as nodeSpawn,
} from 'node:child_process'
import type { Stream } from 'node:stream'

export type { ChildProcess } from 'node:child_process'

export type SpawnOptions = {
  /** The whole environment of the child; default: PATH only. */
  readonly env?: Readonly<Record<string, string>>
  /** Default `/`: dash exports PWD, so another directory would show inside a sandbox (isolation.md §2.3). */
  readonly cwd?: string
  readonly stdio?: readonly (IOType | 'ipc' | Stream | number | null | undefined)[] | IOType
  readonly uid?: number
  readonly gid?: number
  readonly detached?: boolean
  readonly signal?: AbortSignal
  readonly argv0?: string
}

/** The PATH our own children get. */
export const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export const spawn = (file: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess => {
  // SAFE: an argument array without a shell; the environment is exactly what the caller wrote.
  return nodeSpawn(file, [...args], {
    shell: false,
    env: { PATH: systemPath, ...options.env },
    cwd: options.cwd ?? '/',
    stdio: (options.stdio ?? ['ignore', 'pipe', 'pipe']) as NodeSpawnOptions['stdio'],
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
    ...(options.detached === undefined ? {} : { detached: options.detached }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.argv0 === undefined ? {} : { argv0: options.argv0 }),
  } as NodeSpawnOptions)
}

export type RunResult = {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: Buffer
  readonly stderr: Buffer
}

/**
 * Runs a program to its end and gathers its output, at most `limitBytes` of each stream (default 16 MiB).
 * Never rejects for a bad exit code; rejects when the program cannot be started. After `timeoutMs` it is killed.
 */
export const run = (
  file: string,
  args: readonly string[],
  options: SpawnOptions & {
    readonly input?: string | Uint8Array
    readonly timeoutMs: number
    readonly limitBytes?: number
  },
): Promise<RunResult> =>
  new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      ...options,
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    const limitBytes = options.limitBytes ?? 16 * 1024 * 1024
    const stdout = gather(child.stdout, limitBytes)
    const stderr = gather(child.stderr, limitBytes)
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs)
    child.on('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) })
    })
    child.stdin?.on('error', () => undefined)
    if (options.input !== undefined) child.stdin?.end(options.input)
  })

const gather = (stream: NodeJS.ReadableStream | null, limitBytes: number): Buffer[] => {
  const chunks: Buffer[] = []
  let size = 0
  stream?.on('data', (chunk: Buffer) => {
    if (size >= limitBytes) return
    const part = chunk.subarray(0, limitBytes - size)
    size += part.length
    chunks.push(part)
  })
  return chunks
}
