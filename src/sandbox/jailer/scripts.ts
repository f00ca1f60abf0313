// Shell text of the jailer's own children and of what runs first in a cell. Constant: values come as positional
// parameters or lines on a pipe, never spliced in.

export const loopPath = '/etc/mayfly/loop'
export const stepPath = '/etc/mayfly/step'

/**
 * Builds a nest (isolation.md §2.2 steps 3–9), leaves a child behind as its anchor and becomes its job cell. The anchor
 * holds the mount namespace until its orders end, and does the few things that need root inside it: each line read is
 * one order, each answer one line. It begins with both ends of the cell's pipes open, until the jailer has its own.
 * $1 nest directory, $2 prepared base, $3 uid of the job, $4 hard limit of descriptors, $5 a file for \`mount -a\`, $6
 * lines for \`ip\`, empty without a network; then the cgroup.procs files to enter. Descriptors: 3 options, 4 filter,
 * 5 status of bwrap, 6 orders to the anchor. Every program started here costs a nest about 1.3 ms: one for the network,
 * one for all mounts, one copy. The working directory stays /, because the shell exports it and a cell could read it.
 */
export const nestScript = `
umask 022
nest=$1 base=$2 uid=$3 fds=$4 mounts=$5 net=$6
shift 6
if [ -n "$net" ]; then
  echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6 && echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start || exit 1
  ip -batch - <<END || exit 1
$net
END
fi
mount -n -i -a -T "$mounts" || exit 1
cp -dR --preserve=mode -- "$base/copied/nest/." "$nest" || exit 1
job=$nest/sets/job/0
exec 8<>"$job/in" 9<>"$job/out" || exit 1
obey() {
  case $1 in
    held) exec 8<&- 9>&- ;;
    size) mount -n -i -o "remount,size=$2,nr_inodes=$3" "$nest" ;;
    fifos)
      names=
      for set in $2 $3 $4; do names="$names $set/pro $set/in $set/out $set/err"; done
      mkfifo -m 0666 -- $names ;;
    source) mkdir -p "src/$2" "root/$3" && mount -n -i --bind -o ro "$4" "src/$2" ;;
    drop) rm -rf "sets/$2" "cells/$2" ;;
    *) return 1 ;;
  esac
}
{
  read -r pid _ </proc/self/stat
  cd "$nest" || exit 1
  echo "ready $pid"
  while read -r verb a b c; do
    if obey "$verb" "$a" "$b" "$c"; then echo ok; else echo no; fi
  done
} <&6 3<&- 4<&- 5>&- 6<&- &
exec <"$job/in" >"$job/out" 2>/dev/null 6<&- 8<&- 9>&- || exit 1
if [ "$fds" -gt 1024 ]; then ulimit -S -n 1024; else ulimit -S -n "$fds"; fi
ulimit -H -n "$fds" || exit 98
for file in "$@"; do echo 0 >"$file" || exit 97; done
exec setpriv --reuid "$uid" --regid "$uid" --clear-groups -- bwrap --args 3 -- /bin/sh ${loopPath}
`

/**
 * One process that becomes the cell (§2.3): enters the cgroups named before "--", bounds its descriptors, then execs
 * what follows. $1 is the hard limit of descriptors; the soft one is what programs expect, 1024.
 */
export const chainScript = `
umask 022
if [ "$1" -gt 1024 ]; then ulimit -S -n 1024; else ulimit -S -n "$1"; fi
ulimit -H -n "$1" || exit 98
shift
while [ "$1" != -- ]; do
  echo 0 >"$1" || exit 97
  shift
done
shift
exec "$@"
`

/**
 * The step loop of a job cell (§2.9). Foreground steps are numbered 1, 2, 3 …: a copy of this shell always waits for the
 * prologue of the next on a FIFO and becomes the step, so that starting one costs no process but its own, and having one
 * wait starts no program. Background steps are numbers read from stdin; they ignore SIGINT and SIGQUIT, as POSIX says of
 * asynchronous lists, which is why the foreground is the one that is not in such a list. When nobody holds the other end
 * of stdin any more, the cell ends. What is said on stdout ("start N PID" by the prologue, "end N CODE" here) is hostile
 * input to the runner.
 */
export const loopScript = `
exec 3>&1 4<&0 </dev/null >/dev/null
step() {
  (
    set -- "/run/mayfly/$1" "$1"
    . "$1/pro"
    exit 126
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

/** What waits for a prologue in a cell of its own, where $1 is ".". The prologue execs the step. */
export const stepScript = `
set -- "/run/mayfly/$1" "$1"
. "$1/pro"
exit 126
`
