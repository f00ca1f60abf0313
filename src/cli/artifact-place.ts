// Where an artifact goes below a directory that a person named. Names of jobs and files are somebody else's words, and what lies in
// the directory may have come with a repository: no way up, and no link on the way to a file.
import { lstat, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureDirectory } from '../sys/index.ts'

export type ArtifactPlace =
  | { readonly ok: true; readonly path: string }
  /** It is not written. */
  | { readonly ok: false; readonly why: string }

/** Makes the directories that lead there; of the file itself nothing is looked at. The name of a job is one part. */
export const makeArtifactPlace = async (
  directory: string,
  job: string,
  path: string,
): Promise<ArtifactPlace> => {
  const parts = [job.replaceAll('/', '_'), ...path.split('/')]
  const isBad = parts.some((part) => ['', '.', '..'].includes(part) || /[\0\\]/.test(part))
  if (isBad) return { ok: false, why: `an artifact with the name ${JSON.stringify(path)} is not written` }
  await ensureDirectory(directory, 0o777)
  let at = directory
  for (const part of parts.slice(0, -1)) {
    at = join(at, part)
    if (!(await makeDirectory(at)))
      return { ok: false, why: `an artifact could not be written: ${at} is there and no directory` }
  }
  return { ok: true, path: join(at, parts.at(-1) ?? '') }
}

/** False: something else is there. */
const makeDirectory = async (path: string): Promise<boolean> => {
  try {
    await mkdir(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return (await lstat(path)).isDirectory()
  }
}
