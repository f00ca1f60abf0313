// `$NAME` and `${NAME}` in what a setup step was given, as the orbs of the platform fill them in: with the variables of the
// job, those that steps before have put into BASH_ENV among them. Only a process of the job knows these.
import { jobCommandsPath } from '../../protocol/job-commands.ts'
import type { Sandbox } from '../../sandbox/index.ts'
import { fromSandbox } from '../stores/cells.ts'

type Filled<T> = { readonly ok: true; readonly texts: T } | { readonly ok: false; readonly message: string }

/** A process is given each in a variable, which Linux lets be this long. */
const textMax = 100_000
const filledBytesMax = 1024 * 1024

export const withVariables = async <T extends Readonly<Record<string, string>>>(
  place: { readonly sandbox: Sandbox; readonly id: string },
  texts: T,
  signal: AbortSignal,
): Promise<Filled<T>> => {
  const named = Object.entries(texts).filter(([, text]) => /\$(?:[A-Za-z_]|\{)/.test(text))
  if (named.length === 0) return { ok: true, texts }
  const tooLong = named.find(([, text]) => text.length > textMax)
  if (tooLong !== undefined)
    return { ok: false, message: `a text with variables has at most ${textMax} characters` }
  const env = Object.fromEntries(named.map(([, text], i) => [`MF_${i}`, text]))
  const script = { text: fill, env: { ...env, MF_FILL: linesFor(named.length) } }
  const answer = await fromSandbox(place, script, gather, signal)
  // What a file of the job prints stands before the first of ours.
  const found = answer.ok ? answer.value.split('\0').slice(-named.length - 1, -1) : []
  if (found.length < named.length) return { ok: false, message: 'the variables of the job could not be read' }
  const filled = Object.fromEntries(named.map(([name], i) => [name, (found[i] ?? '').replace(/\n+$/, '')]))
  return { ok: true, texts: { ...texts, ...filled } }
}

/** bash reads BASH_ENV before it reads what it is given; without one there is none to read. */
const fill = '[ -x /bin/bash ] || exec /bin/sh -c "$MF_FILL"\nexec /bin/bash -c "$MF_FILL"'

const linesFor = (count: number): string =>
  [
    "printf '\\0'",
    ...Array.from(
      { length: count },
      (_, i) => `printf '%s\\n' "$MF_${i}" | ${jobCommandsPath}/circleci env subst; printf '\\0'`,
    ),
  ].join('\n')

const gather = async (bytes: AsyncIterable<Uint8Array>): Promise<string> => {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of bytes) {
    size += chunk.length
    if (size <= filledBytesMax) chunks.push(chunk)
  }
  return size > filledBytesMax ? '' : Buffer.concat(chunks).toString('utf8')
}
