// Commands that configurations expect of the images they name and that cannot be what they are there, where a job runs with
// the machine's own tools (decision 0037): nobody in a sandbox is root, and what the machine has installed is read-only.
// Like those of job-commands.ts they are POSIX sh; a job that brings its own finds it first in its own PATH only.

export const hostCommandsPath = '/etc/mayfly/host'

/** Goes on as the job's user, whose everything is that it may change. Options are dropped; `sudo NAME=value …` is kept. */
const sudo = `#!/bin/sh
mf_shell=
while [ $# -gt 0 ]; do
  case $1 in
    --) shift; break ;;
    --login | --shell) mf_shell=yes; shift ;;
    --user | --group | --prompt | --host | --chdir | --chroot | --close-from | --role | --type | --command-timeout)
      shift; [ $# -eq 0 ] || shift ;;
    --*) shift ;;
    -?*)
      mf_word=\${1#-}
      shift
      while [ -n "$mf_word" ]; do
        mf_rest=\${mf_word#?}
        case $mf_word in
          # With a value: the rest of the word or the next one.
          [CDghpRrTtUu]*) [ -n "$mf_rest" ] || [ $# -eq 0 ] || shift; mf_rest= ;;
          [is]*) mf_shell=yes ;;
        esac
        mf_word=$mf_rest
      done ;;
    *) break ;;
  esac
done
if [ -z "$mf_shell" ]; then
  [ $# -gt 0 ] || exit 0
  exec /usr/bin/env "$@"
fi
[ $# -gt 0 ] || exec "\${SHELL:-/bin/sh}"
exec "\${SHELL:-/bin/sh}" -c '"$@"' sh "$@"
`

/**
 * Installs nothing, but many configurations ask for what the machine has anyway: then that is said, and the step goes on.
 * Every Debian package that is installed has its directory below /usr/share/doc.
 */
const aptGet = `#!/bin/sh
mf_self=\${0##*/}
[ -x "/usr/bin/$mf_self" ] || { printf '%s: not found\\n' "$mf_self" >&2; exit 127; }
mf_say() { printf '%s: %s\\n' "$mf_self" "$1" >&2; }
mf_verb= mf_have= mf_miss=
while [ $# -gt 0 ]; do
  case $1 in
    -o | -c | -t | -a | -P | --option | --config-file | --target-release | --default-release | --host-architecture | --build-profiles)
      shift ;;
    -*) ;;
    *)
      if [ -z "$mf_verb" ]; then mf_verb=$1
      else
        mf_name=\${1%%[=/:]*}
        case $mf_name in
          '' | *[!abcdefghijklmnopqrstuvwxyz0123456789.+-]*) mf_miss="$mf_miss $1" ;;
          *) if [ -e "/usr/share/doc/$mf_name" ]; then mf_have="$mf_have $mf_name"; else mf_miss="$mf_miss $1"; fi ;;
        esac
      fi ;;
  esac
  [ $# -eq 0 ] || shift
done
case $mf_verb in
  update | upgrade | dist-upgrade | full-upgrade | clean | autoclean | autoremove | check)
    mf_say "nothing to do: the job runs with the machine's own tools, which stay as they are" ;;
  install | reinstall | build-dep)
    [ -z "$mf_have" ] || mf_say "on this machine already:$mf_have"
    [ -n "$mf_miss" ] || exit 0
    mf_say "not on this machine:$mf_miss; the job runs with the machine's own tools, which its operator installs"
    exit 100 ;;
  *) mf_say "\${mf_verb:-without a command}: the job runs with the machine's own tools, which it cannot change"; exit 100 ;;
esac
`

/** Text by name. */
export const hostCommands: Readonly<Record<string, string>> = { sudo, 'apt-get': aptGet, apt: aptGet }
