// The processes inside a sandbox that make an archive and unpack one: few lines of sh around the image's tar. Whatever
// goes wrong in there is the job's affair and comes back in words; only faults of ours reject.

import { PassThrough, Readable } from 'node:stream'
import { isFault } from '../../base/faults.ts'
import { shellQuote } from '../../base/shell-quote.ts'
import type { GuestPath, Sandbox, StepResult, StepSpec } from '../../sandbox/index.ts'
import { archiveMs } from '../limits.ts'
import { ownStep } from '../own-step.ts'
import { tailStream } from '../sink.ts'
import { outOfMemory } from '../step-words.ts'

export type CellPlace = {
  readonly sandbox: Sandbox
  /** Unique within the sandbox. */
  readonly id: string
}
export type CellAnswer<T> =
  | { readonly ok: true; readonly value: T; readonly words: string }
  | { readonly ok: false; readonly code: number; readonly message: string }

const wordsBytes = 16 * 1024

/** Runs `script` and gives what it prints to `consume`. tar says 1 when a file changed while it was read. */
export const fromSandbox = async <T>(
  { sandbox, id }: CellPlace,
  script: { readonly text: string; readonly env: Readonly<Record<string, string>> },
  consume: (bytes: AsyncIterable<Uint8Array>) => Promise<T>,
  signal: AbortSignal,
): Promise<CellAnswer<T>> => {
  const stop = new AbortController()
  const bytes = new PassThrough()
  const words = tailStream(() => undefined, wordsBytes)
  const io = { stdin: null, stdout: bytes, stderr: words.stream, isNoLog: true } as const
  const running = sandbox.exec(stepOf(id, script), io, AbortSignal.any([signal, stop.signal]))
  const ended = running.then((result) => {
    const isGood = result.kind === 'exit' && result.code <= 1
    if (isGood) bytes.end()
    else bytes.destroy(new Error('the archive was not finished'))
    // Of one that was stopped because its bytes were refused, what counts is why.
    return isGood || (result.kind === 'cancelled' && stop.signal.aborted) ? null : result
  })
  // Broken: there is nothing to wait for on the other side.
  ended.catch(() => bytes.destroy())
  const consumed = consume(bytes)
  consumed.catch(() => {
    bytes.destroy()
    stop.abort()
  })
  const [cell, value] = await Promise.allSettled([ended, consumed])
  signal.throwIfAborted()
  if (cell.status === 'rejected') throw cell.reason
  if (cell.value !== null) return failed(cell.value, words.text())
  if (value.status === 'rejected') return explained(value.reason)
  return { ok: true, value: value.value, words: words.text() }
}

/** Gives `tar` to a process that unpacks it below `at`. */
export const unpackInto = async (
  { sandbox, id }: CellPlace,
  at: GuestPath,
  tar: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<CellAnswer<null>> => {
  const stop = new AbortController()
  const words = tailStream(() => undefined, wordsBytes)
  let broken: { readonly error: unknown } | null = null
  const guarded = async function* () {
    try {
      yield* tar
    } catch (error) {
      broken = { error }
      // Half of it is there; the step has failed.
      stop.abort()
    }
  }
  const stdin = Readable.from(guarded(), { objectMode: false })
  const io = { stdin, stdout: words.stream, stderr: words.stream, isNoLog: true } as const
  const step = stepOf(id, { text: unpack, env: { MF_AT: at } })
  const result = await sandbox.exec(step, io, AbortSignal.any([signal, stop.signal]))
  stdin.destroy()
  signal.throwIfAborted()
  const failure: { readonly error: unknown } | null = broken
  if (failure !== null) return explained((failure as { error: unknown }).error)
  return result.kind === 'exit' && result.code === 0
    ? { ok: true, value: null, words: words.text() }
    : failed(result, words.text())
}

/** A file of the job's own, which it may change; its directory is made when it is not there. */
export const writeInto = async (
  { sandbox, id }: CellPlace,
  at: GuestPath,
  text: string,
  signal: AbortSignal,
): Promise<CellAnswer<null>> => {
  const words = tailStream(() => undefined, wordsBytes)
  const io = { stdin: Readable.from([Buffer.from(text)]), stdout: words.stream, stderr: words.stream }
  const step = stepOf(id, { text: write, env: { MF_PATH: at } })
  const result = await sandbox.exec(step, { ...io, isNoLog: true }, signal)
  signal.throwIfAborted()
  return result.kind === 'exit' && result.code === 0
    ? { ok: true, value: null, words: words.text() }
    : failed(result, words.text())
}

const explained = (
  error: unknown,
): { readonly ok: false; readonly code: number; readonly message: string } => {
  const message = jobsOwn(error)
  if (message === null) throw error
  return { ok: false, code: -1, message }
}

/** What is wrong with the files of the job itself, in words; null: the world is broken. */
export const jobsOwn = (error: unknown): string | null =>
  isFault(error, 'E_ARCHIVE') || isFault(error, 'E_TOO_LARGE') || isFault(error, 'E_DISK_FULL')
    ? error.public
    : null

const failed = (result: StepResult, words: string) => {
  if (result.kind !== 'exit') {
    const isOfMemory = result.kind === 'signal' && result.oom
    return {
      ok: false,
      code: -1,
      message: isOfMemory ? outOfMemory : `it ended with ${result.kind}`,
    } as const
  }
  const last = words
    .trim()
    .split('\n')
    .findLast((line) => !sayingNothing.test(line))
  return { ok: false, code: result.code, message: last || `it ended with exit code ${result.code}` } as const
}

/** The last words of tar, after those that say what is wrong. */
const sayingNothing =
  /^tar: (Exiting with failure status due to previous errors|Error is not recoverable: exiting now)$/

const stepOf = (
  id: string,
  { text, env }: { readonly text: string; readonly env: Readonly<Record<string, string>> },
): StepSpec => ({
  ...{ id, kind: 'checkout', cell: 'shared', script: { interpreter: ['/bin/sh'], text: head + text } },
  env: new Map([...Object.entries(env), ['PATH', '/usr/bin:/bin'], ['LC_ALL', 'C']]),
  ...ownStep,
  deadline: archiveMs,
})

/** A job may have set it for itself. */
const head = 'unset TAR_OPTIONS\n'
// Links between files become copies: an archive holds no hard link, and nobody who unpacks it has to follow one.
const tar = 'tar -c -f - --format=pax --pax-option=delete=atime,delete=ctime --hard-dereference'
const unpack =
  'mkdir -p -- "$MF_AT" && exec tar -x -f - -C "$MF_AT" -p --no-same-owner --delay-directory-restore'

const write = 'mkdir -p -- "$(dirname -- "$MF_PATH")" && exec cat > "$MF_PATH"'

export const missingDirectory = 3
const one =
  'one() { if [ -e "./$1" ] || [ -L "./$1" ]; then printf \'./%s\\0\' "$1"; else printf \'missing: %s\\n\' "$1" >&2; fi; }'
// At one depth, with as many slashes in the pattern as in the path, no star can stand for a slash.
const some = `some() {
  [ -n "$(find . -mindepth "$1" -maxdepth "$1" -path "./$2" -print -quit)" ] || printf 'missing: %s\\n' "$2" >&2
  find . -mindepth "$1" -maxdepth "$1" -path "./$2" -print0
}`

/** Those of `paths` that are there, below `root`; stderr names the others (see `missingIn`). */
export const packPaths = (root: GuestPath, paths: readonly string[], mode: 'globs' | 'names') => ({
  text: [
    `cd -- "$MF_ROOT" || exit ${missingDirectory}`,
    one,
    some,
    'names() {',
    ':',
    ...paths.map((path) =>
      mode === 'globs' && /[*?[\\]/.test(path)
        ? `some ${path.split('/').length} ${shellQuote(path)}`
        : `one ${shellQuote(path)}`,
    ),
    '}',
    `names | ${tar} --null --verbatim-files-from --files-from=-`,
  ].join('\n'),
  env: { MF_ROOT: root },
})

export const missingIn = (words: string): readonly string[] =>
  words.split('\n').flatMap((line) => (line.startsWith('missing: ') ? [line.slice(9)] : []))

export const nothingThere = 4

/** A directory as `.` and what is in it, anything else by its own name. */
export const packOne = (path: GuestPath) => ({
  text: `if [ -d "$MF_PATH" ]; then cd -- "$MF_PATH" && exec ${tar} .; fi
[ -e "$MF_PATH" ] || exit ${nothingThere}
cd -- "$(dirname -- "$MF_PATH")" && exec ${tar} --dereference -- "$(basename -- "$MF_PATH")"`,
  env: { MF_PATH: path },
})

/** Reports of tests: of a directory what ends with `.xml`, hidden directories left out, anything else by its own name. */
export const packReports = (path: GuestPath) => ({
  text: `if [ -d "$MF_PATH" ]; then
  cd -- "$MF_PATH" || exit ${nothingThere}
  find . -type d -name '.?*' -prune -o -type f -name '*.[xX][mM][lL]' -print0 | ${tar} --null --verbatim-files-from --files-from=-
  exit
fi
[ -e "$MF_PATH" ] || exit ${nothingThere}
cd -- "$(dirname -- "$MF_PATH")" && exec ${tar} --dereference -- "$(basename -- "$MF_PATH")"`,
  env: { MF_PATH: path },
})

/** The bytes of one file. */
export const readFile = (path: GuestPath) => ({
  text: `[ -f "$MF_PATH" ] || exit ${nothingThere}\nexec cat -- "$MF_PATH"`,
  env: { MF_PATH: path },
})
