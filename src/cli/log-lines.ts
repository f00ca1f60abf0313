// Lines of a log that somebody asked for: those that match, each with its time. Works on the server's JSON lines.
import { fault } from '../base/faults.ts'

export type LineFilter = { readonly pattern: RegExp | null; readonly hasTimes: boolean }

/** null: the log as it is. */
export const lineFilter = (flags: {
  readonly grep?: string
  readonly timestamps?: boolean
}): LineFilter | null => {
  if (flags.grep === undefined && flags.timestamps !== true) return null
  return {
    pattern: flags.grep === undefined ? null : patternOf(flags.grep),
    hasTimes: flags.timestamps === true,
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
  const put = (json: string) => {
    if (json === '') return
    // SAFE: the server writes it by its own shape (server/http/log-download.ts).
    const { t, text } = JSON.parse(json) as { readonly t: number; readonly text: string }
    if (filter.pattern !== null && !filter.pattern.test(text.replaceAll(colours, ''))) return
    to.write(Buffer.from(`${filter.hasTimes ? `${offsetOf(t)} ` : ''}${text}\n`))
  }
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of source) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) put(line)
  }
  put(rest)
}

/** Since the attempt began: `00:01:02.345`. */
const offsetOf = (ms: number): string => new Date(ms).toISOString().slice(11, 23)
