// What becomes of each line of a `.env` file before anything is sealed. Pure; values go no further than this page.
import { utf8 } from '../../base/bytes.ts'
import type { Secret } from '../../protocol/api/secrets.ts'
import { type DotEnvEntry, type DotEnvProblem, parseDotEnv } from '../../protocol/dot-env.ts'
import { maskableBytesMin } from '../../protocol/statement.ts'
import { isTestValue } from '../../protocol/test-values.ts'

export type Doubt = 'empty' | 'test' | 'short' | 'exists' | 'kind'
/** `doubts`: why it is not chosen by itself. */
export type Candidate = { readonly entry: DotEnvEntry; readonly doubts: readonly Doubt[] }

export const readCandidates = (
  text: string,
  known: readonly Secret[],
): { readonly candidates: readonly Candidate[]; readonly problems: readonly DotEnvProblem[] } => {
  const { entries, problems } = parseDotEnv(text)
  return { candidates: entries.map((entry) => ({ entry, doubts: doubtsOf(entry, known) })), problems }
}

/** No choice brings these in: an empty value is none, and a variable takes no file's place. */
export const isImpossible = ({ doubts }: Candidate): boolean =>
  doubts.includes('empty') || doubts.includes('kind')

const doubtsOf = ({ name, value }: DotEnvEntry, known: readonly Secret[]): Doubt[] => {
  const before = known.find((secret) => secret.name === name)
  if (value === '') return ['empty']
  return [
    ...(before !== undefined && before.kind !== 'env' ? (['kind'] as const) : []),
    ...(isTestValue(value) ? (['test'] as const) : []),
    ...(utf8(value).length < maskableBytesMin ? (['short'] as const) : []),
    ...(before?.state === 'active' || before?.state === 'disabled' ? (['exists'] as const) : []),
  ]
}
