// Globs over full refs (`refs/heads/release/*`), as policies of secrets and rules of contexts have them: one meaning for
// the vault that releases, the server that foretells and the pages that explain.

/**
 * Anchored at both ends: `**` is anything, `*` anything but a slash, `?` one character but a slash. By the set of
 * positions in the glob that the text so far may have reached, so that no pattern takes longer than length × length.
 */
export const matchesGlob = (glob: string, text: string): boolean => {
  const parts = glob.match(/\*\*|[\s\S]/gu) ?? []
  const isStar = (at: number) => parts[at] === '*' || parts[at] === '**'
  const close = (reached: Set<number>): Set<number> => {
    // A set is walked in order of insertion, also what is added meanwhile.
    for (const at of reached) if (isStar(at)) reached.add(at + 1)
    return reached
  }
  let reached = close(new Set([0]))
  for (const char of text) {
    const next = new Set<number>()
    for (const at of reached) {
      const part = parts[at]
      if (part === '**' || (part === '*' && char !== '/')) next.add(at)
      else if (part === char || (part === '?' && char !== '/')) next.add(at + 1)
    }
    reached = close(next)
  }
  return reached.has(parts.length)
}
