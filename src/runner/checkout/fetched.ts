// What comes out of a fetch cell, parsed: hostile bytes with a fixed frame (git-scripts.ts, fetchScript). Every length
// is checked before it is used; anything unexpected is a fault of the fetch, never a half-read commit.
import { configFilesMax, refsMax } from '../limits.ts'

/** What a plan needs of a commit. */
export type ReadCommit = {
  readonly commit: string
  /** Path → content of the configuration files at the commit. */
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly about: CommitWords
}

/** What a checkout needs. */
export type FetchedCommit = ReadCommit & {
  /** Commits whose parents were left out. */
  readonly shallow: readonly string[]
  /** Branches of the source, as `refs/remotes/origin/…`, and its tags; none of a part of a history. */
  readonly refs: readonly RefLine[]
  readonly pack: Uint8Array
}

export type RefLine = { readonly name: string; readonly id: string }

/** For people, from the commit object. */
export type CommitWords = {
  readonly subject: string
  /** The message below its first line. */
  readonly body: string
  readonly author: string
  readonly authoredAt: string
}

const objectId = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

/** null when the bytes do not have the form. */
export const parseFetched = (bytes: Uint8Array): FetchedCommit | null => {
  const reader = createReader(bytes)
  const paths = readListing(reader)
  const commit = paths === null ? null : readObject(reader, 'commit')
  if (paths === null || commit === null) return null
  const files = new Map<string, Uint8Array>()
  for (const path of paths) {
    const blob = readObject(reader, 'blob')
    if (blob === null) return null
    if (path !== null) files.set(path, blob.content)
  }
  const [first, ...shallow] = reader.line()?.split(' ') ?? []
  if (first !== 'shallow' || !shallow.every((id) => objectId.test(id))) return null
  const refs: RefLine[] = []
  let line = reader.line()
  for (; line?.startsWith('ref '); line = reader.line()) {
    const ref = parseRef(line.slice('ref '.length))
    if (ref === null || refs.length === refsMax) return null
    refs.push(ref)
  }
  const [word, size] = line?.split(' ') ?? []
  const pack = word === 'pack' ? reader.bytes(Number(size)) : null
  if (pack === null || !reader.atEnd()) return null
  return { commit: commit.id, files, about: commitWords(commit.content), shallow, refs, pack }
}

/** `<oid> <name>`, as `git for-each-ref` says it; a name of Git's has no space and no control character. */
export const parseRef = (line: string): RefLine | null => {
  const [, id, name] =
    /^([0-9a-f]{40}|[0-9a-f]{64}) (refs\/(?:remotes\/origin|tags)\/[^\s\p{Cc}]+)$/u.exec(line) ?? []
  return id === undefined || name === undefined ? null : { name, id }
}

const createReader = (bytes: Uint8Array) => {
  let at = 0
  return {
    line: (): string | null => {
      const end = bytes.indexOf(10, at)
      if (end === -1) return null
      const text = Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString('utf8')
      at = end + 1
      return text
    },
    bytes: (count: number): Uint8Array | null => {
      if (!Number.isSafeInteger(count) || count < 0 || at + count > bytes.length) return null
      at += count
      return bytes.subarray(at - count, at)
    },
    atEnd: () => at === bytes.length,
  }
}
type Reader = ReturnType<typeof createReader>

/** null: a path that is not plain text, or that Git quotes. Its file is no configuration of ours and is left out. */
const readListing = (reader: Reader): readonly (string | null)[] | null => {
  const paths: (string | null)[] = []
  for (let line = reader.line(); line !== ''; line = reader.line()) {
    const [, path] = /^100\d{3} blob [0-9a-f]{40,64}\t(.+)$/s.exec(line ?? '') ?? []
    if (path === undefined || paths.length > configFilesMax) return null
    paths.push(/^[^"\p{C}\uFFFD][^\p{C}\uFFFD]*$/u.test(path) ? path : null)
  }
  // The listing ends with two line ends; an empty one has only those.
  return paths.length > 0 || reader.line() === '' ? paths : null
}

const readObject = (
  reader: Reader,
  type: 'commit' | 'blob',
): { readonly id: string; readonly content: Uint8Array } | null => {
  const [id = '', kind, size] = reader.line()?.split(' ') ?? []
  const content = kind === type && objectId.test(id) ? reader.bytes(Number(size)) : null
  return content === null || reader.line() !== '' ? null : { id, content }
}

export const commitWords = (content: Uint8Array): CommitWords => {
  const text = Buffer.from(content).toString('utf8')
  const end = text.indexOf('\n\n')
  const head = end === -1 ? text : text.slice(0, end)
  const [, author = '', seconds = '0'] = /^author (.*) (\d{1,11}) [+-]\d{4}$/m.exec(head) ?? []
  const message = end === -1 ? '' : text.slice(end + 2).trim()
  const [subject = ''] = message.split('\n', 1)
  return {
    subject: upTo(500, subject),
    body: upTo(bodyMax, message.slice(subject.length).trim()),
    author: upTo(300, author),
    authoredAt: new Date(Math.min(Number(seconds) * 1000, 8.64e15)).toISOString(),
  }
}

const bodyMax = 8_000

/** A character outside the first plane is not cut in two: a plan with half of one has no digest. */
const upTo = (max: number, text: string): string => text.slice(0, max).replace(/[\uD800-\uDBFF]$/, '')
