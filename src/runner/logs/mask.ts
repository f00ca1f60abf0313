// Secrets out of what leaves the runner (trust-model.md §4.7): every form of every secret, across the borders of chunks,
// escape sequences and wrapped lines, becomes its name. What cannot be the beginning of a form is passed on at once; the
// rest waits for what follows. The same bytes give the same output, however they were cut.
// An accident guard, not a boundary: a job that wants to print its secret finds a form that is not looked for.
import { spreadBytesMax } from '../limits.ts'
import { createFormTable, type FormTable } from './form-table.ts'
import { findInterruptions, type Interruptions, runBefore, uninterrupted } from './interruptions.ts'
import { formsOf } from './secret-forms.ts'

export type MaskedSecret = { readonly name: string; readonly value: Uint8Array }

/** One stream of bytes; its parts are given and taken in order. */
export interface MaskedStream {
  /** What can be said now; ours again with the next call, as `bytes` are the caller's. */
  write(bytes: Uint8Array): Uint8Array
  /** The stream ends here: what was kept back. */
  flush(): Uint8Array
}

export interface Masker {
  /** `onFound` hears of each time that a secret is masked in this stream. */
  stream(onFound?: (secret: MaskedSecret) => void): MaskedStream
  /** A text of its own. */
  text(text: string): string
  /** Tells of each secret that `bytes` hold in any form. */
  look(bytes: Uint8Array, onFound: (secret: MaskedSecret) => void): void
  /** Overwrites what it knows of the secrets. */
  close(): void
}

/** null when there is nothing to look for. `onSeen` hears of each secret that was masked, once. */
export const createMasker = (
  secrets: readonly MaskedSecret[],
  onSeen: (secret: MaskedSecret) => void = () => undefined,
): Masker | null => {
  const forms = secrets.flatMap(({ value }, owner) => formsOf(value).map((bytes) => ({ bytes, owner })))
  if (forms.length === 0) return null
  const table = createFormTable(forms)
  const words = wordsFor(secrets, forms, table)
  const seen = new Set<number>()
  const print = (owner: number, isInterrupted: boolean): Uint8Array => {
    const secret = secrets[owner]
    if (secret !== undefined && !seen.has(owner)) onSeen(secret)
    seen.add(owner)
    const word = words[owner] as Words
    return isInterrupted ? word.afterReset : word.plain
  }
  const stream: Masker['stream'] = (onFound) =>
    createStream(table, (owner, isInterrupted) => {
      onFound?.(secrets[owner] as MaskedSecret)
      return print(owner, isInterrupted)
    })
  return {
    stream,
    text: (text) => {
      const { write, flush } = stream()
      return Buffer.concat([write(Buffer.from(text, 'utf8')), flush()]).toString('utf8')
    },
    look: (bytes, onFound) => {
      const found = new Set<number>()
      table.find(bytes, bytes.length, bytes.length, (_start, _end, owner) => found.add(owner))
      for (const owner of found) onFound(secrets[owner] as MaskedSecret)
    },
    close: table.clear,
  }
}

/** Names of secrets whose value is too short or too plain to be masked. */
export const unmaskable = (secrets: readonly MaskedSecret[]): readonly string[] =>
  secrets.filter(({ value }) => formsOf(value).length === 0).map(({ name }) => name)

type Hit = {
  readonly start: number
  readonly end: number
  readonly owner: number
  readonly isInterrupted: boolean
}

const createStream = (
  table: FormTable,
  print: (owner: number, isInterrupted: boolean) => Uint8Array,
): MaskedStream => {
  let held: Buffer = Buffer.alloc(0)
  /** So many bytes of `held` are masked already, and by what word: -1 when text came last. */
  let masked = 0
  let lastOwner = -1
  /** Characters of an encoding right before `held`. */
  let run = 0
  let joined: Buffer = Buffer.alloc(0)
  /** What was held and what follows, in memory that is used again: each chunk of a long log comes here. */
  const join = (chunk: Buffer): Buffer => {
    if (held.length === 0) return chunk
    const size = held.length + chunk.length
    if (joined.length < size) joined = Buffer.allocUnsafeSlow(size + spreadBytesMax)
    joined.set(held)
    joined.set(chunk, held.length)
    return joined.subarray(0, size)
  }

  const release = (bytes: Buffer, isLast: boolean): Uint8Array => {
    const { hits, until } = search(table, bytes, { run, isLast })
    const parts: Uint8Array[] = []
    let done = masked
    for (const { start, end, owner, isInterrupted } of hits) {
      if (start > done || (start === done && owner !== lastOwner))
        parts.push(bytes.subarray(done, start), print(owner, isInterrupted))
      if (end <= done) continue
      done = end
      lastOwner = owner
    }
    if (done < until) {
      parts.push(bytes.subarray(done, until))
      done = until
      lastOwner = -1
    }
    run = runBefore(bytes, until, run)
    masked = done - until
    // A copy: a few bytes must not keep a large chunk alive.
    held = Buffer.from(bytes.subarray(until))
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts)
  }
  return {
    write: (bytes) => release(join(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)), false),
    flush: () => {
      const rest = release(held, true)
      joined.fill(0)
      return rest
    },
  }
}

/** What is to be masked before `until`, in the order of starts; from there on nothing can be said yet. */
const search = (
  table: FormTable,
  bytes: Buffer,
  { run, isLast }: { readonly run: number; readonly isLast: boolean },
): { readonly hits: readonly Hit[]; readonly until: number } => {
  const found = findInterruptions(bytes, run)
  const without = found.cuts.length === 0 ? null : uninterrupted(bytes, found)
  const { length } = bytes
  const firstOpen = (): number => {
    const open = Math.min(table.firstOpen(bytes, length), found.openAt)
    if (without === null) return open
    const { text, origin } = without
    const openWithout = table.firstOpen(text, text.length)
    const start = openWithout === text.length ? length : origin(openWithout)
    return outsideOf(found, Math.min(open, Math.max(start, length - spreadBytesMax)))
  }
  const until = isLast ? length : firstOpen()
  const hits: Hit[] = []
  table.find(bytes, length, until, (start, end, owner) =>
    hits.push({ start, end, owner, isInterrupted: false }),
  )
  if (without === null) return { hits, until }
  const { text, origin } = without
  const plain = hits.length
  table.find(text, text.length, until, (from, to, owner) => {
    const start = origin(from)
    const end = origin(to - 1) + 1
    const isNew = end - start > to - from && end - start <= spreadBytesMax && start < until
    if (isNew) hits.push({ start, end, owner, isInterrupted: true })
  })
  return { hits: hits.length === plain ? hits : hits.sort((a, b) => a.start - b.start), until }
}

/**
 * `at`, or where the interruption around it begins. Only its first byte tells that it is one: held without that, the `m`
 * that ends a colour would be text, and a form that begins with it would be found where there is none.
 */
const outsideOf = ({ cuts }: Interruptions, at: number): number => {
  let cut = cuts.length - 2
  while (cut >= 0 && (cuts[cut] as number) >= at) cut -= 2
  return cut >= 0 && (cuts[cut + 1] as number) > at ? (cuts[cut] as number) : at
}

type Words = { readonly plain: Uint8Array; readonly afterReset: Uint8Array }

/**
 * What stands in place of each secret. A word together with its neighbours must not look like a form again; where every
 * word could, its name is printed nevertheless: that tells nothing of the value.
 */
const wordsFor = (
  secrets: readonly MaskedSecret[],
  forms: readonly { readonly bytes: Buffer }[],
  table: FormTable,
): readonly Words[] => {
  const withFirst = new Map<number, readonly Buffer[]>()
  const formsWith = (byte: number): readonly Buffer[] => {
    const known = withFirst.get(byte)
    const found = known ?? forms.map(({ bytes }) => bytes).filter((bytes) => bytes.includes(byte))
    withFirst.set(byte, found)
    return found
  }
  const isSafe = (word: Buffer): boolean => {
    let holdsForm = false
    table.find(word, word.length, word.length, () => {
      holdsForm = true
    })
    const isBeginning = table.firstOpen(word, word.length) < word.length
    return !holdsForm && !isBeginning && !formsWith(word[0] as number).some((form) => runsInto(form, word))
  }
  return secrets.map(({ name }) => {
    const candidates = [`[secret ${name}]`, '***', '•••'].map((word) => Buffer.from(word, 'utf8'))
    const plain = candidates.find((word) => isSafe(word) && isSafe(withReset(word)))
    const chosen = plain ?? (candidates[0] as Buffer)
    return { plain: chosen, afterReset: withReset(chosen) }
  })
}

/** The sequences inside a masked value are gone with it: one that ended a colour must not be missed. */
const withReset = (word: Buffer): Buffer => Buffer.concat([Buffer.from('\x1b[0m'), word])

/** Whether `form` can begin before `word` and end in it or behind it. */
const runsInto = (form: Buffer, word: Buffer): boolean => {
  const first = word[0] as number
  for (let at = form.indexOf(first); at !== -1; at = form.indexOf(first, at + 1)) {
    const shared = Math.min(word.length, form.length - at)
    if (form.subarray(at, at + shared).equals(word.subarray(0, shared))) return true
  }
  return false
}
