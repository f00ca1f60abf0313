// What is around the user's shell in a `run` step: a few lines of POSIX sh. They change to the step's directory, and report
// `circleci step halt` on the one stream that the user's script does not have (our stderr).
import { haltPath } from '../../protocol/job-commands.ts'
import type { GuestPath, ShellScript } from '../../sandbox/index.ts'

export const bashEnvPath = '/tmp/.mayfly-bash-env'
export const haltWord = 'halt'

// Positional parameters instead of variables: the job's own environment may use any name. Nothing here starts a program but
// for a working directory that is not there yet.
const before = `command : >>${bashEnvPath}
[ -d "$1" ] || PATH=/usr/bin:/bin mkdir -p -- "$1" 2>&1 || exit 1
cd -- "$2" 2>&1 || exit 1`
const after = `[ ! -e ${haltPath} ] || echo ${haltWord} >&2`

/** The job's working directory, made when it is not there; and the step's, which has to be. */
export type StepDirectories = { readonly root: GuestPath; readonly workdir: GuestPath }

/** How a run step starts. `shell` null: the dialect's default. */
export const launchScript = (
  { root, workdir }: StepDirectories,
  shell: readonly string[] | null,
  text: string,
): ShellScript => ({ shell, before, after, args: [root, workdir], text })
