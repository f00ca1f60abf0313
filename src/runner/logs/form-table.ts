// Finds many byte sequences in a text at once (performance.md §5.4). One look at every `stride`-th place: are the four
// bytes there a part of any form, and at which offsets? Only then are bytes compared, by search in the sorted forms.
// Every start of a form is visited exactly once and in order, whatever the text: no text makes it slower than
// `stride` searches for each `stride` bytes.
import { formBytesMin } from '../limits.ts'

export interface FormTable {
  /** Of the longest form. */
  readonly bytesMax: number
  /** For each place before `until` where a form begins, in order: its start, its end and its owner; the longest one. */
  find(
    text: Uint8Array,
    end: number,
    until: number,
    hit: (start: number, end: number, owner: number) => void,
  ): void
  /** The first place from which everything up to `end` is the beginning of a longer form; `end` when there is none. */
  firstOpen(text: Uint8Array, end: number): number
  /** Overwrites the forms: nothing is found any more. */
  clear(): void
}

type OwnedForm = { readonly bytes: Buffer; readonly owner: number }

const gramBytes = formBytesMin
/** As many looks fit into one byte of the table. */
const strideMax = 8

/** `forms`: each with at least `formBytesMin` bytes; the first owner of equal ones has it. */
export const createFormTable = (forms: readonly OwnedForm[]): FormTable => {
  const sorted = sortForms(forms)
  const { bytes, owners, bytesMax } = sorted
  const { rank, sharedBytes, longestAt, lengthOf } = createSearch(sorted)
  const { stride, offsets, slot } = createGrams(sorted)
  const mayBegin = (text: Uint8Array, at: number): boolean => ((offsets[slot(text, at)] as number) & 1) === 1
  return {
    bytesMax,
    find: (text, end, until, hit) => {
      for (let at = 0; at <= end - gramBytes; at += stride) {
        const here = offsets[slot(text, at)] as number
        if (here === 0) continue
        for (let offset = Math.min(stride - 1, at); offset >= 0; offset--) {
          if ((here & (1 << offset)) === 0) continue
          const start = at - offset
          if (start >= until) return
          const form = mayBegin(text, start) ? longestAt(text, start, end) : -1
          if (form >= 0) hit(start, start + lengthOf(form), owners[form] as number)
        }
      }
    },
    firstOpen: (text, end) => {
      for (let start = Math.max(0, end - bytesMax + 1); start < end; start++) {
        if (end - start >= gramBytes && !mayBegin(text, start)) continue
        const next = rank(text, start, end)
        if (next < owners.length && sharedBytes(next, text, start, end) === end - start) return start
      }
      return end
    },
    clear: () => {
      bytes.fill(0)
      offsets.fill(0)
    },
  }
}

/** Which groups of four bytes stand at which of the first `stride` offsets of a form, one bit each; hashed. */
const createGrams = ({ bytes, starts, owners, bytesMin }: Sorted) => {
  const stride = Math.min(strideMax, bytesMin - gramBytes + 1)
  const bits = tableBits(owners.length * stride)
  const shift = 32 - bits
  const offsets = new Uint8Array(1 << bits)
  // SAFE: only called where four bytes are left.
  const slot = (of: Uint8Array, at: number): number =>
    Math.imul(
      (of[at] as number) |
        ((of[at + 1] as number) << 8) |
        ((of[at + 2] as number) << 16) |
        ((of[at + 3] as number) << 24),
      0x9e3779b1,
    ) >>> shift
  for (let form = 0; form < owners.length; form++)
    for (let offset = 0; offset < stride; offset++) {
      const at = slot(bytes, (starts[form] as number) + offset)
      offsets[at] = (offsets[at] as number) | (1 << offset)
    }
  return { stride, offsets, slot }
}

const createSearch = ({ bytes, starts, owners, shorter, bytesMax }: Sorted) => {
  const lengthOf = (form: number): number => (starts[form + 1] as number) - (starts[form] as number)
  /** How many bytes `form` shares with `text[start, end)`. */
  const sharedBytes = (form: number, text: Uint8Array, start: number, end: number): number => {
    const first = starts[form] as number
    const length = Math.min(lengthOf(form), end - start)
    let at = 0
    while (at < length && bytes[first + at] === text[start + at]) at++
    return at
  }
  const isAfter = (form: number, text: Uint8Array, start: number, end: number): boolean => {
    const shared = sharedBytes(form, text, start, end)
    if (shared === lengthOf(form)) return false
    const next = (starts[form] as number) + shared
    return start + shared === end || (bytes[next] as number) > (text[start + shared] as number)
  }
  /** How many forms are not after `text[start, end)` in the order of bytes. */
  const rank = (text: Uint8Array, start: number, end: number): number => {
    let low = 0
    let high = owners.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (isAfter(middle, text, start, end)) high = middle
      else low = middle + 1
    }
    return low
  }
  /** The longest form that begins there: the last one that is not after the text, or one that it begins with. */
  const longestAt = (text: Uint8Array, start: number, end: number): number => {
    let form = rank(text, start, Math.min(end, start + bytesMax)) - 1
    if (form < 0) return -1
    const shared = sharedBytes(form, text, start, end)
    while (form >= 0 && lengthOf(form) > shared) form = shorter[form] as number
    return form
  }
  return { rank, sharedBytes, longestAt, lengthOf }
}

/** One slot in forty is taken, up to a size that stays in the processor's cache. */
const tableBits = (grams: number): number => Math.min(20, Math.max(16, Math.ceil(Math.log2(grams * 40))))

type Sorted = {
  /** All forms in the order of their bytes, one behind the other. */
  readonly bytes: Buffer
  /** Where each begins, and the end of the last. */
  readonly starts: Int32Array
  readonly owners: Int32Array
  /** The longest other form that each begins with, -1 for none. */
  readonly shorter: Int32Array
  readonly bytesMin: number
  readonly bytesMax: number
}

const sortForms = (forms: readonly OwnedForm[]): Sorted => {
  const inOrder = forms
    .toSorted((a, b) => a.bytes.compare(b.bytes) || a.owner - b.owner)
    .filter((form, at, all) => at === 0 || !form.bytes.equals(all[at - 1]?.bytes ?? form.bytes))
  const starts = new Int32Array(inOrder.length + 1)
  const owners = new Int32Array(inOrder.length)
  const shorter = new Int32Array(inOrder.length)
  const open: number[] = []
  for (const [at, { bytes, owner }] of inOrder.entries()) {
    starts[at + 1] = (starts[at] as number) + bytes.length
    owners[at] = owner
    while (open.length > 0 && !startsWith(bytes, inOrder[open.at(-1) as number]?.bytes)) open.pop()
    shorter[at] = open.at(-1) ?? -1
    open.push(at)
  }
  const lengths = inOrder.map(({ bytes }) => bytes.length)
  return {
    ...{ bytes: Buffer.concat(inOrder.map(({ bytes }) => bytes)), starts, owners, shorter },
    bytesMin: lengths.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
    bytesMax: lengths.reduce((a, b) => Math.max(a, b), 0),
  }
}

const startsWith = (bytes: Buffer, beginning: Buffer | undefined): boolean =>
  beginning !== undefined && bytes.subarray(0, beginning.length).equals(beginning)
