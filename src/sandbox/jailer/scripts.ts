// Shell text of what runs first in a cell. Constant: values come as positional parameters or lines on a pipe, never spliced
// in.
import { prologueHeadBytes } from '../limits.ts'

export const loopPath = '/etc/mayfly/loop'
export const stepPath = '/etc/mayfly/step'
export const waitingPath = '/etc/mayfly/waiting'
/** Rootless: where each step of a cell has the directory that is otherwise beside its FIFOs, below the nest's root. */
export const stepsPlace = 'run/steps'

/**
 * The step loop of a job cell (§2.9). Foreground steps are numbered 1, 2, 3 …: the shell of the first one, in a session of
 * its own, has a bash that waits for its prologue since the nest was made; for each later one a copy of this shell waits,
 * which costs no program, and becomes such a shell when the prologue comes. Background steps are numbers read from stdin; they
 * ignore SIGINT and SIGQUIT, as POSIX says of asynchronous lists, which is why the foreground is the one that is not in such
 * a list. When nobody holds the other end of stdin any more, the cell ends. What is said on stdout ("start N PID" by the
 * prologue, "end N CODE" here) is hostile input to the runner.
 */
export const loopScript = `
exec 3>&1 4<&0 </dev/null >/dev/null
step() {
  (
    [ "$1" = 1 ] || exec 5<"/run/mayfly/$1/pro"
    exec /usr/bin/setsid /bin/sh ${stepPath} "$1"
  )
  echo "end $1 $?" >&3
}
{
  while read -r n <&4; do
    { exec 4<&-; step "$n"; } &
  done
  kill -9 $$
} &
exec 4<&-
echo ready >&3
n=0
while :; do
  n=$((n + 1))
  step "$n"
done
`

/**
 * What waits for a prologue and runs it: in a cell of its own, where $1 is ".", and as the session of a job cell's step. For
 * the first of those bash waits, which can become the step's shell without being started first (`waitingScript`); this
 * shell says its `after` then. $2: the session's number, where that is another process.
 */
export const stepScript = (rootless: boolean): string => `
${rootless ? `[ "$1" = . ] || mkdir -p "/${stepsPlace}/$1"` : ''}
if [ "$1 $#" = "1 1" ] && [ -x /bin/bash ]; then
  exec 2>/run/mayfly/1/err
  trap : TERM
  BASH_ENV=${waitingPath} /bin/bash -eo pipefail /run/mayfly/1/s/step 5</run/mayfly/1/pro
  set -- $?
  [ ! -e /run/mayfly/1/s/after ] || . /run/mayfly/1/s/after
  exit $1
fi
set -- "/run/mayfly/$1" "$1" "\${2:-$$}"
. "$1/pro"
exit 126
`

/**
 * What a bash does that was started for a script which is not there yet. It reads the prologue by its length, because it
 * cannot wait for its end: the runner closes a FIFO when the step has told its session. Whoever gets to the end of this
 * file is what a bash would be that began now (`handOver` in prologue.ts); the last line is what it has as `$_`.
 */
export const waitingScript = `
unset BASH_ENV
[ "\${BASH_VERSINFO:-0}" -ge 5 ] || exec /bin/sh ${stepPath} 1 "$PPID"
set +e +o pipefail
set -- /run/mayfly/1 1 "$PPID" waiting
LC_ALL=C
read -rN ${prologueHeadBytes} -u 5 && read -rN "\${REPLY//[!0-9]/}" -u 5 || exit 126
eval "unset REPLY LC_ALL
$REPLY"
: /bin/bash
`
