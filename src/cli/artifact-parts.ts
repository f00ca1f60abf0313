// Where an artifact goes below a directory that a person named. Names of jobs and files are somebody else's words: none of
// their parts may be a way up, and the name of a job is one part.

/** null: it is not written. */
export const artifactParts = (job: string, path: string): readonly string[] | null => {
  const parts = [job.replaceAll('/', '_'), ...path.split('/')]
  const isBad = parts.some((part) => ['', '.', '..'].includes(part) || /[\0\\]/.test(part))
  return isBad ? null : parts
}
