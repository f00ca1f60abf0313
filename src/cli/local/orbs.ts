// Orbs for configurations that are compiled here: the repository's own copies come first; what they lack is asked of the
// store of the installation that this person works with, by that person's right to see it. Nobody is asked while nothing
// is missing.
import { isFault } from '../../base/faults.ts'
import { type CompileInput, type CompileResult, compile, problemCodes } from '../../compile/index.ts'
import { createApiClient } from '../api/client.ts'
import { findTarget, type Target } from '../api/target.ts'
import { inertText } from '../inert.ts'
import type { Surroundings } from '../surroundings.ts'

type Store = NonNullable<CompileInput['orbs']>

/** The orbs are those it was compiled with, for who compiles something like it once more. */
export const compileWithOrbs = async (
  around: Surroundings,
  input: CompileInput,
): Promise<{ readonly result: CompileResult; readonly orbs: Store }> => {
  const result = compile(input)
  const isMissing = result.problems.some(({ code }) => code === problemCodes.E_ORB_MISSING.number)
  const orbs = isMissing ? await readStore(around) : new Map<string, string>()
  return orbs.size === 0 ? { result, orbs } : { result: compile({ ...input, orbs }), orbs }
}

/** Empty, with a word about it, when the store cannot be read; without one where there is no installation to ask. */
const readStore = async (around: Surroundings): Promise<Store> => {
  const target = await findTarget(around).catch((error) => {
    if (isFault(error, 'E_UNREACHABLE')) return null
    if (!isFault(error, 'E_UNAUTHENTICATED')) throw error
    around.stderr.write(inertText`note: no orb store was read: ${error.public}\n`)
    return null
  })
  if (target === null) return new Map()
  try {
    const { items } = await createApiClient(target).all('orbSources', {})
    return new Map(items.map(({ id, text }) => [id, text]))
  } catch (error) {
    if (!isFault(error)) throw error
    around.stderr.write(inertText`note: the orb store of ${nameOf(target)} was not read: ${error.public}\n`)
    return new Map()
  }
}

const nameOf = (target: Target): string => (target.kind === 'operator' ? 'this machine' : target.url)
