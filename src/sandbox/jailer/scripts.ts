// Shell text of what runs first in a cell. Constant: values come as positional parameters or lines on a pipe, never spliced
// in.

export const loopPath = '/etc/mayfly/loop'
export const stepPath = '/etc/mayfly/step'
/** Rootless: where each step of a cell has the directory that is otherwise beside its FIFOs, below the nest's root. */
export const stepsPlace = 'run/steps'

/**
 * The step loop of a job cell (§2.9). Foreground steps are numbered 1, 2, 3 …: the shell of the first one, in a session of
 * its own, waits for its prologue on a FIFO since the nest was made; for each later one a copy of this shell waits, which
 * costs no program, and becomes such a shell when the prologue comes. Background steps are numbers read from stdin; they
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

/** What waits for a prologue and runs it: in a cell of its own, where $1 is ".", and as the session of a job cell's step. */
export const stepScript = (rootless: boolean): string => `
${rootless ? `[ "$1" = . ] || mkdir "/${stepsPlace}/$1"` : ''}
set -- "/run/mayfly/$1" "$1"
. "$1/pro"
exit 126
`
