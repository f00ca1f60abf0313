// Host names as the gateway understands them: one spelling per name, and a strict set of letters.

const label = /^(?!-)[a-z0-9_-]{1,63}$/

/** Lower case, no trailing dot, letters the DNS has; null for anything else. */
export const normalizeName = (text: string): string | null => {
  const name = text.toLowerCase().replace(/\.$/, '')
  return name.length <= 253 && name.split('.').every((part) => label.test(part)) ? name : null
}

/** `*.x` matches one or more labels before `.x`, never `x` itself. Both sides are normalized. */
export const matchesHost = (pattern: string, name: string): boolean =>
  pattern.startsWith('*.')
    ? name.length > pattern.length - 1 && name.endsWith(pattern.slice(1))
    : pattern === name

/** A name or `*.name` of a policy; null when malformed, or when the wildcard would cover a whole top-level domain. */
export const normalizeHostPattern = (text: string): string | null => {
  const isWild = text.startsWith('*.')
  const name = normalizeName(isWild ? text.slice(2) : text)
  if (name === null || (isWild && !name.includes('.'))) return null
  return isWild ? `*.${name}` : name
}
