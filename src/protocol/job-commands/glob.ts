// `circleci tests glob` (config-dialects.md §2.13) as shell text: `*`, `?`, `[abc]` within one part of a path, `**` over
// any number of them, `{a,b}`. Names are only ever quoted; the shell's own matching is used in `case`, never on a path
// that came from a directory. `**` does not follow links, so it ends.

export const globText = `
# Text before the first of the characters $2 that stands outside of braces, and from it on.
mf_scan() {
  mf_before= mf_after=$1 mf_depth=0
  while [ -n "$mf_after" ]; do
    case $mf_after in
      \\\\?*) mf_piece=\${mf_after%"\${mf_after#??}"} ;;
      *) mf_piece=\${mf_after%"\${mf_after#?}"} ;;
    esac
    case $mf_depth$mf_piece in
      *\\\\?) ;;
      0[$2]) return 0 ;;
      *'{') mf_depth=$((mf_depth + 1)) ;;
      0'}') ;;
      *'}') mf_depth=$((mf_depth - 1)) ;;
    esac
    mf_before=$mf_before$mf_piece mf_after=\${mf_after#"$mf_piece"}
  done
  return 1
}

# Walks for each reading of the braces in $1. One that is not closed stands for itself.
mf_braces() {
  if mf_scan "$1" '{'; then set -- "$1" "$mf_before" "\${mf_after#?}"; else set -- "$1" '' ''; fi
  if [ -z "$3" ] || ! mf_scan "$3" '}'; then
    case $1 in
      /*) mf_walk / "\${1#/}" ;;
      *) mf_walk '' "$1" ;;
    esac
    return
  fi
  set -- "$2" "$mf_before" "\${mf_after#?}"
  while mf_scan "$2" ','; do
    set -- "$1" "\${mf_after#?}" "$3" "$mf_before"
    mf_braces "$1$4$3"
  done
  mf_braces "$1$2$3"
}

# What the pattern $2 names below $1, which is empty or ends with a slash.
mf_walk() {
  case $2 in
    */*) set -- "$1" "\${2%%/*}" "\${2#*/}" ;;
    '**') set -- "$1" '**' '*' ;;
    *) set -- "$1" "$2" '' ;;
  esac
  case $2 in
    '' | .) [ -z "$3" ] || mf_walk "$1" "$3" ;;
    '**')
      while :; do case $3 in '**/'*) set -- "$1" '**' "\${3#*/}" ;; *) break ;; esac; done
      mf_walk "$1" "$3"
      for mf_entry in "$1"* "$1".[!.]* "$1"..?*; do
        [ ! -d "$mf_entry" ] || [ -L "$mf_entry" ] || mf_walk "$mf_entry/" "**/$3"
      done
      ;;
    *[*?[\\\\]*)
      mf_negated=$2
      while :; do
        case $mf_negated in *'[^'*) mf_negated=\${mf_negated%%'[^'*}'[!'\${mf_negated#*'[^'} ;; *) break ;; esac
      done
      set -- "$1" "$mf_negated" "$3"
      for mf_entry in "$1"* "$1".[!.]* "$1"..?*; do
        case \${mf_entry#"$1"} in $2) mf_arrive "$mf_entry" "$3" ;; esac
      done
      ;;
    *) mf_arrive "$1$2" "$3" ;;
  esac
}

mf_arrive() {
  if [ -n "$2" ]; then [ ! -d "$1" ] || mf_walk "$1/" "$2"
  elif [ -e "$1" ] || [ -L "$1" ]; then
    case $1 in
      *"$mf_newline"*) mf_note 'a name with a line break in it was left out' ;;
      # An option to most programs.
      -*) printf './%s\\n' "$1" ;;
      *) printf '%s\\n' "$1" ;;
    esac
  fi
}

mf_glob() {
  [ $# -gt 0 ] || mf_fail 'tests glob needs a pattern'
  mf_need sort
  for mf_pattern; do mf_braces "$mf_pattern"; done | mf_sorted -u
}
`
