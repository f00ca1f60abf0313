// `Range` of RFC 9110 for one part of so many bytes. What it does not understand (other units, several parts) is answered whole, as the
// standard says; a part that does not exist is refused.
export type Part = { readonly first: number; readonly last: number }

/** `whole`: without a part. */
export const rangeOf = (header: string | undefined, total: number): Part | 'whole' | 'unsatisfiable' => {
  const [, first, last] = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(header ?? '') ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return 'whole'
  if (first === '') return suffixOf(Number(last), total)
  const [from, to] = [Number(first), last === '' ? total - 1 : Number(last)]
  if (last !== '' && to < from) return 'whole'
  return from >= total ? 'unsatisfiable' : { first: from, last: Math.min(to, total - 1) }
}

const suffixOf = (length: number, total: number): Part | 'unsatisfiable' =>
  length === 0 || total === 0 ? 'unsatisfiable' : { first: Math.max(0, total - length), last: total - 1 }

/** Only for the very bytes that a reader has part of: a weak tag, or a date, is none. */
export const isSameAs = (ifRange: string | undefined, etag: string): boolean =>
  ifRange === undefined || ifRange.trim() === etag
