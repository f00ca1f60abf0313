// The links of one line: those that the job made, and addresses in its text. Of each it says whether its text is where it leads: a
// job may write one thing and link another.
import { addressesIn, type LineLink, safeAddress } from '../../protocol/terminal/links.ts'
import { plainText } from '../../protocol/terminal/search.ts'
import type { SgrLine } from '../../protocol/terminal/sgr.ts'

export type ShownLink = LineLink & {
  /** What is read is what is opened. */
  readonly isPlain: boolean
}

const none: readonly ShownLink[] = []

export const linksOf = (line: SgrLine): readonly ShownLink[] => {
  const own = line.links ?? none
  if (own.length === 0 && !line.text.includes('://')) return none
  const text = plainText(line.text)
  const made = own.map((link) => ({
    ...link,
    isPlain: safeAddress(text.slice(link.from, link.to).trim()) === link.href,
  }))
  const found = addressesIn(text, line.cut > 0)
    .filter(({ from, to }) => own.every((link) => link.to <= from || link.from >= to))
    .map((link) => ({ ...link, isPlain: true }))
  return [...made, ...found].sort((a, b) => a.from - b.from)
}
