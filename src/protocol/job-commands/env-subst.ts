// `circleci env subst` (config-dialects.md §2.13) as shell text: `$NAME` and `${NAME}` become the variable's value, or
// nothing when it is not set; everything else stays. What a value holds is not looked at again.

// Spelled out: what a range means depends on the locale, and these guard an `eval`.
const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_'
const others = `[!${letters}0123456789]`

export const envSubstText = `
mf_subst() {
  mf_text=$1
  while :; do
    case $mf_text in *'$'*) ;; *) break ;; esac
    printf %s "\${mf_text%%'$'*}"
    mf_text=\${mf_text#*'$'}
    case $mf_text in
      '{'[${letters}]*'}'*)
        mf_name=\${mf_text#'{'}
        mf_name=\${mf_name%%'}'*}
        case $mf_name in *${others}*) printf '$'; continue ;; esac
        mf_text=\${mf_text#*'}'}
        ;;
      [${letters}]*)
        mf_name=\${mf_text%%${others}*}
        mf_text=\${mf_text#"$mf_name"}
        ;;
      *) printf '$'; continue ;;
    esac
    # SAFE: letters, digits and underscores only.
    eval "printf %s \\"\\\${$mf_name-}\\""
  done
  printf %s "$mf_text"
}

mf_env_subst() {
  if [ $# -gt 0 ]; then mf_subst "$*"; echo; return; fi
  while IFS= read -r mf_line; do mf_subst "$mf_line"; echo; done
  mf_subst "$mf_line"
}
`
