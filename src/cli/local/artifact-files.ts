// Artifacts of `mayfly run` as files below the directory that the person named. What lies in there may have come with the
// repository: no link is followed on the way to a file, and what cannot be written is the step's failure, in words.
import { constants, createReadStream } from 'node:fs'
import { lstat, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createZstdDecompress } from 'node:zlib'
import { fault, isFault } from '../../base/faults.ts'
import type { ArtifactEntry } from '../../protocol/stored-wire.ts'
import { artifactParts } from '../artifact-parts.ts'

export type ArtifactPlace = { readonly directory: string; readonly job: string }

/** `packed`: what the entries lie in, each compressed by itself. */
export const writeArtifactFiles = async (
  { directory, job }: ArtifactPlace,
  packed: string,
  entries: readonly ArtifactEntry[],
): Promise<void> => {
  try {
    await mkdir(directory, { recursive: true })
    for (const entry of entries) await writeFile(directory, artifactParts(job, entry.path), packed, entry)
  } catch (error) {
    if (isFault(error)) throw error
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    throw notWritten(`an artifact could not be written: ${message}`, error)
  }
}

const writeFile = async (
  directory: string,
  parts: readonly string[] | null,
  packed: string,
  { path, offset, length }: ArtifactEntry,
): Promise<void> => {
  if (parts === null) throw notWritten(`an artifact with the name ${JSON.stringify(path)} is not written`)
  let at = directory
  for (const part of parts.slice(0, -1)) {
    at = join(at, part)
    await makeDirectory(at)
  }
  at = join(at, parts.at(-1) ?? '')
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants
  const file = await open(at, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
  const bytes = createReadStream(packed, { start: offset, end: offset + length - 1 })
  await pipeline(bytes, createZstdDecompress(), file.createWriteStream())
}

const makeDirectory = async (path: string): Promise<void> => {
  try {
    await mkdir(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    if (!(await lstat(path)).isDirectory())
      throw notWritten(`an artifact could not be written: ${path} is there and no directory`)
  }
}

const notWritten = (words: string, cause?: unknown) => fault('E_ARCHIVE', { public: words, cause })
