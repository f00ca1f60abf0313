// What really starts in a cell for a `run` step: a few lines of POSIX sh around the user's shell. They change to
// the step's directory, merge both streams in their true order, choose the default shell by what the image has, and
// report `circleci step halt` on the one stream that the user's script does not have (our stderr).
import { haltPath } from '../../protocol/job-commands.ts'
import type { GuestPath, StepSpec } from '../../sandbox/index.ts'

export const bashEnvPath = '/tmp/.mayfly-bash-env'
export const haltWord = 'halt'

// `trap : TERM` keeps this shell until the user's shell has cleaned up; children get the default action back.
// Positional parameters instead of variables: the job's own environment may use any name. Nothing here starts a program
// besides the user's shell, but for a working directory that is not there yet.
const launch = `trap : TERM
command : >>${bashEnvPath}
[ -d "$1" ] || PATH=/usr/bin:/bin mkdir -p -- "$1" 2>&1 || exit 1
cd -- "$2" 2>&1 || exit 1
unset OLDPWD
if [ "$3" = given ]; then shift 3
elif [ -x /bin/bash ]; then shift 3; set -- /bin/bash -eo pipefail "$@"
elif (set -o pipefail) 2>/dev/null; then shift 3; set -- /bin/sh -eo pipefail "$@"
else shift 3; set -- /bin/sh -e "$@"
fi
"$@" 2>&1
set -- $?
[ ! -e ${haltPath} ] || echo ${haltWord} >&2
exit $1
`

/** The job's working directory, made when it is not there; and the step's, which has to be. */
export type StepDirectories = { readonly root: GuestPath; readonly workdir: GuestPath }

/** How a run step starts. `shell` null: the dialect's default. */
export const launchScript = (
  { root, workdir }: StepDirectories,
  shell: readonly string[] | null,
  text: string,
): StepSpec['script'] => ({
  launch,
  args: [root, workdir, shell === null ? 'default' : 'given', ...(shell ?? [])],
  text,
})
