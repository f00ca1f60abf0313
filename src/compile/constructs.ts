// What became of every construct of a configuration: carried out as written, translated, ignored or refused. Kept only
// for who asks. Whoever reads a key says so here, and every problem judges the construct it stands at; one that is
// read several times (a command used ten times) counts once, with the worst that was said of it.

import { type Construct, type Verdict, verdicts } from '../protocol/constructs.ts'
import { type ProblemCode, problemCodes } from '../protocol/problem-codes.ts'
import { positionOf, type Spot } from './source/file.ts'
import type { Entry } from './source/node.ts'

export { type Construct, type Verdict, verdicts }

export interface Constructs {
  /** It is read, and carried out unless something else is said of the same place. */
  honour(place: Spot | Entry, what: string): void
  judge(at: Spot, verdict: Verdict, text: string, instead?: string | null): void
  judgeProblem(code: ProblemCode, at: Spot, message: string, help: string | null): void
  /** Nobody asks for it by its name: still honoured if aliases take parts of it. */
  judgeUnasked(entry: Entry, why: string): void
  /** An alias names what stands there. */
  lend(from: Spot): void
  has(at: Spot): boolean
  /** File by file, each in its order. */
  list(): readonly Construct[]
}

type Kept = { at: Spot; what: string | null; verdict: Verdict; text: string | null; instead: string | null }

/** Warnings that say what becomes of a construct; errors refuse it, and of the others it is carried out. */
const byWarning: Partial<Record<ProblemCode, Verdict>> = {
  W_YAML_DUPLICATE_KEY: 'ignored',
  W_UNKNOWN_KEY: 'ignored',
  W_NEEDS_21: 'ignored',
  W_NOT_CARRIED_OUT: 'ignored',
  W_VARIABLE_UNSET: 'ignored',
  W_ENV_NAME: 'ignored',
  W_ORB_UNUSED: 'ignored',
  W_MATRIX_EXCLUDE: 'ignored',
  W_UNSET_VALUE: 'translated',
  W_CONDITION_VALUE: 'translated',
  W_DEPRECATED: 'translated',
  W_STEP_REFUSED: 'refused',
  W_UNTRUSTED_IN_SCRIPT: 'refused',
}

export const createConstructs = (): Constructs => {
  const kept = new Set<Kept>()
  const places = new Map<string, Kept>()
  const placed = (at: Spot): Kept => {
    const known = places.get(keyOf(at))
    if (known) return known
    const made: Kept = { at, what: null, verdict: 'honoured', text: null, instead: null }
    kept.add(made)
    places.set(keyOf(at), made)
    return made
  }
  const judge: Constructs['judge'] = (at, verdict, text, instead = null) => {
    const construct = placed(at)
    if (verdicts.indexOf(verdict) > verdicts.indexOf(construct.verdict))
      Object.assign(construct, { verdict, text, instead })
  }
  const lent = createLent()
  const honour: Constructs['honour'] = (place, what) => {
    const key = 'key' in place ? place.key : place
    const value = 'key' in place && isRightBehind(place) ? place.value : null
    // A problem with the value may have been found before its key was counted.
    const early = value && !places.has(keyOf(key)) ? places.get(keyOf(value)) : undefined
    if (early) places.set(keyOf(key), early)
    const construct = placed(key)
    construct.at = key
    construct.what ??= what
    if (value && !places.has(keyOf(value))) places.set(keyOf(value), construct)
  }
  return {
    honour,
    judge,
    judgeProblem: (code, at, message, help) => {
      const verdict = problemCodes[code].severity === 'error' ? 'refused' : byWarning[code]
      if (verdict) judge(at, verdict, message, help)
    },
    judgeUnasked: (entry, why) => {
      if (lent.isWithin(entry)) honour(entry, `anchors in "${entry.key.text.slice(0, 80)}"`)
      else judge(entry.key, 'ignored', why)
    },
    lend: lent.add,
    has: (at) => places.has(keyOf(at)),
    list: () => {
      const files = [...new Set([...kept].map(({ at }) => at.file))]
      return [...kept]
        .sort((a, b) => files.indexOf(a.at.file) - files.indexOf(b.at.file) || a.at.start - b.at.start)
        .map(({ at, what, ...rest }) => ({ what: what ?? written(at), ...rest, at: positionOf(at) }))
    },
  }
}

/** Where the nodes begin that aliases name, file by file, in order once somebody asks. */
const createLent = () => {
  const found = new Map<string, Set<number>>()
  const sorted = new Map<string, readonly number[]>()
  const startsIn = (path: string): readonly number[] => {
    const known = sorted.get(path)
    if (known) return known
    const made = [...(found.get(path) ?? [])].sort((a, b) => a - b)
    sorted.set(path, made)
    return made
  }
  return {
    add: ({ file, start }: Spot): void => {
      sorted.delete(file.path)
      const starts = found.get(file.path)
      if (starts) starts.add(start)
      else found.set(file.path, new Set([start]))
    },
    isWithin: ({ key, value }: Entry): boolean => {
      const starts = startsIn(key.file.path)
      let [low, high] = [0, starts.length]
      while (low < high) {
        const middle = (low + high) >>> 1
        if ((starts[middle] ?? 0) < key.end) low = middle + 1
        else high = middle
      }
      return (starts[low] ?? Number.POSITIVE_INFINITY) < value.end
    },
  }
}

/** With its end: a map begins where its first key does. */
const keyOf = ({ file, start, end }: Spot): string => `${start}-${end} ${file.path}`

/** Not so with an alias: its value stands where the anchor is, and belongs to another construct. */
const isRightBehind = ({ key, value }: Entry): boolean =>
  key.file === value.file &&
  value.start - key.end < 80 &&
  /^["']?\s*:\s*([&!]\S+\s*)*["']?$/.test(key.file.text.slice(key.end, value.start))

/** For what has no name of its own: the text that stands there. */
const written = (at: Spot): string =>
  (at.file.text.slice(at.start, at.end).split('\n', 1)[0] ?? '').slice(0, 40)
