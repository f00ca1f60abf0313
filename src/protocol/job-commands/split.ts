// `circleci tests split` and `tests run` (config-dialects.md §2.13) as shell text. A list of names, one a line, is dealt to
// the copies of a job: each name to exactly one of them, the same way on each. By name in turns; by weight, heaviest
// first, to the copy that has least so far.

/** What a job may know of its earlier runs: `CIRCLE_INTERNAL_TASK_DATA`. */
export const taskDataPath = '/tmp/.mayfly-task'

/**
 * How long tests took in an earlier run: `TYPE TAB MILLISECONDS TAB NAME` a line, the type one of `filename`,
 * `classname` and `testname`. No file means that nobody knows. The runner writes it before the first `run` step
 * (steps/tests/test-lists.ts); it is the job's own, so nothing but the split may rest on it.
 */
export const testTimingsPath = `${taskDataPath}/test-timings`

/** Names of what failed in the attempt before, one a line, in a rerun of failed tests: this copy's own. */
export const failedTestsPath = `${taskDataPath}/failed-tests`

export const splitText = `
mf_set() {
  case $1 in
    --split-by) mf_by=$2 ;;
    --timings-type) mf_type=$2 ;;
    --time-default) mf_duration "$2" && mf_default=$mf_ms ;;
    --index) mf_index=$2 ;;
    --total) mf_total=$2 ;;
    --command) mf_command=$2 ;;
  esac
}

# A whole number without zeros in front, which would mean octal.
mf_whole() {
  case $1 in '' | *[!0-9]* | ??????????*) mf_fail "$2 must be a whole number" ;; esac
  mf_number=\${1#"\${1%%[!0]*}"}
  mf_number=\${mf_number:-0}
}

# 10s, 1.5m, 500ms; a bare number is seconds.
mf_duration() {
  case $1 in
    *ms) set -- "\${1%ms}" 1 ;;
    *s) set -- "\${1%s}" 1000 ;;
    *m) set -- "\${1%m}" 60000 ;;
    *h) set -- "\${1%h}" 3600000 ;;
    *) set -- "$1" 1000 ;;
  esac
  case $1 in
    *.*) set -- "\${1%%.*}" "$2" "\${1#*.}000" ;;
    *) set -- "$1" "$2" 000 ;;
  esac
  mf_whole "\${3%"\${3#???}"}" '--time-default'
  set -- "$1" "$2" "$mf_number"
  mf_whole "$1" '--time-default'
  mf_ms=$((mf_number * $2 + $3 * $2 / 1000))
}

# Lines without the empty ones. Files are named in "$@"; without any, stdin.
mf_lines() {
  [ $# -gt 0 ] || set -- -
  for mf_file; do
    if [ "$mf_file" = - ]; then mf_nonempty; else mf_nonempty <"$mf_file"; fi
  done
}
mf_nonempty() {
  while IFS= read -r mf_line || [ -n "$mf_line" ]; do [ -z "$mf_line" ] || printf '%s\\n' "$mf_line"; done
}

mf_in_turns() {
  mf_at=0 mf_mine=0
  while IFS= read -r mf_line; do
    if [ $((mf_at % mf_total)) -eq "$mf_index" ]; then
      printf '%s\\n' "$mf_line"
      mf_mine=$((mf_mine + 1))
    fi
    mf_at=$((mf_at + 1))
  done
  mf_count
}

# Lines of a weight, a blank and a name.
mf_by_weight() {
  mf_sorted -r | {
    mf_at=0 mf_mine=0 mf_node=0
    while [ "$mf_node" -lt "$mf_total" ]; do eval "mf_load_$mf_node=0"; mf_node=$((mf_node + 1)); done
    while IFS= read -r mf_line; do
      mf_least=0 mf_node=1
      while [ "$mf_node" -lt "$mf_total" ]; do
        [ $((mf_load_$mf_node)) -ge $((mf_load_$mf_least)) ] || mf_least=$mf_node
        mf_node=$((mf_node + 1))
      done
      mf_whole "\${mf_line%%[!0-9]*}" 'a weight'
      eval "mf_load_$mf_least=\\$((mf_load_$mf_least + mf_number))"
      if [ "$mf_least" -eq "$mf_index" ]; then
        printf '%s\\n' "\${mf_line#* }"
        mf_mine=$((mf_mine + 1))
      fi
      mf_at=$((mf_at + 1))
    done
    mf_count
  }
}

mf_count() {
  [ -z "$mf_counts" ] || mf_note "node $mf_index of $mf_total: $mf_mine of $mf_at names"
}

mf_sizes() {
  while IFS= read -r mf_line; do
    mf_size=0
    if [ -f "$mf_line" ] && [ -r "$mf_line" ]; then mf_size=$(($(wc -c <"$mf_line"))); fi
    printf '%09d %s\\n' "$((mf_size < 999999999 ? mf_size : 999999999))" "$mf_line"
  done
}

# Weight and name of every name that timings of the type $1 are known of, "- name" of the others.
mf_join() {
  {
    while IFS="$mf_tab" read -r mf_kind mf_ms mf_line || [ -n "$mf_kind" ]; do
      case $mf_ms in '' | *[!0-9]* | ??????????*) continue ;; esac
      [ "$mf_kind" != "$1" ] || printf '%s\\tD\\t%s\\n' "$mf_line" "$mf_ms"
    done <${testTimingsPath}
    printf '%s\\n' "$mf_names" | while IFS= read -r mf_line; do printf '%s\\tN\\n' "$mf_line"; done
  } | mf_sorted | {
    mf_known= mf_ms=
    while IFS= read -r mf_line; do
      case $mf_line in
        *"\${mf_tab}N")
          mf_line=\${mf_line%"\${mf_tab}N"}
          if [ "$mf_line" = "$mf_known" ]; then mf_whole "$mf_ms" 'a time'; printf '%09d %s\\n' "$mf_number" "$mf_line"
          else printf -- '- %s\\n' "$mf_line"
          fi
          ;;
        *) mf_known=\${mf_line%"\${mf_tab}D\${mf_tab}"*} mf_ms=\${mf_line##*"$mf_tab"} ;;
      esac
    done
  }
}

# Fails when nothing is known.
mf_timings() {
  [ -r ${testTimingsPath} ] || return 1
  case $mf_type in
    filename | classname | testname) set -- "$mf_type" ;;
    *) set -- filename classname testname ;;
  esac
  for mf_kind_asked; do
    mf_joined=$(mf_join "$mf_kind_asked")
    case $mf_newline$mf_joined in *"$mf_newline"[0-9]*) break ;; esac
    mf_joined=
  done
  [ -n "$mf_joined" ] || return 1
  printf '%s\\n' "$mf_joined" | while IFS= read -r mf_line; do
    case $mf_line in
      '- '*) printf '%09d %s\\n' "$mf_default" "\${mf_line#- }" ;;
      *) printf '%s\\n' "$mf_line" ;;
    esac
  done | mf_by_weight
}

# Sets mf_names.
mf_read() {
  for mf_file; do [ "$mf_file" = - ] || [ -r "$mf_file" ] || mf_fail "cannot read $mf_file"; done
  mf_names=$(mf_lines "$@" | mf_sorted -u)
}

mf_share() {
  [ -n "$mf_names" ] || return 0
  case $mf_by in
    filesize) printf '%s\\n' "$mf_names" | mf_sizes | mf_by_weight ;;
    timings)
      mf_timings || {
        mf_note 'no timing data for this job: falling back to splitting by name'
        printf '%s\\n' "$mf_names" | mf_in_turns
      }
      ;;
    *) printf '%s\\n' "$mf_names" | mf_in_turns ;;
  esac
}

# $1 is split or run, then options and names of files.
mf_split() {
  mf_verb=$1 mf_by=name mf_type=autodetect mf_default=1000 mf_counts= mf_command= mf_want=
  mf_index=\${CIRCLE_NODE_INDEX:-0} mf_total=\${CIRCLE_NODE_TOTAL:-1}
  shift
  for mf_word; do
    shift
    if [ "$mf_want" = -- ]; then set -- "$@" "$mf_word"; continue; fi
    if [ -n "$mf_want" ]; then mf_set "$mf_want" "$mf_word"; mf_want=; continue; fi
    case $mf_word in
      --) mf_want=-- ;;
      --show-counts | --show-counts=true) mf_counts=1 ;;
      --verbose | --verbose=* | --show-counts=*) ;;
      --split-by | --timings-type | --time-default | --index | --total | --command) mf_want=$mf_word ;;
      --split-by=* | --timings-type=* | --time-default=* | --index=* | --total=* | --command=*)
        mf_set "\${mf_word%%=*}" "\${mf_word#*=}" ;;
      -?*) mf_note "the option $mf_word means nothing here" ;;
      *) set -- "$@" "$mf_word" ;;
    esac
  done
  case $mf_want in '' | --) ;; *) mf_fail "$mf_want needs a value" ;; esac
  case $mf_by in name | filesize | timings) ;; *) mf_fail "--split-by is name, filesize or timings, not $mf_by" ;; esac
  mf_whole "$mf_total" '--total' && mf_total=$mf_number
  mf_whole "$mf_index" '--index' && mf_index=$mf_number
  mf_need sort
  [ "$mf_by" != filesize ] || mf_need wc
  [ "$mf_index" -lt "$mf_total" ] || mf_fail "--index $mf_index is not below --total $mf_total"
  mf_read "$@"
  if [ "$mf_verb" = split ]; then mf_share; else mf_run_tests; fi
}

# Of the names those that failed before.
mf_failed() {
  {
    while IFS= read -r mf_line || [ -n "$mf_line" ]; do printf '%s\\tD\\n' "$mf_line"; done <${failedTestsPath}
    printf '%s\\n' "$mf_names" | while IFS= read -r mf_line; do printf '%s\\tN\\n' "$mf_line"; done
  } | mf_sorted | {
    mf_known=
    while IFS= read -r mf_line; do
      case $mf_line in
        *"\${mf_tab}N")
          mf_line=\${mf_line%"\${mf_tab}N"}
          [ "$mf_line" != "$mf_known" ] || printf '%s\\n' "$mf_line"
          ;;
        *) mf_known=\${mf_line%"\${mf_tab}D"} ;;
      esac
    done
  }
}

# What failed of this copy is this copy's to run again: nothing is dealt anew.
mf_only_failed() {
  [ -r ${failedTestsPath} ] && [ -n "$mf_names" ] || return 1
  mf_again=$(mf_failed)
  if [ -z "$mf_again" ]; then
    mf_note 'a rerun of failed tests, and none of these names failed before: all of them'
    return 1
  fi
  mf_note 'a rerun of failed tests: only those that failed before'
}

mf_run_tests() {
  [ -n "$mf_command" ] || mf_fail 'tests run needs --command'
  if mf_only_failed; then mf_names=$mf_again; else mf_names=$(mf_share) || exit 1; fi
  # xargs would start its command without any names, which to most means all tests.
  if [ -z "$mf_names" ]; then
    mf_note "no tests for node $mf_index of $mf_total: the command is not run"
    return
  fi
  mf_shell=/bin/sh
  [ ! -x /bin/bash ] || mf_shell=/bin/bash
  printf '%s\\n' "$mf_names" | "$mf_shell" -c "$mf_command"
}
`
