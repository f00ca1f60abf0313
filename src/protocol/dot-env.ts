// Reading a `.env` file: names and values for secrets, in the command line and in the browser. A line is `NAME=value`, with
// or without `export`; values stand bare (to the end of the line or ` #`), in single quotes (as they are) or in double quotes
// (\n \r \t \" \\ \$). Nothing is expanded: a `$` is a `$`. Problems name lines, never what stands in them. Pure.

export type DotEnvEntry = { readonly name: string; readonly value: string; readonly line: number }
/** `assignment`: no NAME=value. `name`: no name of a variable. `quote`: one that nothing closes. `rest`: text behind one. `twice`: named before. */
export const dotEnvRules = ['assignment', 'name', 'quote', 'rest', 'twice', 'many'] as const
export type DotEnvProblem = { readonly line: number; readonly rule: (typeof dotEnvRules)[number] }
export type DotEnv = { readonly entries: readonly DotEnvEntry[]; readonly problems: readonly DotEnvProblem[] }

export const dotEnvBytesMax = 1024 * 1024
export const dotEnvEntriesMax = 200

const nameForm = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/
const spaces = ' \t'

/** All of it, also behind a problem: whoever looks at a file wants to mend it once. */
export const parseDotEnv = (text: string): DotEnv => {
  const source = text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n')
  const entries = new Map<string, DotEnvEntry>()
  const problems: DotEnvProblem[] = []
  let [at, line] = [0, 1]
  while (at < source.length) {
    const read = readAssignment(source, at)
    const problem = problemOf(read, entries)
    if (problem !== null) problems.push({ line, rule: problem })
    else if (read.name !== undefined)
      entries.set(read.name, { name: read.name, value: read.value ?? '', line })
    line += linesIn(source.slice(at, read.end))
    at = read.end
  }
  return { entries: [...entries.values()], problems }
}

type Rule = DotEnvProblem['rule']
type Read = {
  /** Where the next line begins. */
  readonly end: number
  readonly name?: string
  readonly value?: string
  readonly rule?: Rule
}

const problemOf = ({ name, rule }: Read, entries: ReadonlyMap<string, DotEnvEntry>): Rule | null => {
  if (rule !== undefined) return rule
  if (name === undefined) return null
  if (!nameForm.test(name)) return 'name'
  if (entries.has(name)) return 'twice'
  return entries.size >= dotEnvEntriesMax ? 'many' : null
}

const readAssignment = (source: string, at: number): Read => {
  const lineEnd = endOfLine(source, at)
  const line = source.slice(at, lineEnd).trim()
  if (line === '' || line.startsWith('#')) return { end: lineEnd + 1 }
  const equalsIn = source.slice(at, lineEnd).indexOf('=')
  if (equalsIn === -1) return { end: lineEnd + 1, rule: 'assignment' }
  const equals = at + equalsIn
  const name = source
    .slice(at, equals)
    .trim()
    .replace(/^export[ \t]+/, '')
  const from = skip(source, equals + 1)
  const quote = source[from]
  if (quote === "'" || quote === '"') return { name, ...readQuoted(source, from + 1, quote) }
  const bare = source.slice(equals + 1, lineEnd).replace(/(^|[ \t])#.*$/, '')
  return { name, value: bare.trim(), end: lineEnd + 1 }
}

const readQuoted = (source: string, from: number, quote: string): Omit<Read, 'name'> => {
  let value = ''
  for (let at = from; at < source.length; at++) {
    const char = source[at] ?? ''
    if (char === quote) return behindQuote(source, at + 1, value)
    if (char === '\\' && quote === '"' && at + 1 < source.length) value += escaped(source[++at] ?? '')
    else value += char
  }
  // What begins there is lost; the lines behind it may still be read.
  return { end: endOfLine(source, from) + 1, rule: 'quote' }
}

const behindQuote = (source: string, at: number, value: string): Omit<Read, 'name'> => {
  const lineEnd = endOfLine(source, at)
  const rest = source.slice(skip(source, at), lineEnd).trim()
  const end = lineEnd + 1
  return rest === '' || rest.startsWith('#') ? { value, end } : { end, rule: 'rest' }
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '"': '"',
  '\\': '\\',
  $: '$',
}
/** Of any other character the backslash stays: in paths and patterns it is meant. */
const escaped = (char: string): string => escapes[char] ?? `\\${char}`

const endOfLine = (source: string, at: number): number => {
  const end = source.indexOf('\n', at)
  return end === -1 ? source.length : end
}

const skip = (source: string, from: number): number => {
  let at = from
  while (spaces.includes(source[at] ?? 'x')) at++
  return at
}

const linesIn = (text: string): number => text.split('\n').length - 1
