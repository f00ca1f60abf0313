// What each shell reads once (`mayfly completion SHELL`), so that it asks `mayfly complete` at every TAB. Nothing that comes from there is
// expanded: lines are words as they are, and a shell quotes them for its own command line.

const bash = `_mayfly() {
  mapfile -t COMPREPLY < <(mayfly complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _mayfly mayfly
`

/** Sourced, or as a file `_mayfly` in `fpath`: then the first call comes with its own name. */
const zsh = `#compdef mayfly
_mayfly() {
  local -a found
  found=("\${(@f)$(mayfly complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=("\${(@)found:#}")
  if (( \${#found} )); then compadd -- "\${found[@]}"; else _default; fi
}
if [[ "\${funcstack[1]}" = _mayfly ]]; then _mayfly "$@"; else compdef _mayfly mayfly; fi
`

const fish = `function __mayfly_complete
    set -l words (commandline -opc)
    mayfly complete -- $words[2..] (commandline -ct) 2>/dev/null
end
complete -c mayfly -a '(__mayfly_complete)'
`

export const shellScripts = { bash, zsh, fish } as const
export type Shell = keyof typeof shellScripts
