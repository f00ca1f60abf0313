// The post-receive hook that a Git server runs (foundation.md §7): POSIX sh, curl, and sha256sum
// or openssl; nothing else. As few programs as it can before the delivery is on its way: each costs a millisecond or two. It
// writes each pushed ref to a spool beside the repository and lets go; a child in the background signs and delivers, and
// whatever could not be delivered goes with the next push or with `hooks/post-receive --flush` from cron. A file in the spool
// is `….json`, or `….json.<pid>` in the hands of that process.
// The key never is an argument of a program: HMAC (RFC 2104) is built from two plain digests, the padded key goes
// through the shell's own printf.

/** `url` is ours: an origin and a hook id. */
export const hookScript = (url: string): string => script.replaceAll('@URL@', url)

const script = `#!/bin/sh
# Mayfly: tells @URL@ about every push.
# Put this file at hooks/post-receive (mode 0755) and the secret at hooks/mayfly-secret (mode 0600).
# Needs curl, and sha256sum or openssl. It never blocks and never fails a push: what cannot be delivered waits in mayfly-spool/
# and goes with the next push, or from cron with: hooks/post-receive --flush
url='@URL@'
case $0 in /*) hooks=\${0%/*} ;; *) hooks=$PWD/\${0%/*} ;; esac
spool=$hooks/../mayfly-spool
secret=$hooks/mayfly-secret
umask 077
[ -d "$spool" ] || mkdir -p "$spool" || exit 0

# One file per pushed ref, for our own child, which is told the first one's name. Without a secret nothing can be signed: it
# waits for the next push.
store() {
  # Who listens may have gone.
  trap '' PIPE
  hand=.$$
  [ -r "$secret" ] || hand=
  now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  n=0
  while read -r old new ref; do
    case $ref in *'"'*) ref=$(printf %s "$ref" | sed 's/"/\\\\"/g') ;; esac
    n=$((n + 1))
    # The newest commit, which of an annotated tag is what it points at, and what stands at the beginning of its message; nothing for
    # a ref that was deleted.
    message=$(git -c log.showSignature=false log -1 --format='%H %B' "$new" 2>/dev/null) skip=
    [ -z "$message" ] || new=\${message%% *} message=\${message#* }
    for words in '[ci skip]' '[skip ci]'; do
      case $message in *"$words"*) ;; *) continue ;; esac
      case $(printf %.250s "$message") in *"$words"*) skip=',"skip":true' ;; esac
    done
    file=$now-$$-$n.json$hand
    printf '{"old":"%s","new":"%s","ref":"%s","sentAt":"%s"%s}' "$old" "$new" "$ref" "$now" "$skip" \\
      >"$spool/$file"
    [ $n -gt 1 ] || printf '%s\\n' "$file" 2>/dev/null
  done
}

# $1: bytes as numbers, $2: the pad's byte. Sets $bytes to 64 escapes for printf %b.
padded() {
  bytes= count=0
  for byte in $1; do
    [ "$byte" -eq 10 ] && break
    x=$((byte ^ $2))
    bytes=$bytes\\\\0$((x / 64))$((x / 8 % 8))$((x % 8)) count=$((count + 1))
  done
  while [ $count -lt 64 ]; do
    bytes=$bytes\\\\0$(($2 / 64))$(($2 / 8 % 8))$(($2 % 8)) count=$((count + 1))
  done
}

# Both print the digest first, then a space.
if command -v sha256sum >/dev/null; then digest=sha256sum; else digest='openssl dgst -sha256 -r'; fi

# Sets $mac to the HMAC-SHA-256 of file $1: one line without its end.
sign() {
  IFS= read -r line <"$1" || [ -n "$line" ] || return 1
  inner=$(printf %b%s "$inner_pad" "$line" | $digest) || return 1
  rest=\${inner%% *} bytes=
  while [ -n "$rest" ]; do
    tail=\${rest#??}
    x=$((0x\${rest%"$tail"}))
    bytes=$bytes\\\\0$((x / 64))$((x / 8 % 8))$((x % 8)) rest=$tail
  done
  mac=$(printf %b "$outer_pad$bytes" | $digest) || return 1
  mac=\${mac%% *}
}

# What curl has to be told to deliver the file whose name comes in; nothing, and it sends nothing.
request() {
  key=$(od -An -v -tu1 "$secret") || return
  padded "$key" 54
  inner_pad=$bytes
  padded "$key" 92
  outer_pad=$bytes
  IFS= read -r name && sign "$name" &&
    printf 'url = "%s"\\nheader = "X-Mayfly-Signature: sha256=%s"\\ndata-binary = "@%s"\\n' "$url" "$mac" "$name"
}

# The name of a file comes in. 0: gone or never acceptable; 1: try again later. Curl takes longer to start than everything
# else: it starts while the file is signed, for a push even while it is written.
deliver() {
  status=$(request | curl -sS -K - -o /dev/null -w '%{http_code}' --connect-timeout 5 --max-time 20 \\
    -H 'Content-Type: application/json') || return 1
  case $status in 2?? | 400 | 413) return 0 ;; *) return 1 ;; esac
}

can_sign() {
  # An external printf would show the key to everybody on this machine.
  [ -r "$secret" ] && PATH=/nonexistent command -v printf >/dev/null
}

# Of this push the first file, as soon as its name comes in. 1: try again later.
deliver_first() {
  can_sign || return
  # What waits from before goes first.
  for file in *.json; do [ ! -e "$file" ] || return 0; done
  deliver && rm -f *-$$-1.json.$$
}

flush() {
  can_sign || return
  for file in *.json; do
    [ -e "$file" ] || continue
    # Whoever renames it delivers it: pushes may come at the same time.
    mv "$file" "$file.$$" 2>/dev/null || continue
    printf '%s\\n' "$file.$$" | deliver || return
    rm -f "$file.$$"
  done
  for file in *.json.$$; do
    [ -e "$file" ] || continue
    printf '%s\\n' "$file" | deliver || return
    rm -f "$file"
  done
}

# What is still in our hands was not delivered.
let_go() {
  for file in *.json.$$; do
    [ ! -e "$file" ] || mv "$file" "\${file%.*}"
  done
}

tidy() {
  set -- *
  [ -e "$1" ] || return
  # What a flush that died had taken.
  find . -name '*.json.*' -mmin +10 | while read -r file; do mv "$file" "\${file%.*}"; done
  # At most a thousand wait; the oldest go first.
  find . -name '*.json' | sort -r | tail -n +1001 | while read -r file; do rm -f "$file"; done
}

if [ "$1" = --flush ]; then
  cd "$spool" || exit 0
  flush
  let_go
  tidy
else
  # Git waits until its pipes are closed: the child has none of them.
  goes_on=
  store | {
    exec 3<&0
    (
      trap '' HUP
      cd "$spool" || exit
      deliver_first && goes_on=1
      # Until all are written.
      while read -r _; do :; done
      [ -z "$goes_on" ] || flush
      let_go
      tidy
    ) <&3 3<&- >/dev/null 2>&1 &
  }
fi
exit 0
`
