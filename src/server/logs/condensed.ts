// What somebody needs who wants to know why an attempt failed, and has no room for its log: of each step that failed the lines that
// speak of a failure, and its end. Text is cleaned of controls and bounded; it is the job's, and never to be believed.
import { setImmediate as breathe } from 'node:timers/promises'
import { plain } from '../../protocol/annotations.ts'
import { failureWords } from '../../protocol/log-words.ts'
import { limits } from '../limits.ts'
import type { CondensedLine, CondensedStep } from '../log-use-cases.ts'
import { createLineReader } from './lines.ts'
import type { StepText } from './log-texts.ts'

/** By the numbers of the steps, in order. */
export const condenseSteps = async (
  steps: readonly number[],
  texts: AsyncIterable<StepText>,
  bytesMax: number,
): Promise<readonly CondensedStep[]> => {
  const gathered = new Map(steps.map((step) => [step, gather()]))
  const reader = createLineReader({
    line: (step, number, text) => gathered.get(step)?.add({ line: number, text }),
  })
  for await (const piece of texts) {
    if (!gathered.has(piece.step)) continue
    reader.read(piece)
    await breathe()
  }
  reader.end()
  const share = Math.floor(bytesMax / Math.max(1, steps.length))
  return steps.map((step) => ({ step, ...(gathered.get(step)?.within(share) ?? nothing) }))
}

const nothing = { lines: 0, errors: [], tail: [] } as const
/** Of what there is room for, this much is of the end. */
const tailPart = 0.6

const gather = () => {
  const tail: CondensedLine[] = []
  const errors: CondensedLine[] = []
  let lines = 0
  return {
    add: ({ line, text }: CondensedLine): void => {
      lines = Math.max(lines, line)
      tail.push({ line, text })
      if (tail.length > limits.condensedTailLines) tail.shift()
      if (errors.length < limits.condensedErrorsMax && failureWords.test(text))
        errors.push(cleaned({ line, text }))
    },
    /** From the end on, as far as there is room; then what failed before that. */
    within: (bytes: number) => {
      const end = upTo(tail.map(cleaned).toReversed(), bytes * tailPart).toReversed()
      const first = end[0]?.line ?? Number.POSITIVE_INFINITY
      const before = errors.filter(({ line }) => line < first)
      return { lines, errors: upTo(before, bytes * (1 - tailPart)), tail: end }
    },
  }
}

const cleaned = ({ line, text }: CondensedLine): CondensedLine => ({
  line,
  text: plain(text).slice(0, limits.condensedLineMax),
})

const upTo = (lines: readonly CondensedLine[], bytes: number): readonly CondensedLine[] => {
  let left = bytes
  const end = lines.findIndex(({ text }) => {
    left -= Buffer.byteLength(text) + 1
    return left < 0
  })
  return end === -1 ? lines : lines.slice(0, end)
}
