// Spans of a line cut where something is to be seen: what a search found, the masks that stand for secrets, what looks like a secret
// and is masked nowhere, and links.
import { type CredentialKind, findCredentials } from '../../protocol/credentials.ts'
import type { ShownLink } from './line-links.ts'
import type { LogSpan } from './spans.ts'

export type MarkedSpan = LogSpan & {
  readonly isHit: boolean
  /** The name of the secret whose value stood here (decision 0018). */
  readonly secret: string | null
  /** What it looks like, and was masked nowhere. */
  readonly suspect: CredentialKind | null
  /** The same object on all spans of a link. */
  readonly link: ShownLink | null
}

const mask = /\[secret ([A-Za-z_][A-Za-z0-9_]{0,127})\]/g
type Range = { readonly from: number; readonly to: number; readonly secret: string | null }

export const markSpans = (
  spans: readonly LogSpan[],
  pattern: RegExp | null,
  links: readonly ShownLink[] = [],
): readonly MarkedSpan[] => {
  const text = spans.map((span) => span.text).join('')
  const secrets = rangesOf(text, mask)
  const hits = pattern === null ? [] : rangesOf(text, pattern)
  const suspects = findCredentials(text)
  if (secrets.length + hits.length + links.length + suspects.length === 0)
    return spans.map((span) => ({ ...span, isHit: false, secret: null, suspect: null, link: null }))
  const marked: MarkedSpan[] = []
  let at = 0
  for (const span of spans) {
    const end = at + span.text.length
    const cuts = [...secrets, ...hits, ...links, ...suspects]
      .flatMap(({ from, to }) => [from, to])
      .filter((cut) => cut > at && cut < end)
    const borders = [...new Set([at, ...cuts, end])].sort((a, b) => a - b)
    for (const [i, from] of borders.slice(0, -1).entries()) {
      const to = borders[i + 1] ?? end
      const within = (range: { readonly from: number; readonly to: number }) =>
        range.from <= from && range.to >= to
      marked.push({
        ...span,
        text: text.slice(from, to),
        isHit: hits.some(within),
        secret: secrets.find(within)?.secret ?? null,
        suspect: suspects.find(within)?.kind ?? null,
        link: links.find(within) ?? null,
      })
    }
    at = end
  }
  return marked
}

const rangesMax = 200

const rangesOf = (text: string, pattern: RegExp): readonly Range[] => {
  const ranges: Range[] = []
  for (const match of text.matchAll(pattern)) {
    if (match[0] !== '')
      ranges.push({ from: match.index, to: match.index + match[0].length, secret: match[1] ?? null })
    if (ranges.length >= rangesMax) break
  }
  return ranges
}
