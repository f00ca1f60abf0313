// What the line of a log says of a file: commands that scripts print (`::error file=…::`), and what common tools print by
// themselves. Lines are hostile: each is looked at up to a bound, and passed over once; there is no regular expression that could
// be made to go back and forth. Nothing here is a link or markup, only text and numbers.

export type AnnotationLevel = 'error' | 'warning' | 'notice'

export type Annotation = {
  readonly level: AnnotationLevel
  readonly message: string
  readonly file: string | null
  readonly line: number | null
  readonly column: number | null
  readonly title: string | null
}

export const annotationLineMax = 4_096
const messageMax = 1_000
const fileMax = 500
const titleMax = 200

export interface AnnotationScanner {
  /** The lines of a step, in order, as the job wrote them. */
  line(text: string): Annotation | null
  /** Lines were left out here. */
  gap(): void
}

/** Text without any of these holds no annotation: to pass over much of a log at once. */
export const annotationNeedles = ['error', 'warning', '::notice', '.py:', '.go:', '--- '] as const

export const createAnnotationScanner = (): AnnotationScanner => {
  /** The file that eslint lists the findings of. */
  let heading: string | null = null
  /** Lines of a test of Go speak of a failure only below its name. */
  let isFailedTest = false
  const gap = (): void => {
    heading = null
    isFailedTest = false
  }
  return {
    gap,
    line: (raw) => {
      const text = plain(raw)
      const test = goTest(text)
      if (test !== null) isFailedTest = test
      const found =
        command(text) ?? stylish(text, heading) ?? located(text) ?? goLine(text, isFailedTest) ?? python(text)
      if (found === null && !isIndented(text)) heading = isPath(text) ? text.trim() : null
      return found === null ? null : bounded(found)
    },
  }
}

const isIndented = (text: string): boolean => text === '' || text.startsWith(' ') || text.startsWith('\t')

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is how colours and links begin. Each part takes what the next cannot.
const sequences = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?)/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: what has no shape does not belong into a list.
const controls = /[\u0000-\u0008\u000b-\u001f\u007f]/g

/** The last that a line came to, without colours and controls, and no longer than `annotationLineMax`. */
export const plain = (raw: string): string => {
  const line = raw.slice(0, annotationLineMax).replace(sequences, '')
  const end = line.endsWith('\r') ? line.length - 1 : line.length
  return line.slice(line.lastIndexOf('\r', end - 1) + 1, end).replace(controls, '')
}

const bounded = (found: Annotation): Annotation => ({
  ...found,
  message: found.message.trim().slice(0, messageMax),
  file: found.file === null || found.file === '' ? null : found.file.slice(0, fileMax),
  title: found.title === null || found.title === '' ? null : found.title.slice(0, titleMax),
})

const nothing = { file: null, line: null, column: null, title: null } as const

const levels: Readonly<Record<string, AnnotationLevel>> = {
  error: 'error',
  warning: 'warning',
  notice: 'notice',
}
const levelOf = (word: string): AnnotationLevel | null =>
  Object.hasOwn(levels, word) ? (levels[word] ?? null) : null

/** `::error file=a.ts,line=3,col=7,title=T::message` and `##[error]message`. */
const command = (text: string): Annotation | null => {
  const line = text.trimStart()
  if (line.startsWith('##[')) {
    const end = line.indexOf(']')
    const level = levelOf(line.slice(3, Math.max(3, end)))
    return level === null ? null : { level, message: line.slice(end + 1), ...nothing }
  }
  if (!line.startsWith('::')) return null
  const end = line.indexOf('::', 2)
  if (end === -1) return null
  const head = line.slice(2, end)
  const space = head.indexOf(' ')
  const level = levelOf(space === -1 ? head : head.slice(0, space))
  if (level === null) return null
  const given = space === -1 ? new Map<string, string>() : propertiesOf(head.slice(space + 1))
  return {
    level,
    message: unescaped(line.slice(end + 2)),
    file: given.get('file') ?? null,
    line: numberOf(given.get('line')),
    column: numberOf(given.get('col')),
    title: given.get('title') ?? null,
  }
}

const propertiesOf = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split(',').flatMap((pair): [string, string][] => {
      const at = pair.indexOf('=')
      return at === -1 ? [] : [[pair.slice(0, at).trim(), unescaped(pair.slice(at + 1)).trim()]]
    }),
  )

const escapes: Readonly<Record<string, string>> = {
  '%25': '%',
  '%0D': ' ',
  '%0A': '\n',
  '%3A': ':',
  '%2C': ',',
}
const unescaped = (text: string): string =>
  text.replace(/%(?:25|0[DdAa]|3[Aa]|2[Cc])/g, (found) => escapes[found.toUpperCase()] ?? found)

const lineNumberMax = 99_999_999
const numberOf = (text: string | undefined): number | null => {
  if (text === undefined || text.length > 8 || !/^\d+$/.test(text)) return null
  const number = Number(text)
  return number >= 1 && number <= lineNumberMax ? number : null
}

/** eslint: `  12:5  error  Unexpected any  no-explicit-any`, below the line that names the file. */
const stylish = (text: string, heading: string | null): Annotation | null => {
  if (heading === null || !isIndented(text)) return null
  const found = /^\s+(\d{1,8}):(\d{1,8})\s+(error|warning)\s+(\S.*)$/.exec(text)
  if (found === null) return null
  const [, line, column, word = '', rest = ''] = found
  const rule = rest.trimEnd().lastIndexOf('  ')
  return {
    level: levelOf(word) ?? 'error',
    message: rule === -1 ? rest : `${rest.slice(0, rule).trimEnd()} (${rest.slice(rule).trim()})`,
    ...{ file: heading, line: numberOf(line), column: numberOf(column), title: null },
  }
}

/** Words between a place and a message, of gcc, clang, tsc, rustc's short form, javac, mypy and many more. */
const separators: readonly (readonly [words: string, level: AnnotationLevel])[] = [
  [': fatal error: ', 'error'],
  [': error: ', 'error'],
  [': warning: ', 'warning'],
  [': error TS', 'error'],
  [' - error TS', 'error'],
  [' - warning TS', 'warning'],
]

const located = (text: string): Annotation | null => {
  for (const [words, level] of separators) {
    const at = text.indexOf(words)
    if (at <= 0) continue
    const place = placeOf(text.slice(0, at))
    if (place === null) continue
    const rest = text.slice(at + words.length)
    return { level, message: words.endsWith('TS') ? `TS${rest}` : rest, ...place, title: null }
  }
  return null
}

type Place = { readonly file: string; readonly line: number | null; readonly column: number | null }

/** `a.c:3:7`, `a.c:3` or `a.ts(3,7)`, read from its end. */
const placeOf = (text: string): Place | null => {
  if (text.endsWith(')')) {
    const open = text.lastIndexOf('(')
    if (open <= 0) return null
    const [line, column] = text.slice(open + 1, -1).split(',')
    return aPlace(text.slice(0, open), numberOf(line), numberOf(column))
  }
  const last = text.lastIndexOf(':')
  const number = numberOf(text.slice(last + 1))
  if (last <= 0 || number === null) return null
  const before = text.lastIndexOf(':', last - 1)
  const line = before <= 0 ? null : numberOf(text.slice(before + 1, last))
  return line === null
    ? aPlace(text.slice(0, last), number, null)
    : aPlace(text.slice(0, before), line, number)
}

const aPlace = (file: string, line: number | null, column: number | null): Place | null =>
  line === null || !isPath(file) ? null : { file: file.trim(), line, column }

/** A name of a file: of no more words than such names have, with a dot or a slash, and no address. */
const isPath = (text: string): boolean => {
  const name = text.trim()
  return (
    name.length > 0 &&
    name.length <= fileMax &&
    !name.includes('://') &&
    !name.includes('  ') &&
    (name.includes('/') || name.includes('\\') || /\.\w{1,10}$/.test(name))
  )
}

/** `--- FAIL: TestX (0.00s)`; true: the lines below speak of a failure. null: another line. */
const goTest = (text: string): boolean | null => {
  const line = text.trimStart()
  if (line.startsWith('--- ')) return line.startsWith('--- FAIL: ')
  return line.startsWith('=== ') || line.startsWith('ok  ') ? false : null
}

/** go build and vet: `./a.go:3:7: message`; go test below a failure: `    a_test.go:3: message`. */
const goLine = (text: string, isFailedTest: boolean): Annotation | null => {
  const at = text.indexOf('.go:')
  if (at <= 0) return null
  const rest = /^(\d{1,8})(?::(\d{1,8}))?: (.+)$/.exec(text.slice(at + 4))
  if (rest === null) return null
  const [, line, column, message = ''] = rest
  const start = text.startsWith('vet: ') ? 5 : 0
  const file = text.slice(start, at + 3)
  const isCompiler = column !== undefined && !isIndented(text)
  if (!isCompiler && !(isFailedTest && isIndented(text))) return null
  const place = aPlace(file, numberOf(line), numberOf(column))
  return place === null ? null : { level: 'error', message, ...place, title: null }
}

/** pytest and Python's warnings: `tests/test_a.py:12: AssertionError`. */
const python = (text: string): Annotation | null => {
  const at = text.indexOf('.py:')
  if (at <= 0 || isIndented(text)) return null
  const rest = /^(\d{1,8}): ([A-Z]\w*)(.*)$/.exec(text.slice(at + 4))
  if (rest === null) return null
  const [, line, kind = '', more = ''] = rest
  const level = kind.endsWith('Warning') ? 'warning' : 'error'
  const place = aPlace(text.slice(0, at + 3), numberOf(line), null)
  return place === null ? null : { level, message: `${kind}${more}`, ...place, title: null }
}
