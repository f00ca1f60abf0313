// Results of tests as they are stored (decision 0025): one object for each `store_test_results`, in it a line of JSON for
// each test, in the order of `testOutcomes` and the longest first. How many there are of each is told beside it.
import { integer, object, oneOf, parseShape, type Shaped, text } from '../base/shape.ts'

/** In the order in which they lie: what people look for comes first. */
export const testOutcomes = ['failed', 'skipped', 'passed'] as const
export type TestOutcome = (typeof testOutcomes)[number]

export const testsPerObjectMax = 50_000
export const testWordMax = 1_000
export const testMessageMax = 4_000
/** Of all lines together. */
export const testTextMax = 32 * 1024 * 1024
/** A week; no test lasts longer. */
export const testMsMax = 604_800_000

const word = text({ max: testWordMax, min: 0 })
const ms = integer({ min: 0, max: testMsMax })

/** What a report did not say is empty. */
const testCase = object({
  outcome: oneOf(...testOutcomes),
  name: word,
  class: word,
  /** Relative to the job's directory where it lies below it. */
  file: word,
  ms,
  message: text({ max: testMessageMax, min: 0 }),
})
export type TestCase = Shaped<typeof testCase>

const count = integer({ min: 0, max: testsPerObjectMax })
const bytes = integer({ min: 1, max: 2 * testTextMax })

/** What is told of an object: how many tests of each outcome, their time, and its bytes before and after compression. */
export const testFacts = object({
  failed: count,
  skipped: count,
  passed: count,
  ms: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  size: bytes,
  length: bytes,
})
export type TestFacts = Shaped<typeof testFacts>

/** null: no line of such an object. */
export const readTestLine = (line: string): TestCase | null => {
  const parsed = parseShape(testCase, parseJson(line))
  return parsed.ok ? parsed.value : null
}

const parseJson = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}
