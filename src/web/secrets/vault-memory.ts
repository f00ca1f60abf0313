// Which key the vault of this installation signed with when this browser saw it last. Another one afterwards is said
// before anything is sealed to it. A compromised server could serve another page, too: the command line is the stronger path.
const storageKey = 'mayfly.vault'

/** False when another key was remembered; a code of the operator proves a key and replaces what was. */
export const rememberVault = (vsign: string, { isProven }: { readonly isProven: boolean }): boolean => {
  try {
    const known = window.localStorage.getItem(storageKey)
    if (known !== null && known !== vsign && !isProven) return false
    window.localStorage.setItem(storageKey, vsign)
  } catch {
    // A browser that keeps nothing remembers nothing.
  }
  return true
}
