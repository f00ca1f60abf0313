// What every verb is given in program.ts: its options, its arguments, and one place where a failure becomes an exit code.
import { type Command, Option } from 'commander'
import { withWishes } from './everywhere.ts'
import { pathOf } from './help/help.ts'
import { guardedJson } from './inert.ts'
import { withFields } from './json-fields.ts'
import { pagerWords, withPager } from './pager.ts'
import { withPlace } from './place/with-place.ts'
import { reportError } from './report-error.ts'
import type { Surroundings } from './surroundings.ts'

/** An action with its lazy module; answers the exit code. */
export type Action<F, A extends readonly unknown[]> = (
  around: Surroundings,
  flags: F,
  ...args: A
) => Promise<number>

export const carryOut =
  <F extends object, A extends readonly unknown[]>(
    surroundings: Surroundings,
    load: (flags: F) => Promise<Action<F, A>>,
  ) =>
  async (...given: readonly unknown[]): Promise<void> => {
    // SAFE: commander's own promise, as the next line says.
    const verb = given.at(-1) as Command
    const around = withWishes(surroundings, verb)
    // commander gives the arguments, then the options, then the command itself.
    const { jsonFields, ...flags } = given.at(-2) as F & { readonly jsonFields?: string }
    const args = given.slice(0, -2) as unknown as A
    try {
      const placed = withPlace(around, flags, args)
      const own = 'json' in flags && flags.json === true ? withJson(placed.around, jsonFields) : placed.around
      // SAFE: the flags without the one that no verb knows.
      const known = placed.flags as unknown as F
      const action = await load(known)
      const words = pagerWords(own, pathOf(verb).join(' '), known)
      const work = (seen: Surroundings) => action(seen, known, ...args)
      around.setExitCode(words === null ? await work(own) : await withPager(own, words, work))
    } catch (error) {
      around.setExitCode(reportError(around, error, { json: 'json' in flags && flags.json === true }))
    }
  }

const withJson = (around: Surroundings, fields: string | undefined): Surroundings => {
  const stdout = guardedJson(around.stdout)
  return { ...around, stdout: fields === undefined ? stdout : withFields(stdout, fields) }
}

export const jsonOption = () => new Option('--json', 'JSON of the API; --json=id,status: only these fields')
export const collect = (value: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  value,
]
