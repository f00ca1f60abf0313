// Lines of a log that somebody asked for: those that match, each with its time. Works on the server's JSON lines.
import { fault } from '../base/faults.ts'

export type LineFilter = {
  readonly pattern: RegExp | null
  readonly hasTimes: boolean
  /** Only lines written so long after the attempt began, or later; null: all. */
  readonly fromMs: number | null
}

/** null: the log as it is. */
export const lineFilter = (flags: {
  readonly grep?: string
  readonly timestamps?: boolean
  readonly since?: string
}): LineFilter | null => {
  if (flags.grep === undefined && flags.timestamps !== true && flags.since === undefined) return null
  return {
    pattern: flags.grep === undefined ? null : patternOf(flags.grep),
    hasTimes: flags.timestamps === true,
    fromMs: null,
  }
}

const patternOf = (source: string): RegExp => {
  try {
    return new RegExp(source)
  } catch (cause) {
    throw fault('E_INPUT', { public: `"${source}" is no regular expression`, cause })
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours do not count as text.
const colours = /\u001b\[[0-9;]*m/g

export const writeLines = async (
  source: AsyncIterable<Uint8Array>,
  filter: LineFilter,
  to: { write(bytes: Uint8Array): void },
): Promise<void> => {
  let isWithin = false
  const put = (json: string) => {
    // SAFE: the server writes it by its own shape (server/http/log-download.ts).
    const { t, text, more } = JSON.parse(json) as {
      readonly t: number
      readonly text: string
      readonly more?: true
    }
    // What matches of a line in pieces is a line of what is printed.
    const isPart = more === true && filter.pattern === null
    const time = filter.hasTimes && !isWithin ? `${offsetOf(t)} ` : ''
    isWithin = isPart
    if (filter.fromMs !== null && t < filter.fromMs) return
    if (filter.pattern !== null && !filter.pattern.test(text.replaceAll(colours, ''))) return
    to.write(Buffer.from(`${time}${text}${isPart ? '' : '\n'}`))
  }
  for await (const json of linesOf(source)) put(json)
}

/** Those that are empty are left out. */
export const linesOf = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest: string[] = []
  for await (const bytes of source) {
    const text = decoder.decode(bytes, { stream: true })
    const end = text.lastIndexOf('\n')
    if (end !== -1) {
      yield* `${rest.join('')}${text.slice(0, end)}`.split('\n').filter(Boolean)
      rest = []
    }
    rest.push(text.slice(end + 1))
  }
  yield* [rest.join('')].filter(Boolean)
}

/** Since the attempt began: `00:01:02.345`. */
const offsetOf = (ms: number): string => new Date(ms).toISOString().slice(11, 23)
