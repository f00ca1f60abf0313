// Writes the entries that were admitted as a tar of our own: whoever unpacks it sees what was judged and nothing else.
// Owners are nobody's, modes without set-uid; names that do not fit into ustar go into pax records.
import { blockBytes, checksumOf } from './blocks.ts'
import type { TarItem } from './tar-read.ts'
import type { TarEntry } from './tar-rules.ts'

export const writeTar = async function* (items: AsyncIterable<TarItem>): AsyncGenerator<Uint8Array> {
  let padding = 0
  for await (const item of items) {
    if ('data' in item) {
      yield item.data
      continue
    }
    if (padding > 0) yield zeros.subarray(0, padding)
    padding = (blockBytes - (item.entry.size % blockBytes)) % blockBytes
    // The top directory is whoever's place it is unpacked to.
    if (item.entry.path !== '') yield headerOf(item.entry)
  }
  if (padding > 0) yield zeros.subarray(0, padding)
  yield zeros
}

const zeros = Buffer.alloc(2 * blockBytes)
const nameBytesMax = 100
const ustarSizeMax = 8 ** 11 - 1
const types: Readonly<Record<TarEntry['kind'], string>> = { file: '0', directory: '5', link: '2' }

const headerOf = (entry: TarEntry): Buffer => {
  const path = entry.kind === 'directory' ? `${entry.path}/` : entry.path
  const records = [
    ...(path.length > nameBytesMax ? [['path', path]] : []),
    ...(entry.target.length > nameBytesMax ? [['linkpath', entry.target]] : []),
    ...(entry.size > ustarSizeMax ? [['size', String(entry.size)]] : []),
  ] as const
  const own = block({ ...entry, path, type: types[entry.kind] })
  if (records.length === 0) return own
  const body = Buffer.from(
    records.map(([key, value]) => paxRecord(key ?? '', value ?? '')).join(''),
    'latin1',
  )
  const about = { path: 'pax', type: 'x', size: body.length, mode: 0o644, mtime: 0, target: '' }
  const padding = zeros.subarray(0, (blockBytes - (body.length % blockBytes)) % blockBytes)
  return Buffer.concat([block(about), body, padding, own])
}

/** The length counts its own digits. */
const paxRecord = (key: string, value: string): string => {
  const rest = ` ${key}=${value}\n`
  let length = rest.length + 1
  while (String(length).length + rest.length !== length) length++
  return `${length}${rest}`
}

type Block = Pick<TarEntry, 'path' | 'size' | 'mode' | 'mtime' | 'target'> & { readonly type: string }

const block = ({ path, size, mode, mtime, target, type }: Block): Buffer => {
  const header = Buffer.alloc(blockBytes)
  const octal = (value: number, at: number, digits: number) =>
    header.write(value.toString(8).padStart(digits, '0'), at, 'latin1')
  header.write(path.slice(0, nameBytesMax), 0, 'latin1')
  octal(mode, 100, 7)
  octal(0, 108, 7)
  octal(0, 116, 7)
  octal(size > ustarSizeMax ? 0 : size, 124, 11)
  octal(Math.min(Math.max(0, Math.floor(mtime)), ustarSizeMax), 136, 11)
  header.write('        ', 148, 'latin1')
  header.write(type, 156, 'latin1')
  header.write(target.slice(0, nameBytesMax), 157, 'latin1')
  header.write('ustar\u000000', 257, 'latin1')
  octal(checksumOf(header), 148, 6)
  header.write('\0 ', 154, 'latin1')
  return header
}
