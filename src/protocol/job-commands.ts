// The commands of ours that every job finds on its PATH. The jailer keeps them beside the other files of a nest, so that
// no job pays for making them; what they leave behind is read by the shell around a step (runner/steps/shell.ts).
// They need no more than a POSIX sh, and for `tests` also `sort` and (by file size) `wc`: no Node, no awk. Variables begin
// with mf_, so that none of the job's is changed.
import { envSubstText } from './job-commands/env-subst.ts'
import { globText } from './job-commands/glob.ts'
import { oidcText } from './job-commands/oidc.ts'
import { signText } from './job-commands/sign.ts'
import { splitText } from './job-commands/split.ts'

export { freshTokensPath, identityVariable } from './job-commands/oidc.ts'
export { failedTestsPath, taskDataPath, testTimingsPath } from './job-commands/split.ts'

export const jobCommandsPath = '/etc/mayfly/bin'

/** There once a step has asked to end the job after it. */
export const haltPath = '/tmp/.mayfly-halt'

const head = `#!/bin/sh
mf_self=\${0##*/}
mf_note() { printf '%s: %s\\n' "$mf_self" "$1" >&2; }
mf_fail() { mf_note "$1"; exit 1; }
mf_need() { command -v "$1" >/dev/null || mf_fail "the program $1 is needed and not in this image"; }
`

const circleci = `${head}mf_newline='
'
mf_tab=$(printf '\\t')
# In the order of bytes, which is the same everywhere.
mf_sorted() { LC_ALL=C sort "$@"; }
${globText}${splitText}${envSubstText}${oidcText}
case "\${1:-} \${2:-}" in
  'step halt') : >${haltPath} ;;
  'tests glob') shift 2; mf_glob "$@" ;;
  'tests split' | 'tests run') shift; mf_split "$@" ;;
  'env subst') shift 2; mf_env_subst "$@" ;;
  'run oidc')
    [ "\${3-}" = get ] || mf_fail "$*: this version of Mayfly does not provide it"
    shift 3; mf_oidc_get "$@" ;;
  'run release') mf_note 'releases are not tracked here: nothing to do' ;;
  *) mf_fail "$*: this version of Mayfly does not provide it" ;;
esac
`

// A job may bring a Mayfly of its own: what is not ours to do, the next one on the PATH does.
const mayfly = `${head}${signText}
if [ "\${1:-}" = sign ]; then shift; mf_sign "$@"; exit; fi
mf_path=:$PATH:
while case $mf_path in *:${jobCommandsPath}:*) ;; *) false ;; esac; do
  mf_path=\${mf_path%%:${jobCommandsPath}:*}:\${mf_path#*:${jobCommandsPath}:}
done
mf_path=\${mf_path#:}
mf_other=$(PATH=\${mf_path%:}; command -v mayfly) || mf_fail "$*: in a job there is mayfly sign, and no other Mayfly is on the PATH"
exec "$mf_other" "$@"
`

/** Text by name. */
export const jobCommands: Readonly<Record<string, string>> = { circleci, 'circleci-agent': circleci, mayfly }
