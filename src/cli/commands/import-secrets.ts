// `mayfly secrets import`: a `.env` file, read and sealed here, put one by one. Nothing is sent before all of the file is
// looked at; what is printed are names and what happened to each, never a value.

import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { utf8, utf8Decode } from '../../base/bytes.ts'
import { fault, isFault } from '../../base/faults.ts'
import type { Secret } from '../../protocol/api/secrets.ts'
import {
  type DotEnvEntry,
  type DotEnvProblem,
  dotEnvBytesMax,
  dotEnvEntriesMax,
  parseDotEnv,
} from '../../protocol/dot-env.ts'
import { maskableBytesMin } from '../../protocol/statement.ts'
import { isTestValue } from '../../protocol/test-values.ts'
import { connect } from '../api/connect.ts'
import { askHidden } from '../everywhere.ts'
import { inertText } from '../inert.ts'
import { writeTable } from '../look.ts'
import { nowIn, sameRotation, unixSeconds } from '../secrets/dates.ts'
import { type HomeFlags, homeOf, type SecretsHome } from '../secrets/home.ts'
import { sealAndPut } from '../secrets/put.ts'
import { requireSignerKey } from '../secrets/signer-key.ts'
import { ingestKeyOf } from '../secrets/vault-pin.ts'
import type { Surroundings } from '../surroundings.ts'

export type ImportFlags = HomeFlags & {
  readonly json?: boolean
  readonly only: readonly string[]
  readonly replace?: boolean
  readonly dryRun?: boolean
  readonly allowTestValue: readonly string[]
  readonly allowUnmaskable?: boolean
}
type Result = {
  readonly name: string
  readonly line: number
  readonly result: Word
  readonly version?: number
}
type Word = string

export const importSecrets = async (
  around: Surroundings,
  flags: ImportFlags,
  file: string,
): Promise<number> => {
  const entries = await readEntries(around, file)
  const api = await connect(around)
  const home = await homeOf(around, api, flags)
  const { items } = await home.list()
  const known = new Map(items.map((secret) => [secret.name, secret]))
  const planned = entries.map((entry) => ({ entry, refusal: refusalOf(entry, flags, known.get(entry.name)) }))
  const results: Result[] = []
  const put = flags.dryRun === true ? null : await createPut(around, home, known)
  for (const { entry, refusal } of planned) {
    const { name, line } = entry
    if (refusal !== null) results.push({ name, line, result: refusal })
    else results.push({ name, line, ...(put === null ? { result: 'would be set' } : await put(entry)) })
  }
  write(around, flags, results)
  return results.every(({ result }) => ['set', 'would be set', 'left out'].includes(result)) ? 0 : 1
}

const readEntries = async (around: Surroundings, file: string): Promise<readonly DotEnvEntry[]> => {
  const bytes =
    file === '-'
      ? await askHidden(around, 'lines NAME=value', 'as a file or on standard input')
      : await readFile(resolve(around.cwd, file)).catch((cause: unknown) => {
          throw fault('E_INPUT', { public: `${file} cannot be read`, cause })
        })
  if (bytes.length > dotEnvBytesMax) throw fault('E_INPUT', { public: `${file} is larger than 1 MiB` })
  const { entries, problems } = parseDotEnv(utf8Decode(bytes))
  bytes.fill(0)
  if (problems.length > 0)
    throw fault('E_INPUT', {
      public: `nothing was sent: ${problems.map((problem) => `${file}:${problem.line}: ${problemWords[problem.rule]}`).join('; ')}`,
    })
  if (entries.length === 0) throw fault('E_INPUT', { public: `${file} names no variable` })
  return entries
}

const problemWords: Readonly<Record<DotEnvProblem['rule'], string>> = {
  assignment: 'no NAME=value',
  name: 'no name of a variable stands before the =',
  quote: 'nothing closes the quote',
  rest: 'something stands behind the closing quote',
  twice: 'the name stands there already',
  many: `more than ${dotEnvEntriesMax} names`,
}

/** What keeps one from being put, in words; null: nothing. */
const refusalOf = (
  { name, value }: DotEnvEntry,
  flags: ImportFlags,
  before: Secret | undefined,
): Word | null => {
  if (flags.only.length > 0 && !flags.only.includes(name)) return 'left out'
  if (value === '') return 'empty'
  if (isTestValue(value) && !flags.allowTestValue.includes(name)) return 'test value'
  if (utf8(value).length < maskableBytesMin && flags.allowUnmaskable !== true) return 'too short'
  // What is disabled has its value, and a new one would go to jobs again.
  const isThere = before !== undefined && before.state !== 'revoked'
  if (isThere && flags.replace !== true) return 'exists'
  return before !== undefined && before.kind !== 'env' ? `is of kind ${before.kind}` : null
}

const createPut = async (
  around: Surroundings,
  home: SecretsHome,
  known: ReadonlyMap<string, Secret>,
): Promise<(entry: DotEnvEntry) => Promise<Pick<Result, 'result' | 'version'>>> => {
  const key = await requireSignerKey(around)
  const ingest = await ingestKeyOf(around, await (await connect(around)).call('vaultKey', {}))
  return async ({ name, value }) => {
    const before = known.get(name) ?? null
    const rotate = sameRotation(around, before)
    const body = {
      ...{ kind: 'env' as const, policy: before?.detail?.policy ?? home.policy },
      expires_at: remainingExpiry(around, before),
      allow_unmaskable: utf8(value).length < maskableBytesMin,
      ...(rotate === null ? {} : { rotate_after: rotate }),
      ...(before === null ? {} : { keeps: ['kind', 'refs', 'events', 'min_tier', 'freshness'] as const }),
    }
    try {
      const about = { home, key, ingest, name, before, body, value: utf8(value) }
      const { detail } = await sealAndPut(around, about)
      return { result: 'set', ...(detail === null ? {} : { version: detail.version }) }
    } catch (error) {
      // The others may still be good; what is wrong with all of them is said as often.
      if (!isFault(error)) throw error
      return { result: error.public }
    }
  }
}

/** A new value is good as long as the old one was; what had expired is renewed without a date. */
const remainingExpiry = (around: Surroundings, before: Secret | null): number | null => {
  const at = unixSeconds(before?.detail?.expires_at ?? null)
  return at === null || at <= nowIn(around) ? null : at
}

const hints: Readonly<Record<string, string>> = {
  'test value': 'looks like the place for a value: --allow-test-value NAME puts it all the same',
  'too short': `a value of less than ${maskableBytesMin} bytes cannot be masked in logs: --allow-unmaskable`,
  exists: 'there is one of this name: --replace gives it a new version',
}

const write = (around: Surroundings, { json }: ImportFlags, results: readonly Result[]): void => {
  if (json) {
    around.stdout.write(`${JSON.stringify({ items: results })}\n`)
    return
  }
  writeTable(
    around.stdout,
    ['NAME', 'LINE', 'RESULT'],
    results.map(({ name, line, result, version }) => [
      ...[name, String(line)],
      version === undefined ? result : `${result}, version ${version}`,
    ]),
  )
  const seen = new Set(results.map(({ result }) => result))
  for (const [word, hint] of Object.entries(hints))
    if (seen.has(word)) around.stderr.write(inertText`${word}: ${hint}\n`)
}
