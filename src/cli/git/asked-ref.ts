// Which branch or tag a command is about.
import { findBranch } from '../api/find-run.ts'
import type { Surroundings } from '../surroundings.ts'

/** What was asked for, else the branch of this work tree, else the project's default branch. */
export const refOf = async (
  around: Surroundings,
  flags: { branch?: string; tag?: string },
): Promise<string | null> => {
  if (flags.tag !== undefined) return `refs/tags/${flags.tag}`
  const branch = flags.branch ?? (await findBranch(around)).branch
  return branch === null ? null : `refs/heads/${branch}`
}
