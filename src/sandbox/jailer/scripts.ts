// Shell text of the jailer's own children and of what runs first in a cell. Constant: values come as positional
// parameters or lines on a pipe, never spliced in.

/**
 * Builds a nest and stays as its anchor (isolation.md §2.2 steps 4–7): holds the mount namespace until its stdin
 * ends, and does the few things that need root inside it. Each line read is one order, each answer one line.
 * $1 nest directory, $2 ramdisk bytes, $3 inodes, $4 uid of the job, $5 prepared base; then pairs: directory, place.
 * Every program started here costs a nest about 1.3 ms: one copy, one list of mounts.
 */
export const anchorScript = `
umask 022
nest=$1 uid=$4 base=$5
name="mayfly-\${nest##*/}" cap="size=$2,nr_inodes=$3"
opts="mode=0711,nosuid,nodev"
shift 5
swap=noswap
mount -n -i -t tmpfs -o "$cap,$opts,noswap" "$name" "$nest" 2>/dev/null || {
  swap=swap
  mount -n -i -t tmpfs -o "$cap,$opts" "$name" "$nest" || exit 1
}
cd "$nest" && cp -a "$base/nest/." . || exit 1
chown "$uid:$uid" root/home/ci root/home/ci/project sets/job/*/* || exit 1
mount -n -i -a -T "$base/fstab" || exit 1
while [ $# -gt 0 ]; do
  mkdir -p "root/$2" && mount -n -i --bind -o ro "$1" "root/$2" || exit 1
  shift 2
done
echo "ready $swap"
add_set() {
  dirs="$dirs $1" spaces="$spaces $1/s" fifos="$fifos $1/pro $1/in $1/out $1/err"
}
make_sets() {
  mkdir -p $dirs && mkdir -m 0700 $spaces && mkfifo -m 0600 $fifos && chown "$uid:$uid" $spaces $fifos
}
obey() {
  dirs= spaces= fifos=
  case $1 in
    size) mount -n -i -o "remount,size=$2,nr_inodes=$3" "$nest" ;;
    sets)
      i=$2
      while [ "$i" -lt "$3" ]; do add_set "sets/job/$i"; i=$((i + 1)); done
      make_sets ;;
    cell) add_set "sets/$2" && make_sets ;;
    clean)
      add_set "sets/$2" && make_sets && mkdir -p "cells/$2/home/project" && mkdir -m 1777 "cells/$2/tmp" &&
        chown "$uid:$uid" "cells/$2/home" "cells/$2/home/project" ;;
    source) mkdir -p "src/$2" "root/$3" && mount -n -i --bind -o ro "$4" "src/$2" ;;
    drop) rm -rf "sets/$2" "cells/$2" ;;
    *) return 1 ;;
  esac
}
while read -r verb a b c; do
  if obey "$verb" "$a" "$b" "$c"; then echo ok; else echo no; fi
done
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
 * The step loop of a job cell (§2.9). Foreground steps are numbered 1, 2, 3 …: a shell for the next one always waits, in
 * a session of its own, for its prologue on a FIFO, so that starting a step costs no process but the step's own.
 * Background steps are numbers read from stdin; they ignore SIGINT and SIGQUIT, as POSIX says of asynchronous
 * lists, which is why the foreground is the one that is not in such a list. When nobody holds the other end of stdin
 * any more, the cell ends. What is said on stdout ("start N PID"
 * by the prologue, "end N CODE" here) is hostile input to the runner.
 */
export const loopScript = `
exec 3>&1 4<&0 </dev/null >/dev/null
step() {
  setsid /bin/sh /etc/mayfly/step "$1"
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

/** What waits for a prologue: $1 is the number of the step, or "." in a cell of its own. The prologue execs the step. */
export const stepScript = `
set -- "/run/mayfly/$1" "$1"
. "$1/pro"
exit 126
`

export const loopPath = '/etc/mayfly/loop'
export const stepPath = '/etc/mayfly/step'
