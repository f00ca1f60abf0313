// Java's regular expressions as a tree: what backtrack.ts matches. Of the syntax, what real filters use; anything else
// is refused in words. Characters are UTF-16 units.

export type Node =
  | { readonly kind: 'one'; readonly test: (char: string) => boolean }
  | { readonly kind: 'assert'; readonly test: (text: string, at: number) => boolean }
  | { readonly kind: 'all' | 'any'; readonly nodes: readonly Node[] }
  | { readonly kind: 'group'; readonly node: Node; readonly index: number }
  | { readonly kind: 'atomic'; readonly node: Node }
  | { readonly kind: 'look'; readonly node: Node; readonly behind: boolean; readonly negative: boolean }
  | { readonly kind: 'same'; readonly index: number; readonly fold: boolean }
  | {
      readonly kind: 'repeat'
      readonly node: Node
      readonly min: number
      readonly max: number
      readonly mode: 'greedy' | 'lazy' | 'possessive'
    }

type Flags = { readonly fold: boolean; readonly dotAll: boolean; readonly lines: boolean }
type Reader = {
  readonly source: string
  at: number
  groups: number
  readonly names: Map<string, number>
  depth: number
}

/** Thrown through the descent and caught where it began. */
class Wrong extends Error {}

const depthMax = 100
const repeatMax = 1000

export const parseJava = (
  source: string,
): { readonly node: Node; readonly groups: number } | { readonly wrong: string } => {
  const reader: Reader = { source, at: 0, groups: 0, names: new Map(), depth: 0 }
  try {
    const node = readAny(reader, { fold: false, dotAll: false, lines: false })
    if (reader.at < source.length) throw new Wrong('a ")" closes nothing')
    return { node, groups: reader.groups }
  } catch (error) {
    if (error instanceof Wrong) return { wrong: error.message }
    throw error
  }
}

const startsWith = (reader: Reader, text: string): boolean => reader.source.startsWith(text, reader.at)

const take = (reader: Reader, text: string): boolean => {
  if (!startsWith(reader, text)) return false
  reader.at += text.length
  return true
}

const takeForm = (reader: Reader, form: RegExp): RegExpExecArray | null => {
  form.lastIndex = reader.at
  const match = form.exec(reader.source)
  if (match) reader.at = form.lastIndex
  return match
}

const readAny = (reader: Reader, flags: Flags): Node => {
  if (++reader.depth > depthMax) throw new Wrong(`groups are nested deeper than ${depthMax} levels`)
  // Flags that are set inside, as in `a(?i)b`, hold to the end of the group.
  const held = { flags }
  const branches = [readAll(reader, held)]
  while (take(reader, '|')) branches.push(readAll(reader, held))
  reader.depth--
  return branches.length === 1 && branches[0] ? branches[0] : { kind: 'any', nodes: branches }
}

const readAll = (reader: Reader, held: { flags: Flags }): Node => {
  const nodes: Node[] = []
  while (reader.at < reader.source.length && !startsWith(reader, '|') && !startsWith(reader, ')')) {
    const set = takeForm(reader, /\(\?([ismu]*)(?:-([ismu]+))?\)/y)
    if (set) held.flags = withFlags(held.flags, set[1], set[2])
    else if (take(reader, '\\Q')) nodes.push(...quoted(reader, held.flags))
    else nodes.push(readRepeat(reader, readAtom(reader, held.flags)))
  }
  return { kind: 'all', nodes }
}

const withFlags = (flags: Flags, on = '', off = ''): Flags => {
  const of = (letter: string, before: boolean) => (before || on.includes(letter)) && !off.includes(letter)
  return { fold: of('i', flags.fold), dotAll: of('s', flags.dotAll), lines: of('m', flags.lines) }
}

const quoted = (reader: Reader, flags: Flags): readonly Node[] => {
  const end = reader.source.indexOf('\\E', reader.at)
  const text = reader.source.slice(reader.at, end === -1 ? undefined : end)
  reader.at = end === -1 ? reader.source.length : end + 2
  return text.split('').map((char) => literal(char, flags))
}

const literal = (char: string, { fold }: Flags): Node => {
  if (!fold) return { kind: 'one', test: (other) => other === char }
  const low = char.toLowerCase()
  return { kind: 'one', test: (other) => other.toLowerCase() === low }
}

/** At most one: Java knows no repetition of a repetition. */
const readRepeat = (reader: Reader, node: Node): Node => {
  const match = takeForm(reader, /(?:([*+?])|\{(\d{1,4})(,(\d{1,4})?)?\})([?+])?/y)
  if (!match) return node
  const [, sign, from, comma, to, suffix] = match
  const min = sign ? (sign === '+' ? 1 : 0) : Number(from)
  const max = sign ? (sign === '?' ? 1 : Infinity) : comma ? (to ? Number(to) : Infinity) : min
  if (min > repeatMax || (max !== Infinity && max > repeatMax) || max < min)
    throw new Wrong(`the repetition ${match[0]} is not possible`)
  const mode = suffix === '?' ? 'lazy' : suffix === '+' ? 'possessive' : 'greedy'
  return { kind: 'repeat', node, min, max, mode }
}

const readAtom = (reader: Reader, flags: Flags): Node => {
  const char = reader.source.charAt(reader.at)
  if (char === '(') return readGroup(reader, flags)
  if (char === '[') return { kind: 'one', test: folded(readClass(reader), flags) }
  reader.at++
  if (char === '\\') return readEscape(reader, flags)
  if (char === '.')
    return {
      kind: 'one',
      test: flags.dotAll ? () => true : (other) => !/[\n\r\u0085\u2028\u2029]/.test(other),
    }
  if (char === '^')
    return {
      kind: 'assert',
      test: flags.lines ? (text, at) => at === 0 || text[at - 1] === '\n' : (_, at) => at === 0,
    }
  if (char === '$')
    return { kind: 'assert', test: flags.lines ? (text, at) => atEnd(text, at) || text[at] === '\n' : atEnd }
  if (/[*+?{]/.test(char)) throw new Wrong(`"${char}" repeats nothing`)
  return literal(char, flags)
}

/** The end, or just before a line break that ends the text. */
const atEnd = (text: string, at: number): boolean =>
  at === text.length || (at === text.length - 1 && text[at] === '\n')

const readGroup = (reader: Reader, flags: Flags): Node => {
  reader.at++
  const close = (node: Node): Node => {
    if (!take(reader, ')')) throw new Wrong('a "(" is not closed')
    return node
  }
  const inner = (own = flags) => close(readAny(reader, own))
  for (const [mark, behind, negative] of looks)
    if (take(reader, mark)) return { kind: 'look', node: inner(), behind, negative }
  if (take(reader, '?:')) return inner()
  if (take(reader, '?>')) return { kind: 'atomic', node: inner() }
  const set = takeForm(reader, /\?([ismu]*)(?:-([ismu]+))?:/y)
  if (set) return inner(withFlags(flags, set[1], set[2]))
  const named = takeForm(reader, /\?<([A-Za-z][A-Za-z0-9]*)>/y)
  if (!named && startsWith(reader, '?'))
    throw new Wrong(`"(${reader.source.slice(reader.at, reader.at + 3)}" is not supported`)
  const index = ++reader.groups
  if (named?.[1]) reader.names.set(named[1], index)
  return { kind: 'group', node: inner(), index }
}

const looks = [
  ['?=', false, false],
  ['?!', false, true],
  ['?<=', true, false],
  ['?<!', true, true],
] as const

const sets: Readonly<Record<string, RegExp>> = {
  d: /[0-9]/,
  D: /[^0-9]/,
  w: /[A-Za-z0-9_]/,
  W: /[^A-Za-z0-9_]/,
  s: /[ \t\n\v\f\r]/,
  S: /[^ \t\n\v\f\r]/,
  h: /[ \t\u00a0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000]/,
  H: /[^ \t\u00a0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000]/,
  v: /[\n\v\f\r\u0085\u2028\u2029]/,
  V: /[^\n\v\f\r\u0085\u2028\u2029]/,
}
const controls: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  f: '\f',
  a: '\x07',
  e: '\x1b',
}
const isWord = (char: string | undefined): boolean => char !== undefined && /\w/.test(char)
const isEdge = (text: string, at: number): boolean => isWord(text[at - 1]) !== isWord(text[at])

const places: Readonly<Record<string, (text: string, at: number) => boolean>> = {
  A: (_, at) => at === 0,
  z: (text, at) => at === text.length,
  Z: atEnd,
  b: isEdge,
  B: (text, at) => !isEdge(text, at),
}

/** After the backslash. */
const readEscape = (reader: Reader, flags: Flags): Node => {
  const place = places[reader.source.charAt(reader.at)]
  if (place) {
    reader.at++
    return { kind: 'assert', test: place }
  }
  const number = takeForm(reader, /[1-9]/y)
  if (number) return backReference(reader, Number(number[0]), flags)
  const named = takeForm(reader, /k<([A-Za-z][A-Za-z0-9]*)>/y)
  if (named?.[1]) return backReference(reader, reader.names.get(named[1]) ?? Infinity, flags)
  const set = readSet(reader)
  return set ? { kind: 'one', test: folded(set, flags) } : literal(readCharacter(reader), flags)
}

const backReference = (reader: Reader, index: number, { fold }: Flags): Node => {
  if (index > reader.groups) throw new Wrong('a back-reference names no group before it')
  return { kind: 'same', index, fold }
}

type Test = (char: string) => boolean

const folded = (test: Test, { fold }: Flags): Test =>
  fold ? (char) => test(char) || test(char.toLowerCase()) || test(char.toUpperCase()) : test

/** `\d`, `\p{L}`; null when it is an escaped character. */
const readSet = (reader: Reader): Test | null => {
  const set = sets[reader.source.charAt(reader.at)]
  if (set) {
    reader.at++
    return (char) => set.test(char)
  }
  const property = takeForm(reader, /([pP])\{(?:Is)?([A-Za-z]+)\}/y)
  const [, letter, name = ''] = property ?? []
  if (!property) return null
  const found = Object.hasOwn(properties, name) ? properties[name] : undefined
  if (!found) throw new Wrong(`the property ${name.slice(0, 40)} is not supported`)
  return (char) => found.test(char) === (letter === 'p')
}

const properties: Readonly<Record<string, RegExp>> = {
  ...{ L: /\p{L}/u, Lu: /\p{Lu}/u, Ll: /\p{Ll}/u, N: /\p{N}/u, P: /\p{P}/u, Alphabetic: /\p{Alphabetic}/u },
  ...{
    Alpha: /[A-Za-z]/,
    Digit: /[0-9]/,
    Alnum: /[A-Za-z0-9]/,
    Upper: /[A-Z]/,
    Lower: /[a-z]/,
    Space: /[ \t\n\v\f\r]/,
  },
  ...{ Punct: /[!-/:-@[-`{-~]/, XDigit: /[0-9A-Fa-f]/ },
}

const readCharacter = (reader: Reader): string => {
  const hex = takeForm(reader, /x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})/y)
  if (hex) return String.fromCharCode(Number.parseInt(hex[1] ?? hex[2] ?? '', 16))
  const char = reader.source.charAt(reader.at)
  reader.at++
  if (char === '') throw new Wrong('it ends with a backslash')
  const control = controls[char]
  if (control === undefined && /[A-Za-z0-9]/.test(char)) throw new Wrong(`"\\${char}" is not supported`)
  return control ?? char
}

/** `[…]`, with ranges, sets, classes inside, and `&&`. */
const readClass = (reader: Reader): Test => {
  if (++reader.depth > depthMax) throw new Wrong(`classes are nested deeper than ${depthMax} levels`)
  reader.at++
  const negative = take(reader, '^')
  /** Joined by `&&`: a character has to be in some part of each. */
  const sides: Test[][] = [[]]
  // A "]" right after the opening is itself.
  if (take(reader, ']')) sides[0]?.push((char) => char === ']')
  while (!take(reader, ']')) {
    if (reader.at >= reader.source.length) throw new Wrong('a "[" is not closed')
    if (take(reader, '&&')) sides.push([])
    else sides.at(-1)?.push(readMember(reader))
  }
  reader.depth--
  const test: Test = (char) => sides.every((side) => side.some((member) => member(char)))
  return negative ? (char) => !test(char) : test
}

const readMember = (reader: Reader): Test => {
  if (startsWith(reader, '[')) return readClass(reader)
  const from = readBound(reader)
  if (typeof from !== 'string') return from
  if (!startsWith(reader, '-') || startsWith(reader, '-]')) return (char) => char === from
  reader.at++
  const to = readBound(reader)
  if (typeof to !== 'string' || to < from) throw new Wrong('a range in a class is not possible')
  return (char) => char >= from && char <= to
}

const readBound = (reader: Reader): string | Test => {
  if (take(reader, '\\')) return readSet(reader) ?? readCharacter(reader)
  return reader.source.charAt(reader.at++)
}
