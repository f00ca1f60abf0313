// Hostile input for parsers: genuine values with one or a few things changed, from a seed. `judgeParser` is what holds
// for every parser and every input: an answer, soon, with a reason that tells nothing of the program, and no trace.
import assert from 'node:assert/strict'
import type { Parsed } from '../../src/base/problem.ts'
import { createRandom, type Random } from './random.ts'

/** Things that programs trip over, in place of what was expected. */
const strange: readonly unknown[] = [
  ...[null, true, '', ' ', '\0', '\ud800', '\u202e', '../../etc/passwd', 'x'.repeat(70_000), '__proto__'],
  ...[0, -0, -1, 0.5, 1e308, Number.MAX_SAFE_INTEGER + 2, 2 ** 32, '1', '1e9', '\u0000'],
  ...[[], {}, [[]], [null], { length: 1e9 }, { toString: 1 }, { constructor: { prototype: 1 } }],
  JSON.parse('{"__proto__": {"polluted": true}}'),
  Array.from({ length: 3_000 }, () => 0),
  JSON.parse(`${'['.repeat(2_000)}${']'.repeat(2_000)}`),
]

/** A copy with something strange somewhere, something gone, or something too many. */
export const damageJson = (random: Random, value: unknown): unknown => {
  const parts = typeof value === 'object' && value !== null ? Object.keys(value) : []
  const key = parts[random(Math.max(1, parts.length))]
  const isHere = key === undefined || random(3) === 0
  if (isHere) return damageHere(random, value)
  // SAFE: it has the key, so it is an object or an array.
  const changed = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>
  changed[key] = damageJson(random, changed[key])
  return changed
}

const damageHere = (random: Random, value: unknown): unknown => {
  const other = strange[random(strange.length)]
  if (typeof value === 'string' && random(2) === 0)
    return value.slice(0, random(value.length + 1)) + (typeof other === 'string' ? other : '')
  if (Array.isArray(value) && random(2) === 0) return [...value, ...value, other]
  if (typeof value === 'object' && value !== null && random(2) === 0) {
    const keys = Object.keys(value)
    const gone = keys[random(Math.max(1, keys.length))]
    return Object.fromEntries([...Object.entries(value).filter(([key]) => key !== gone), ['unknown', other]])
  }
  return other
}

/** Bits turned, pieces cut out, doubled or put elsewhere; now and then nothing but noise. */
export const damageBytes = (random: Random, bytes: Uint8Array): Uint8Array => {
  if (random(10) === 0) return Uint8Array.from({ length: random(200) }, () => random(256))
  const out = [...bytes]
  for (let times = 1 + random(4); times > 0; times--) {
    const at = random(out.length + 1)
    const length = random(16)
    const kind = random(4)
    if (kind === 0 && out.length > 0) out[at % out.length] = random(256)
    if (kind === 1) out.splice(at, length)
    if (kind === 2) out.splice(at, 0, ...out.slice(at, at + length))
    if (kind === 3) out.splice(at, 0, ...Array.from({ length }, () => random(256)))
  }
  return Uint8Array.from(out)
}

const soonMs = 2_000

/** Processor time of this process, in milliseconds: a busy machine makes nothing late. */
export const spentMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Words of our own code, a stack, or a place on a machine. */
export const leak = /\bat \S+ \(|node_modules|\.ts:\d|node:internal|\/(src|home|root|var|usr)\//

/** Runs `parse` over `count` damaged copies; answers how many were taken, so that a test can ask that some were not. */
export const judgeParser = <I>(
  parse: (input: I) => Parsed<unknown> | object | string | null,
  damaged: (random: Random) => I,
  { count = 300, seed = 1 }: { readonly count?: number; readonly seed?: number } = {},
): { readonly taken: number; readonly refused: number } => {
  const result = { taken: 0, refused: 0 }
  for (let nth = 0; nth < count; nth++) {
    const input = damaged(createRandom(seed + nth))
    const began = spentMs()
    const answer = parse(input)
    assert.ok(spentMs() - began < soonMs, `seed ${seed + nth} took too long`)
    assert.equal(({} as { polluted?: boolean }).polluted, undefined, `seed ${seed + nth} changed a prototype`)
    const isRefused = answer === null || (typeof answer === 'object' && 'ok' in answer && answer.ok === false)
    result[isRefused ? 'refused' : 'taken']++
    if (answer !== null && typeof answer === 'object' && 'problems' in answer && isRefused)
      judgeProblems((answer as { problems: readonly { message: string }[] }).problems, seed + nth)
  }
  assert.ok(result.refused > 0, 'nothing was damaged enough to be refused')
  return result
}

const judgeProblems = (problems: readonly { readonly message: string }[], seed: number): void => {
  assert.ok(problems.length > 0 && problems.length <= 100, `seed ${seed}: ${problems.length} problems`)
  for (const { message } of problems) {
    assert.ok(message.length < 1_000, `seed ${seed}: a message of ${message.length} characters`)
    assert.doesNotMatch(message, leak, `seed ${seed}`)
  }
}
