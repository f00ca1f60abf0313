// The shell that runs Git in cells (trust-model.md §4.6). One script fetches one commit where the network and the
// agent are and writes everything on stdout; another unpacks it inside the job's sandbox, without network or keys.
// Values come by environment or as lines of stdin, never inside the text; refs and addresses stand after
// `--end-of-options`. What a script does before its order comes on stdin is done before anybody waits for it. An answer
// on stdout is complete with the line `end <word of the order>`; what ends without it has failed.
import { keptConnectionMs, refsMax } from '../limits.ts'

/** However many files lie beside it. */
export const configurationPath = '.circleci/config.yml'

/** Where a local repository is bound, read-only, in fetch and refs cells. */
export const sourceMount = '/mnt/source'

/** Name under which pinned host keys are known to ssh and to the agent, whatever the host and port are. */
export const hostAlias = 'source'

// `safe.directory` counts only in the global file (measured with git 2.39). unpackLimit 1 keeps the pack as it came.
const fixedEnvironment = (connection: string): string => `set -eu
umask 077
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL="$HOME/git.conf" GIT_TERMINAL_PROMPT=0 GIT_OPTIONAL_LOCKS=0
cat > "$HOME/git.conf" <<CONF
[safe]
	directory = *
[core]
	hooksPath = /dev/null
	fsmonitor = false
	quotePath = false
[protocol]
	allow = never
[protocol "$MF_PROTOCOL"]
	allow = always
[transfer]
	fsckObjects = true
[fetch]
	unpackLimit = 1
	recurseSubmodules = false
[gc]
	auto = 0
[maintenance]
	auto = false
CONF
export GIT_SSH_VARIANT=ssh GIT_SSH_COMMAND="ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes \\
 -o UserKnownHostsFile=$HOME/hosts -o GlobalKnownHostsFile=/dev/null -o HostKeyAlias=${hostAlias} -o CheckHostIP=no \\
 -o UpdateHostKeys=no -o ForwardAgent=no -o ConnectTimeout=20 ${connection}"
`

const ownConnection = '-o ControlMaster=no -o ControlPath=none'

/**
 * The first fetch leaves its connection to those after it, in this cell only: the socket is in its own home. Ends by
 * itself when nobody used it for so long, or when the other side has gone.
 */
const keptConnection = `-o ControlMaster=auto -o ControlPath=$HOME/connection -o ControlPersist=${keptConnectionMs / 1000} \\
 -o ServerAliveInterval=5 -o ServerAliveCountMax=2`

/** Lines `host <known_hosts line>`, `ref …`, `commit …`, `depth …`, `what …`, `base …`, `on-base …`, `end …`, up to `go`. */
const readOrder = `MF_REF= MF_COMMIT= MF_DEPTH=1 MF_WHAT=answer MF_BASE= MF_ON_BASE= MF_END=
: > "$HOME/hosts"
word=
while read -r word value; do
  case $word in
    go) break ;;
    host) printf '%s\\n' "$value" >> "$HOME/hosts" ;;
    ref) MF_REF=$value ;;
    commit) MF_COMMIT=$value ;;
    depth) MF_DEPTH=$value ;;
    what) MF_WHAT=$value ;;
    base) MF_BASE=$value ;;
    on-base) MF_ON_BASE=$value ;;
    end) MF_END=$value ;;
  esac
done
[ "$word" = go ] || exit 0
`

/** A local repository is not copied to look at its history. */
const lendObjects = `at=$MF_URL
  [ ! -d "$at/.git/objects" ] || at=$at/.git
  export GIT_ALTERNATE_OBJECT_DIRECTORIES="$at/objects"
  [ ! -f "$at/shallow" ] || cp "$at/shallow" "$GIT_DIR/shallow"
`

/**
 * Stdout: `<mode> <type> <oid>\\t<path>` of each configuration file and an empty line; `git cat-file --batch` of the
 * commit and those files; `shallow <oid>…`; of a whole history (depth 0) `ref <oid> <name>` for each branch and tag;
 * `pack <bytes>` and the pack. The commit is asked for by name first; a server that refuses that (no protocol v2) gives the
 * whole ref instead. An order without a commit means the tip of its ref.
 * With `what standing`: `tip <oid>`, when the ref leads to the commit; `ancestor <oid>`, when the commit lies behind what it
 * leads to, by real parents; `apart <oid>`, when it does not; `gone`. Only commits are fetched for that, where the host can do so.
 * Then the next order: each is carried out in an empty repository, of the one before only the connection is left.
 */
export const fetchScript = `${fixedEnvironment(keptConnection)}
export GIT_DIR="$HOME/repo.git"
get() { git fetch --quiet --no-tags --no-write-fetch-head "$@"; }
get_ref() {
  if [ "$MF_DEPTH" = 0 ]; then
    get --end-of-options "$MF_URL" "$1" '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*'
  else get "--depth=$MF_DEPTH" --end-of-options "$MF_URL" "$1"; fi
}
answer() {
if [ -z "$MF_COMMIT" ]; then
  get_ref "$MF_REF:refs/remotes/fetched"
  MF_COMMIT=$(git rev-parse --verify --quiet 'refs/remotes/fetched^{commit}')
else
  get_ref "$MF_COMMIT" || { MF_DEPTH=0; get_ref "$MF_REF:refs/remotes/fetched"; }
fi
if ! list=$(git ls-tree -r "$MF_COMMIT^{commit}" -- .circleci 2>/dev/null); then
  echo "the source host does not have commit $MF_COMMIT on $MF_REF" >&2
  exit 66
fi
case $MF_REF in refs/tags/*)
  if [ "$(git cat-file -t "$MF_COMMIT")" = tag ]; then
    echo "$MF_COMMIT is an annotated tag, not a commit" >&2
    exit 66
  fi ;;
esac
ask="$MF_COMMIT^{commit}" count=0 others=0
while IFS= read -r line; do
  case $line in
    100*'	${configurationPath}') ;;
    100*) [ "$others" -lt "$MF_FILES_MAX" ] || continue; others=$((others + 1)) ;;
    *) continue ;;
  esac
  count=$((count + 1)) id=\${line#* * }
  ask="$ask
\${id%%	*}"
  printf '%s\\n' "$line"
done <<LIST
$list
LIST
[ "$count" -gt 0 ] || echo
echo
git cat-file --batch <<ASK
$ask
ASK
old=
[ ! -e "$GIT_DIR/shallow" ] || while read -r id; do old="$old $id"; done < "$GIT_DIR/shallow"
echo "shallow$old"
[ "$MF_DEPTH" != 0 ] || git for-each-ref --count=${refsMax} --format='ref %(objectname) %(refname)' refs/remotes/origin refs/tags
set -- "$GIT_DIR"/objects/pack/*.pack
echo "pack $(wc -c < "$1")"
cat "$1"
}
standing() {
list=$(git ls-remote --quiet --end-of-options "$MF_URL" "$MF_REF" "$MF_REF^{}")
tip=
while read -r id name; do
  [ "$name" != "$MF_REF" ] || [ -n "$tip" ] || tip=$id
  [ "$name" != "$MF_REF^{}" ] || tip=$id
done <<LIST
$list
LIST
[ -n "$tip" ] || { echo gone; return; }
[ "$tip" != "$MF_COMMIT" ] || { echo "tip $tip"; return; }
if [ "$MF_PROTOCOL" = file ]; then
  ${lendObjects}else
  git config remote.source.url "$MF_URL"
  git fetch --quiet --no-tags --no-write-fetch-head --filter=tree:0 --end-of-options source "$MF_REF:refs/remotes/fetched"
  git config --unset-all remote.source.promisor || true
  tip=refs/remotes/fetched
fi
tip=$(git rev-parse --verify --quiet "$tip^{commit}") || { echo gone; return; }
if [ "$tip" = "$MF_COMMIT" ]; then echo "tip $tip"
elif git -c core.commitGraph=false merge-base --is-ancestor "$MF_COMMIT" "$tip" 2>/dev/null; then echo "ancestor $tip"
else echo "apart $tip"; fi
}
while :; do
  rm -rf "$GIT_DIR"
  mkdir -p "$GIT_DIR/objects" "$GIT_DIR/refs"
  echo 'ref: refs/heads/none' > "$GIT_DIR/HEAD"
  ${readOrder}
  case $MF_WHAT in standing) (standing) < /dev/null ;; *) (answer) < /dev/null ;; esac
  echo "end $MF_END"
done
`

/**
 * Reads of a local repository without copying it. Stdin: names of objects for `git cat-file --batch`, whose answers are
 * stdout, and `tip <ref>`, which is answered by the commit's id. Git waits for the names already, and the shell hands them on:
 * starting it takes longer than all its answers. The repository lends its objects only, to an empty one of ours: none of its
 * configuration is read, and links of its objects to other places lead nowhere here.
 */
export const readScript = `set -eu
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL="$HOME/git.conf" GIT_OPTIONAL_LOCKS=0 GIT_NO_REPLACE_OBJECTS=1
printf '[safe]\n\tdirectory = *\n' > "$HOME/git.conf"
mkdir -p "$HOME/repo.git/objects" "$HOME/repo.git/refs"
echo 'ref: refs/heads/none' > "$HOME/repo.git/HEAD"
export GIT_ALTERNATE_OBJECT_DIRECTORIES="$MF_URL/objects"
[ ! -d "$MF_URL/.git/objects" ] || GIT_ALTERNATE_OBJECT_DIRECTORIES="$MF_URL/.git/objects"
tip() {
  id=$(git ls-remote --quiet --end-of-options "$MF_URL" "$1" |
    while read -r id ref; do [ "$ref" != "$1" ] || echo "$id"; done)
  GIT_DIR="$HOME/repo.git" git rev-parse --verify --quiet "$id^{commit}"
}
exec 3>&1
while IFS= read -r asked; do
  case $asked in 'tip '*) tip "\${asked#tip }" >&3 ;; *) echo "$asked" ;; esac
done | GIT_DIR="$HOME/repo.git" git cat-file --batch
`

/**
 * Stdin: lines `<ref> <oid>` and `shallow <oid>`, an empty line and the pack. Makes a repository with a fresh configuration at MF_AT, or adds
 * to the one that is there, and puts the commit's tree in place on its branch; with MF_KEEP the tree that is there stays.
 */
export const unpackScript = `set -eu
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_TERMINAL_PROMPT=0
export GIT_CONFIG_COUNT=3 GIT_CONFIG_KEY_0=core.hooksPath GIT_CONFIG_VALUE_0=/dev/null
export GIT_CONFIG_KEY_1=core.fsmonitor GIT_CONFIG_VALUE_1=false GIT_CONFIG_KEY_2=checkout.workers GIT_CONFIG_VALUE_2=0
command -v git >/dev/null || { echo 'this image has no git, which a checkout needs' >&2; exit 69; }
mkdir -p -- "$MF_AT"
cd -- "$MF_AT"
if [ ! -e .git ]; then
  if [ -z "$MF_KEEP" ] && [ -n "$(ls -A)" ]; then echo "$MF_AT is not empty and not a Git repository" >&2; exit 73; fi
  names=
  [ \${#MF_COMMIT} -eq 40 ] || names=--object-format=sha256
  git init --quiet --template= $names .
  git config remote.origin.url "$MF_URL"
  git config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'
fi
refs=.git/mayfly-refs shallow=.git/mayfly-shallow
while read -r name id && [ -n "$name" ]; do
  case $name in shallow) echo "$id" >&3 ;; *) echo "update $name $id" ;; esac
done > $refs 3> $shallow
git index-pack --stdin > /dev/null
[ ! -s $shallow ] || cp $shallow .git/shallow
git update-ref --stdin < $refs
rm $refs $shallow
if [ -n "$MF_BRANCH" ]; then git symbolic-ref HEAD "refs/heads/$MF_BRANCH"
else git update-ref --no-deref HEAD "$MF_COMMIT"; fi
if [ -z "$MF_KEEP" ]; then git reset --quiet --hard; else git reset --quiet --mixed; fi
`

/** Stdout: `key <line of ssh-keyscan>` for each host key and `<oid>\\t<ref>` for each branch and tag. */
export const refsScript = `${fixedEnvironment(ownConnection)}
${readOrder}
exec < /dev/null
if [ "$MF_PROTOCOL" = ssh ]; then
  ssh-keyscan -T 20 -p "$MF_PORT" -- "$MF_HOST" 2>/dev/null | while read -r line; do echo "key $line"; done
fi
if [ "$MF_PROTOCOL" = file ] || [ -s "$HOME/hosts" ]; then
  git ls-remote --quiet --heads --tags --end-of-options "$MF_URL"
fi
echo "end $MF_END"
`

/**
 * Stdout: the commit that the wanted one is compared with and, each after a NUL, the paths that differ; or `missing`, when
 * there is no such base. That is where both parted; on the base itself the commit before, or nothing. Of a remote source
 * history and trees are fetched without contents, where its host can leave those out; a local one lends its objects.
 */
export const changesScript = `${fixedEnvironment(ownConnection)}
${readOrder}
exec < /dev/null
export GIT_DIR="$HOME/repo.git"
mkdir -p "$GIT_DIR/objects" "$GIT_DIR/refs"
echo 'ref: refs/heads/none' > "$GIT_DIR/HEAD"
is_id() { case $1 in '' | *[!0-9a-f]*) return 1 ;; esac; [ \${#1} -eq 40 ] || [ \${#1} -eq 64 ]; }
name=\${MF_BASE%%[~^]*}
back=\${MF_BASE#"$name"}
name=\${name#origin/}
head= tag= peeled= branch=
case $name in
  '' | HEAD) head=$MF_COMMIT ;;
  *)
    if is_id "$name"; then head=$name
    else
      git ls-remote --quiet --end-of-options "$MF_URL" "refs/heads/$name" "refs/tags/$name" "refs/tags/$name^{}" > "$HOME/named"
      while read -r id ref; do
        case $ref in
          "refs/heads/$name") head=$id branch=$ref ;;
          "refs/tags/$name") tag=$id ;;
          "refs/tags/$name^{}") peeled=$id ;;
        esac
      done < "$HOME/named"
    fi ;;
esac
base=\${head:-\${peeled:-$tag}}
missing() { printf 'missing\\n'; echo "end $MF_END"; exit 0; }
[ -n "$base" ] || missing
if [ "$MF_PROTOCOL" = file ]; then
  ${lendObjects}else
  git config remote.source.url "$MF_URL"
  get() { git fetch --quiet --no-tags --no-write-fetch-head --filter=blob:none --end-of-options source "$@"; }
  if [ "$base" = "$MF_COMMIT" ]; then set --; else set -- "$base"; fi
  get "$MF_COMMIT" "$@" || get "$MF_REF:refs/remotes/fetched" \${branch:+"$branch:refs/remotes/base"}
fi
commit=$(git rev-parse --verify --quiet "$MF_COMMIT^{commit}")
base=$(git rev-parse --verify --quiet "$base$back^{commit}") || missing
from=$(git merge-base "$base" "$commit") || from=$base
if [ "$from" = "$commit" ] && [ "$MF_ON_BASE" = parent ]; then
  from=$(git rev-parse --verify --quiet "$commit^") || from=$(git hash-object -t tree /dev/null)
fi
printf '%s\\0' "$from"
git diff-tree -r -z --no-renames --name-only "$from" "$commit"
echo "end $MF_END"
`
