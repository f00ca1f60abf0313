// Artifacts of `mayfly run` as files below the directory that the person named. What cannot be written is the step's failure, in words.
import { constants, createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createZstdDecompress } from 'node:zlib'
import { fault, isFault } from '../../base/faults.ts'
import type { ArtifactEntry } from '../../protocol/stored-wire.ts'
import { makeArtifactPlace } from '../artifact-place.ts'

export type ArtifactsOfJob = { readonly directory: string; readonly job: string }

/** `packed`: what the entries lie in, each compressed by itself. */
export const writeArtifactFiles = async (
  of: ArtifactsOfJob,
  packed: string,
  entries: readonly ArtifactEntry[],
): Promise<void> => {
  try {
    for (const entry of entries) await writeFile(of, packed, entry)
  } catch (error) {
    if (isFault(error)) throw error
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    throw notWritten(`an artifact could not be written: ${message}`, error)
  }
}

const writeFile = async (
  { directory, job }: ArtifactsOfJob,
  packed: string,
  { path, offset, length }: ArtifactEntry,
): Promise<void> => {
  const place = await makeArtifactPlace(directory, job, path)
  if (!place.ok) throw notWritten(place.why)
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants
  const file = await open(place.path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
  const bytes = createReadStream(packed, { start: offset, end: offset + length - 1 })
  await pipeline(bytes, createZstdDecompress(), file.createWriteStream())
}

const notWritten = (words: string, cause?: unknown) => fault('E_ARCHIVE', { public: words, cause })
