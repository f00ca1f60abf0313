// Reads a tar stream entry by entry: ustar, with the long names of pax and GNU. Only what its rules admit comes out
// (tar-rules.ts); a stream that is cut off or no tar is refused like one with a forbidden entry.
import { blockBytes, byteBlocks, checksumOf } from './blocks.ts'
import { type RawEntry, refused, type TarEntry } from './tar-rules.ts'

export type TarItem = { readonly entry: TarEntry } | { readonly data: Uint8Array }

/** Data of a file follows its entry, in pieces. */
export const readTar = async function* (
  bytes: AsyncIterable<Uint8Array>,
  rule: (raw: RawEntry) => TarEntry | null,
): AsyncGenerator<TarItem> {
  const source = byteBlocks(bytes, () => refused('the archive is cut off'))
  try {
    yield* entriesOf(source, rule)
    await source.drain()
  } finally {
    await source.close()
  }
}

type Source = ReturnType<typeof byteBlocks>

const entriesOf = async function* (
  source: Source,
  rule: (raw: RawEntry) => TarEntry | null,
): AsyncGenerator<TarItem> {
  let longer: Longer = {}
  for (;;) {
    const header = await source.exactly(blockBytes)
    if (header[0] === 0 && header.equals(noHeader)) return
    const { type, ...rest } = parseHeader(header)
    const padded = Math.ceil(rest.size / blockBytes) * blockBytes
    if (isAbout(type)) {
      if (rest.size > metaBytesMax) throw refused(`${rest.size} bytes of extended header`)
      const body = (await source.exactly(padded)).subarray(0, rest.size)
      longer = { ...longer, ...readLonger(type, body) }
      continue
    }
    const raw = { type, ...rest, ...longer }
    longer = {}
    const entry = rule(raw)
    if (entry !== null) yield { entry }
    yield* dataOf(source, raw.size, entry !== null)
  }
}

const noHeader = Buffer.alloc(blockBytes)
const metaBytesMax = 64 * 1024

const dataOf = async function* (source: Source, size: number, isWanted: boolean): AsyncGenerator<TarItem> {
  let left = size
  while (left > 0) {
    const data = await source.upTo(left)
    left -= data.length
    if (isWanted) yield { data }
  }
  const padding = (blockBytes - (size % blockBytes)) % blockBytes
  if (padding > 0) await source.exactly(padding)
}

type Longer = { readonly path?: string; readonly target?: string; readonly size?: number }

/** Headers that say something about the next entry. */
const isAbout = (type: string): boolean => 'xgLK'.includes(type)

const readLonger = (type: string, body: Buffer): Longer => {
  if (type === 'L') return { path: textOf(body) }
  if (type === 'K') return { target: textOf(body) }
  const records = paxRecords(body)
  // Of all entries to come: times and owners at most, nothing that we take.
  if (type === 'g') return {}
  if ([...records.keys()].some((key) => key.startsWith('GNU.sparse'))) throw refused('a sparse file')
  const [path, target, size] = ['path', 'linkpath', 'size'].map((key) => records.get(key))
  if (size !== undefined && !/^\d{1,15}$/.test(size)) throw refused('a size that is no number')
  return {
    ...(path === undefined ? {} : { path }),
    ...(target === undefined ? {} : { target }),
    ...(size === undefined ? {} : { size: Number(size) }),
  }
}

/** `length key=value\n`, the length in decimal and of the whole record. */
const paxRecords = (body: Buffer): ReadonlyMap<string, string> => {
  const records = new Map<string, string>()
  for (let at = 0; at < body.length; ) {
    const [digits] = /^\d{1,6}(?= )/.exec(body.toString('latin1', at, at + 8)) ?? []
    const length = Number(digits ?? 0)
    const record = body.toString('latin1', at + (digits?.length ?? 0) + 1, at + length)
    const equals = record.indexOf('=')
    if (digits === undefined || at + length > body.length || equals < 1 || !record.endsWith('\n'))
      throw refused('an extended header that cannot be read')
    records.set(record.slice(0, equals), record.slice(equals + 1, -1))
    at += length
  }
  return records
}

const parseHeader = (header: Buffer): RawEntry => {
  if (checksumOf(header) !== numberOf(header.subarray(148, 156)))
    throw refused('a header with a wrong checksum')
  const prefix = header.toString('latin1', 257, 262) === 'ustar' ? textOf(header.subarray(345, 500)) : ''
  const name = textOf(header.subarray(0, 100))
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    mode: numberOf(header.subarray(100, 108)),
    size: numberOf(header.subarray(124, 136)),
    mtime: Math.min(numberOf(header.subarray(136, 148)), mtimeMax),
    type: header.toString('latin1', 156, 157),
    target: textOf(header.subarray(157, 257)),
  }
}

const mtimeMax = 253_402_300_799

/** Up to the first zero byte. */
const textOf = (field: Buffer): string => {
  const end = field.indexOf(0)
  return field.toString('latin1', 0, end === -1 ? field.length : end)
}

/** Octal digits, or GNU's big-endian binary where the first bit is set. Negative times are the epoch. */
const numberOf = (field: Buffer): number => {
  const first = field[0] ?? 0
  if (first === 0xff) return 0
  if (first === 0x80) {
    const value = field.subarray(1).reduce((total, byte) => total * 256 + byte, 0)
    if (!Number.isSafeInteger(value)) throw refused('a number that is too large')
    return value
  }
  const text = field
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .trimStart()
  if (!/^[0-7]*$/.test(text)) throw refused('a header with no number where one belongs')
  return text === '' ? 0 : Number.parseInt(text, 8)
}
