// What an archive of a job may hold (isolation.md §7.3). It is made inside a sandbox, so every byte of it is hostile: a
// name, a type or an amount that is not allowed ends the reading with a reason, nothing is mended. Names are kept as
// latin1 text, one character a byte, so that none is changed on its way.
import { fault } from '../../base/faults.ts'
import type { ArchiveLimits } from '../limits.ts'

export type TarEntry = {
  readonly kind: 'file' | 'directory' | 'link'
  /** Relative, without `.` and `..`; empty for the top directory itself. */
  readonly path: string
  readonly size: number
  readonly mode: number
  readonly mtime: number
  /** Of a link, as it stands; never followed by us. */
  readonly target: string
}

/** As a header says it, before anything is believed. */
export type RawEntry = Omit<TarEntry, 'kind'> & { readonly type: string }

export const refused = (reason: string) => fault('E_ARCHIVE', { public: `refused: ${reason}` })

/** Bytes of a name as people may see it: what is no plain character is escaped. */
export const shown = (name: string): string => {
  const text = Buffer.from(name, 'latin1').toString('utf8')
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}

/** Judges the entries of one archive in their order. null: left out. */
export const createTarRules = (limits: ArchiveLimits) => {
  const links = new Set<string>()
  const count = { entries: 0, bytes: 0, nameBytes: 0 }
  return (raw: RawEntry): TarEntry | null => {
    const kind = kindOf(raw)
    const path = cleanPath(raw.path)
    count.entries++
    count.bytes += raw.size
    count.nameBytes += path.length + raw.target.length
    if (count.entries > limits.entriesMax) throw refused(`more than ${limits.entriesMax} entries`)
    if (count.bytes > limits.bytesMax) throw refused(`more than ${limits.bytesMax} bytes`)
    if (count.nameBytes > limits.nameBytesMax)
      throw refused(`more than ${limits.nameBytesMax} bytes of names`)
    if (kind === null) return null
    // Its header would not be written, and its bytes be taken for headers.
    if (path === '' && kind !== 'directory') throw refused('an entry without a name')
    const through = parentsOf(path).find((parent) => links.has(parent))
    if (through !== undefined) throw refused(`${shown(path)} goes through the link ${shown(through)}`)
    if (links.has(path)) throw refused(`${shown(path)} is there twice, once as a link`)
    if (kind === 'link') {
      if (raw.target === '') throw refused(`${shown(path)} is a link to nothing`)
      links.add(path)
    }
    if (kind !== 'file' && raw.size !== 0) throw refused(`${shown(path)} has bytes and is no file`)
    return { kind, path, size: raw.size, mode: raw.mode & 0o777, mtime: raw.mtime, target: raw.target }
  }
}

const kindOf = ({ type, path }: RawEntry): TarEntry['kind'] | null => {
  switch (type) {
    case '0':
    case '\0':
    case '7':
      return 'file'
    case '5':
      return 'directory'
    case '2':
      return 'link'
    case '6':
      return null
    case '1':
      throw refused(`${shown(path)} is a hard link`)
    case '3':
    case '4':
      throw refused(`${shown(path)} is a device`)
    default:
      throw refused(`${shown(path)} is of the unknown type ${JSON.stringify(type)}`)
  }
}

const partBytesMax = 255
const pathBytesMax = 4096
const depthMax = 256

const cleanPath = (name: string): string => {
  if (name === '') throw refused('an entry without a name')
  if (name.length > pathBytesMax) throw refused(`a name of more than ${pathBytesMax} bytes`)
  if (name.includes('\0')) throw refused('a name with a zero byte')
  if (name.startsWith('/')) throw refused(`${shown(name)} is absolute`)
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw refused(`${shown(name)} leads out with ".."`)
  if (parts.length > depthMax) throw refused(`${shown(name)} lies deeper than ${depthMax} directories`)
  if (parts.some((part) => part.length > partBytesMax))
    throw refused(`${shown(name)} has a part of more than ${partBytesMax} bytes`)
  return parts.join('/')
}

const parentsOf = (path: string): readonly string[] => {
  const parents: string[] = []
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) parents.push(path.slice(0, at))
  return parents
}
