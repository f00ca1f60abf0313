// The few bytes of DNS (RFC 1035 §4) that the responder speaks: one question in, at most one address out.
// What comes in is hostile; nothing is read beyond the question, and compression is not accepted in it.
import { normalizeName } from '../../sys/index.ts'
import { dnsTtlSeconds } from './limits.ts'

export const rcode = { ok: 0, format: 1, server: 2, name: 3, notImplemented: 4, refused: 5 } as const
export type Rcode = (typeof rcode)[keyof typeof rcode]
export const typeA = 1
/** AAAA, HTTPS, SVCB: the name may exist, but has none of these. */
export const emptyTypes: readonly number[] = [28, 65, 64]

export type Query = {
  readonly id: number
  readonly isRecursionDesired: boolean
  /** The raw question, to be repeated in the answer. */
  readonly question: Uint8Array
  /** Null when it is not a name that we would ever know. */
  readonly name: string | null
  readonly type: number
}

/** `drop` for what deserves no answer; `refuse` for what can be answered but not understood. */
export type ParsedQuery =
  | { readonly kind: 'query'; readonly query: Query }
  | { readonly kind: 'refuse'; readonly id: number; readonly rcode: Rcode }
  | { readonly kind: 'drop' }

const headerBytes = 12
const classInternet = 1

export const parseQuery = (bytes: Uint8Array): ParsedQuery => {
  if (bytes.length < headerBytes) return { kind: 'drop' }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [id, flags] = [view.getUint16(0), view.getUint16(2)]
  if ((flags & 0x8000) !== 0) return { kind: 'drop' } // an answer: never answer those
  if ((flags & 0x7800) !== 0) return { kind: 'refuse', id, rcode: rcode.notImplemented }
  const counts = [view.getUint16(4), view.getUint16(6), view.getUint16(8)]
  const labels = counts.join() === '1,0,0' ? readLabels(bytes) : null
  if (labels === null || labels.end + 4 > bytes.length) return { kind: 'refuse', id, rcode: rcode.format }
  const type = view.getUint16(labels.end)
  if (view.getUint16(labels.end + 2) !== classInternet) return { kind: 'refuse', id, rcode: rcode.refused }
  return {
    kind: 'query',
    query: {
      id,
      isRecursionDesired: (flags & 0x0100) !== 0,
      question: bytes.slice(headerBytes, labels.end + 4),
      name: labels.name,
      type,
    },
  }
}

const readLabels = (bytes: Uint8Array): { name: string | null; end: number } | null => {
  const labels: string[] = []
  let at = headerBytes
  for (;;) {
    const length = bytes[at]
    if (length === undefined || length > 63) return null // truncated, or a compression pointer
    const end = at + 1 + length
    if (end > bytes.length || end - headerBytes > 255) return null
    if (length === 0) return { name: normalizeLabels(labels), end }
    labels.push(String.fromCharCode(...bytes.subarray(at + 1, end)))
    at = end
  }
}

/** A dot inside a label would read as two labels: not a name of ours. */
const normalizeLabels = (labels: readonly string[]): string | null =>
  labels.some((label) => label.includes('.')) ? null : normalizeName(labels.join('.'))

export const encodeReply = (query: Query, answer: { rcode: Rcode; address?: string }): Uint8Array => {
  const record = answer.address === undefined ? [] : addressRecord(answer.address)
  const flags = 0x8080 | (query.isRecursionDesired ? 0x0100 : 0) | answer.rcode
  return Uint8Array.from([
    ...pair(query.id),
    ...pair(flags),
    ...pair(1),
    ...pair(record.length === 0 ? 0 : 1),
    ...[0, 0, 0, 0],
    ...query.question,
    ...record,
  ])
}

export const encodeRefusal = (id: number, code: Rcode): Uint8Array =>
  Uint8Array.from([...pair(id), ...pair(0x8080 | code), 0, 0, 0, 0, 0, 0, 0, 0])

const pair = (value: number): [number, number] => [(value >> 8) & 0xff, value & 0xff]

/** The name is a pointer to the question at offset 12. */
const addressRecord = (address: string): number[] => [
  ...[0xc0, headerBytes, ...pair(typeA), ...pair(classInternet), 0, 0, ...pair(dnsTtlSeconds), 0, 4],
  ...address.split('.').map(Number),
]
