// Addresses in what a job prints: which of them may be links at all, and where they stand in a line. What is no plain http(s) address of
// a host in plain characters is text. Pure; whoever draws a link shows where it leads.

/** Characters of the line as it is shown, by UTF-16 offsets; `href` is where it leads, as a browser would write it. */
export type LineLink = { readonly from: number; readonly to: number; readonly href: string }

export const addressCharsMax = 2_048
export const linksPerLineMax = 100

/** null: no link. Credentials before the host only ever serve to have it mistaken for another. */
export const safeAddress = (text: string): string | null => {
  if (text.length > addressCharsMax || !/^https?:\/\/[!-[\]-~]+$/i.test(text) || !URL.canParse(text))
    return null
  const { protocol, username, password, href } = new URL(text)
  const isOfWeb = protocol === 'http:' || protocol === 'https:'
  return isOfWeb && username === '' && password === '' ? href : null
}

/** Neither brackets, in which masks and placeholders stand, nor quotes. */
const address = /(?<![A-Za-z0-9+.-])https?:\/\/[!#$%&()*+,./0-9:;=?@A-Z_a-z~-]+/gi
/** What comes right behind an address that is not all of it: a mask, a placeholder, a letter of another script, something hidden. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: hidden characters are among what is looked for.
const goesOn = /^[[\\{<…\u0000-\u0008\u007f-\u009f\p{L}\p{M}\p{N}\p{Cf}]/u
const closing = /[.,;:!?*)]$/

/** Addresses in plain text. `isCut`: the text goes on where it ends. */
export const addressesIn = (text: string, isCut: boolean): readonly LineLink[] => {
  if (!text.includes('://')) return []
  const links: LineLink[] = []
  for (const { 0: found, index: from } of text.matchAll(address)) {
    if (links.length >= linksPerLineMax) break
    const end = from + found.length
    if (goesOn.test(text.slice(end, end + 2)) || (isCut && end === text.length)) continue
    const shown = withoutClosing(found)
    const href = safeAddress(shown)
    if (href !== null) links.push({ from, to: from + shown.length, href })
  }
  return links
}

/** Punctuation of the sentence around it; a parenthesis that it opened itself is its own. */
const withoutClosing = (found: string): string => {
  if (found.length > addressCharsMax) return found
  let shown = found
  while (closing.test(shown)) {
    if (shown.endsWith(')') && countOf(shown, ')') <= countOf(shown, '(')) break
    shown = shown.slice(0, -1)
  }
  return shown
}

const countOf = (text: string, char: string): number => text.split(char).length - 1

/** What an OSC 8 command opens: an address, or null where a link ends or is none we follow; undefined: it is another command. */
export const linkOfCommand = (command: string): string | null | undefined => {
  const uri = /^8;[^;]*;(.*)$/s.exec(command)?.[1]
  return uri === undefined ? undefined : safeAddress(uri)
}
