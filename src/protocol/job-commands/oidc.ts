// `circleci run oidc get` (config-dialects.md §2.13) as shell text: the tokens of a step lie in a variable of it, each behind its
// audience, and once they were renewed in a file as well. Nothing is asked for here; what the plan does not name is not there.

/** `audience token audience token …`: neither holds a blank. */
export const identityVariable = 'MAYFLY_IDENTITY_TOKENS'

/** In the sandbox, there once a step ran so long that its tokens were renewed: a line `audience token` each, `-` for the own one. */
export const freshTokensPath = '/tmp/.mayfly-identity/tokens'

export const oidcText = `
mf_fresh() {
  [ -r ${freshTokensPath} ] || return 1
  while read -r mf_each mf_token; do
    [ "$mf_each" != "$1" ] || { printf '%s\\n' "$mf_token"; return 0; }
  done <${freshTokensPath}
  return 1
}
mf_oidc_get() {
  mf_claims=
  while [ $# -gt 0 ]; do
    case $1 in
      --claims) [ $# -gt 1 ] || mf_fail '--claims needs a value'; mf_claims=$2; shift 2 ;;
      --claims=*) mf_claims=\${1#*=}; shift ;;
      *) mf_fail "run oidc get: this version of Mayfly does not know $1" ;;
    esac
  done
  if [ -z "$mf_claims" ]; then
    ! mf_fresh - || return 0
    [ -n "\${CIRCLE_OIDC_TOKEN_V2-}" ] || mf_fail 'this job has no identity token'
    printf '%s\\n' "$CIRCLE_OIDC_TOKEN_V2"
    return
  fi
  case $mf_claims in
    *'"aud"'*) ;;
    *) mf_fail 'of the claims, "aud" can be chosen' ;;
  esac
  mf_audience=\${mf_claims#*'"aud"'}
  mf_audience=\${mf_audience#*'"'}
  mf_audience=\${mf_audience%%'"'*}
  ! mf_fresh "$mf_audience" || return 0
  set -f
  # SAFE: split at blanks, which neither an audience nor a token holds.
  set -- \${${identityVariable}-}
  while [ $# -gt 1 ]; do
    [ "$1" != "$mf_audience" ] || { printf '%s\\n' "$2"; return; }
    shift 2
  done
  mf_fail "there is no token for the audience $mf_audience: it has to stand in a command of the configuration, written out"
}
`
