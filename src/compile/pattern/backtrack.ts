// The part of Java's regular expressions that no linear-time engine has: look-around, back-references, possessive and
// atomic groups. It matches by trying, and counts every try: a pattern that takes too many is given up, never waited
// for. Only patterns that RE2 refuses come here.

import { limits } from '../limits.ts'
import { type Node, parseJava } from './java-syntax.ts'

/** null: given up. */
export type Backtracker = (text: string) => boolean | null

type Run = {
  readonly text: string
  readonly groups: (readonly [from: number, to: number] | null)[]
  left: number
  depth: number
}
type Next = (at: number) => boolean
/** Tries to match at `at`, and goes on with `next` behind every way it can. */
type Matcher = (run: Run, at: number, next: Next) => boolean

const givenUp = Symbol('given up')

export const compileBacktracker = (source: string): Backtracker | { readonly wrong: string } => {
  const parsed = parseJava(source)
  if ('wrong' in parsed) return parsed
  const matcher = matcherOf(parsed.node)
  return (text) => {
    if (text.length > limits.backtrackTextMax) return null
    const run: Run = {
      text,
      groups: Array(parsed.groups + 1).fill(null),
      left: limits.backtrackSteps,
      depth: 0,
    }
    try {
      return matcher(run, 0, (at) => at === text.length)
    } catch (error) {
      if (error === givenUp) return null
      throw error
    }
  }
}

/** Pays for one try; the depth bounds the stack of the machine. */
const deeper = (run: Run, work: () => boolean): boolean => {
  if (--run.left < 0 || run.depth >= limits.backtrackDepth) throw givenUp
  run.depth++
  const matched = work()
  run.depth--
  return matched
}

const matcherOf = (node: Node): Matcher => {
  switch (node.kind) {
    case 'one':
      return (run, at, next) => at < run.text.length && node.test(run.text.charAt(at)) && next(at + 1)
    case 'assert':
      return (run, at, next) => node.test(run.text, at) && next(at)
    case 'all':
      return sequence(node.nodes.map(matcherOf))
    case 'any': {
      const branches = node.nodes.map(matcherOf)
      return (run, at, next) => deeper(run, () => branches.some((branch) => branch(run, at, next)))
    }
    case 'group':
      return capture(matcherOf(node.node), node.index)
    case 'atomic':
      return atomic(matcherOf(node.node))
    case 'look':
      return look(matcherOf(node.node), node.behind, node.negative)
    case 'same':
      return backReference(node.index, node.fold)
    case 'repeat':
      return repeat(node)
  }
}

const sequence =
  (matchers: readonly Matcher[]): Matcher =>
  (run, from, next) => {
    const step = (index: number, at: number): boolean => {
      const matcher = matchers[index]
      return matcher ? deeper(run, () => matcher(run, at, (after) => step(index + 1, after))) : next(at)
    }
    return step(0, from)
  }

const capture =
  (inner: Matcher, index: number): Matcher =>
  (run, at, next) => {
    const before = run.groups[index] ?? null
    const matched = inner(run, at, (after) => {
      const own = run.groups[index] ?? null
      run.groups[index] = [at, after]
      if (next(after)) return true
      run.groups[index] = own
      return false
    })
    if (!matched) run.groups[index] = before
    return matched
  }

const firstEnd = (inner: Matcher, run: Run, at: number): number => {
  let end = -1
  inner(run, at, (after) => {
    end = after
    return true
  })
  return end
}

const atomic =
  (inner: Matcher): Matcher =>
  (run, at, next) => {
    const groups = [...run.groups]
    const end = firstEnd(inner, run, at)
    if (end >= 0 && next(end)) return true
    run.groups.splice(0, groups.length, ...groups)
    return false
  }

const look =
  (inner: Matcher, behind: boolean, negative: boolean): Matcher =>
  (run, at, next) => {
    const groups = [...run.groups]
    const restore = () => void run.groups.splice(0, groups.length, ...groups)
    const found = behind ? endsAt(inner, run, at) : firstEnd(inner, run, at) >= 0
    if (negative) restore()
    if (found !== negative && next(at)) return true
    restore()
    return false
  }

/** Looking behind: some start from which the inside ends exactly here, the nearest first. */
const endsAt = (inner: Matcher, run: Run, at: number): boolean => {
  for (let from = at; from >= 0; from--)
    if (deeper(run, () => inner(run, from, (end) => end === at))) return true
  return false
}

/** A group that did not take part matches nothing, as in Java. */
const backReference =
  (index: number, fold: boolean): Matcher =>
  (run, at, next) => {
    const group = run.groups[index]
    if (!group) return false
    const wanted = run.text.slice(...group)
    const found = run.text.slice(at, at + wanted.length)
    const same = fold ? found.toLowerCase() === wanted.toLowerCase() : found === wanted
    return same && next(at + wanted.length)
  }

const repeat = ({ node, min, max, mode }: Extract<Node, { kind: 'repeat' }>): Matcher => {
  if (mode === 'possessive') return atomic(repeat({ kind: 'repeat', node, min, max, mode: 'greedy' }))
  if (node.kind === 'one') return repeatOne(node.test, { min, max, lazy: mode === 'lazy' })
  const inner = matcherOf(node)
  return (run, from, next) => {
    const again = (at: number, count: number): boolean =>
      deeper(run, () => {
        // A round that takes nothing would go on for ever.
        const more = () =>
          count < max && inner(run, at, (after) => (after > at || count < min) && again(after, count + 1))
        if (count < min) return more()
        return mode === 'lazy' ? next(at) || more() : more() || next(at)
      })
    return again(from, 0)
  }
}

/** The common case without a stack: `.*`, `[a-z]+`. */
const repeatOne =
  (
    test: (char: string) => boolean,
    { min, max, lazy }: { min: number; max: number; lazy: boolean },
  ): Matcher =>
  (run, from, next) => {
    let most = 0
    while (most < max && from + most < run.text.length && test(run.text.charAt(from + most))) most++
    for (let tried = 0; tried <= most - min; tried++)
      if (deeper(run, () => next(from + (lazy ? min + tried : most - tried)))) return true
    return false
  }
