// What every step that carries files is given, and what it answers.
import type { CacheHit } from '../../../protocol/stored-object.ts'
import type { GuestPath, Sandbox } from '../../../sandbox/index.ts'
import type { JobAttempt } from '../../job-attempt.ts'
import type { AttemptSink } from '../../sink.ts'
import type { NotKept, Stores } from '../../stores/stores.ts'

export type FilesPlace = {
  readonly sandbox: Sandbox
  readonly stores: Stores
  readonly job: JobAttempt
  /** Unique within the sandbox. */
  readonly id: string
  readonly workdir: GuestPath
  readonly nowMs: () => number
  readonly print: (text: string) => Promise<void> | undefined
  /** Puts something else in the place of secrets; absent where the job has none. */
  readonly mask?: ((text: string) => string) | undefined
  /** Looks for secrets in a file that people get; absent where the job has none. */
  readonly watch?: AttemptSink['watch'] | undefined
}

export type FilesAnswer =
  | {
      readonly ok: true
      /** Of a step that restores one. */
      readonly cache?: CacheHit
    }
  | { readonly ok: false; readonly message: string }

export const done: FilesAnswer = { ok: true }

export const notKept = async (place: FilesPlace, { why }: NotKept): Promise<FilesAnswer> => {
  await place.print(`${why}: nothing is stored`)
  return done
}

export const sizeText = (bytes: number): string => {
  const units = ['B', 'KiB', 'MiB', 'GiB'] as const
  const at = Math.min(Math.floor(Math.log2(Math.max(1, bytes)) / 10), units.length - 1)
  return `${at === 0 ? bytes : (bytes / 1024 ** at).toFixed(1)} ${units[at]}`
}
