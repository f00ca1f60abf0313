// Parts of a backup on their way: from a program's output, sealed, into a file, and back into a program's input. Nothing
// is ever on a disk unsealed.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { PassThrough, Readable } from 'node:stream'
import { fault } from '../../base/faults.ts'
import { decryptBlob, encryptBlob } from '../../seal/index.ts'
import { type ChildProcess, spawn } from '../../sys/index.ts'
import { type BackupKeys, fileOf, type Part, type PartName } from './manifest.ts'

export type Command = { readonly file: string; readonly args: readonly string[] } & {
  readonly env?: Readonly<Record<string, string>>
  /** Exit codes that are fine; default 0 alone. */
  readonly accepts?: readonly number[]
}

export const partDeadlineMs = 6 * 3_600_000
const wordsBytesMax = 4096

const objectId = (backup: string, name: PartName): string => `${backup}/${fileOf(name)}`

export type PartPlace = {
  readonly name: PartName
  readonly backup: string
  readonly path: string
  readonly keys: BackupKeys
  /** Somebody does not want it any more. */
  readonly signal: AbortSignal
}

/** Seals what `command` prints into `path`, which must not exist. */
export const sealPart = async (
  { name, backup, path, keys, signal }: PartPlace,
  command: Command,
): Promise<Part> => {
  const file = await open(path, 'wx', 0o600)
  const program = start(command, 'ignore', signal)
  // At once: Node throws away what nobody has begun to read when the program ends.
  const printed = program.child.stdout?.pipe(new PassThrough()) ?? Readable.from([])
  try {
    const hash = createHash('sha256')
    let bytes = 0
    const options = { keyId: 'backup', key: keys.seal, objectId: objectId(backup, name) }
    for await (const chunk of encryptBlob(printed, options)) {
      await file.appendFile(chunk)
      hash.update(chunk)
      bytes += chunk.length
    }
    await program.ended
    await file.sync()
    return { name, bytes, sha256: hash.digest('hex') }
  } finally {
    program.child.kill('SIGKILL')
    await file.close()
  }
}

/** Size and digest, without a key. */
export const checkPart = async (path: string, { name, bytes, sha256 }: Part): Promise<void> => {
  const { size } = await stat(path).catch((cause: unknown) => {
    throw fault('E_OBJECT_MISSING', { public: `${path} is missing`, cause })
  })
  const hash = createHash('sha256')
  if (size === bytes) for await (const chunk of createReadStream(path)) hash.update(chunk)
  if (size === bytes && hash.digest('hex') === sha256) return
  throw fault('E_OBJECT_TAMPERED', { public: `The part ${name} was changed or cut off: ${path}` })
}

/** Gives the opened part to `command`, and what that prints to the caller. A part that does not open ends it. */
export const openPart = async (
  { name, backup, path, keys, signal }: PartPlace,
  command: Command,
): Promise<string> => {
  const program = start(command, 'pipe', signal)
  const printed: Buffer[] = []
  program.child.stdout?.on('data', (chunk: Buffer) => printed.push(chunk))
  const input = program.child.stdin
  // Who reads no more has ended, and its exit code is what counts.
  input?.on('error', () => undefined)
  const over = new AbortController()
  program.ended.finally(() => over.abort()).catch(() => undefined)
  try {
    const opened = decryptBlob(createReadStream(path), {
      keyFor: () => keys.seal,
      objectId: objectId(backup, name),
    })
    for await (const chunk of opened)
      if (input?.write(chunk) === false)
        await once(input, 'drain', { signal: over.signal }).catch(() => program.ended)
    input?.end()
    await program.ended
  } finally {
    program.child.kill('SIGKILL')
  }
  return Buffer.concat(printed).toString()
}

type Program = { readonly child: ChildProcess; readonly ended: Promise<void> }

const start = (command: Command, stdin: 'ignore' | 'pipe', signal: AbortSignal): Program => {
  const child = spawn(command.file, command.args, {
    stdio: [stdin, 'pipe', 'pipe'],
    signal: AbortSignal.any([signal, AbortSignal.timeout(partDeadlineMs)]),
    ...(command.env === undefined ? {} : { env: command.env }),
  })
  const words: Buffer[] = []
  child.stderr?.on('data', (chunk: Buffer) => {
    if (words.reduce((sum, { length }) => sum + length, 0) < wordsBytesMax) words.push(chunk)
  })
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', (cause) => reject(failed(command, cause.message, cause)))
    child.once('close', (code, signal) => {
      if (code !== null && (command.accepts ?? [0]).includes(code)) return resolve()
      reject(failed(command, `${signal ?? `exit code ${code}`}\n${Buffer.concat(words)}`.trim()))
    })
  })
  // Awaited once its streams are through; a failure before that must not count as unhandled.
  ended.catch(() => undefined)
  return { child, ended }
}

const failed = (command: Command, why: string, cause?: unknown) => {
  const isFull = /No space left/.test(why)
  const name = command.args.findLast((word) => /\/(pg_\w+|psql|tar)$/.test(word)) ?? command.file
  return fault(isFull ? 'E_DISK_FULL' : 'E_CHILD_FAILED', {
    public: `${name.split('/').at(-1)} failed: ${why.slice(0, wordsBytesMax)}`,
    cause,
  })
}
