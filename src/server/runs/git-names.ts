// Names of refs and commits from outside, by git's own rules (git-check-ref-format), so that nothing else reaches a
// database, a log line or later a command.

const forbidden = /[\p{Cc}\p{Zl}\p{Zp} ~^:?*[\\]|\.\.|@\{|\/\/|\/\.|\.lock(\/|$)/u

/** A full name below `refs/`. */
export const isFullRef = (ref: string): boolean =>
  /^refs\/[^/]+\/./.test(ref) &&
  ref.length <= 255 &&
  ref.isWellFormed() &&
  !forbidden.test(ref) &&
  !/[/.]$/.test(ref)

/** `main` means the branch. null when it can be no ref. */
export const fullRef = (text: string): string | null => {
  const ref = text.startsWith('refs/') ? text : `refs/heads/${text}`
  return isFullRef(ref) && !text.startsWith('-') ? ref : null
}

export const isCommit = (text: string): boolean => /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text)
export const isZeroCommit = (text: string): boolean => /^0+$/.test(text)
