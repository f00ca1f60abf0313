// Annotations of a log, found while it is open for a reader. Nothing of them is kept at rest: they are text of the log. Those of a
// finished log are remembered in memory, for readers to whom the vault has opened it as well.
import { setImmediate as breathe } from 'node:timers/promises'
import type { AttemptId } from '../../base/ids.ts'
import { annotationNeedles, createAnnotationScanner, plain } from '../../protocol/annotations.ts'
import { findCredentials, mayHoldCredential } from '../../protocol/credentials.ts'
import { limits } from '../limits.ts'
import type { LogAnnotation, LogAnnotations, SuspectPlace } from '../log-use-cases.ts'
import { createLineReader } from './lines.ts'
import type { StepText } from './log-texts.ts'

/** `texts` says by its second part whether it left something out. */
export const createAnnotations = () => {
  const known = new Map<AttemptId, LogAnnotations>()
  return {
    find: async (
      of: { readonly attempt: AttemptId; readonly isComplete: boolean },
      texts: (onLeftOut: () => void) => AsyncIterable<StepText>,
    ): Promise<LogAnnotations> => {
      const before = known.get(of.attempt)
      if (before !== undefined) return before
      const found = await scanAnnotations(texts)
      if (!of.isComplete) return found
      known.set(of.attempt, found)
      const oldest = known.keys().next().value
      if (known.size > limits.annotationsKept && oldest !== undefined) known.delete(oldest)
      return found
    },
  }
}

export const scanAnnotations = async (
  texts: (onLeftOut: () => void) => AsyncIterable<StepText>,
): Promise<LogAnnotations> => {
  const items: LogAnnotation[] = []
  const counts = { error: 0, warning: 0, notice: 0 }
  const suspects = createSuspects()
  let isPartial = false
  const scanners = new Map<number, ReturnType<typeof createAnnotationScanner>>()
  const scannerOf = (step: number) => {
    const scanner = scanners.get(step) ?? createAnnotationScanner()
    scanners.set(step, scanner)
    return scanner
  }
  const reader = createLineReader({
    line: (step, at, text) => {
      suspects.line(step, at, text)
      const found = scannerOf(step).line(text)
      if (found === null) return
      counts[found.level]++
      keep(items, { ...found, step, at })
    },
    gap: (step) => scannerOf(step).gap(),
    isDull: (text) =>
      annotationNeedles.every((needle) => !text.includes(needle)) &&
      !mayHoldCredential(text.toString('latin1')),
  })
  const onLeftOut = () => {
    isPartial = true
  }
  for await (const piece of texts(onLeftOut)) {
    reader.read(piece)
    await breathe()
  }
  reader.end()
  return { items: items.toSorted(byPlace), counts, credentials: suspects.found(), isPartial }
}

const byPlace = (a: { readonly step: number; readonly at: number }, b: typeof a): number =>
  a.step - b.step || a.at - b.at

/** Lines with what looks like a credential, each once, whatever else it holds. */
const createSuspects = () => {
  const items: SuspectPlace[] = []
  let count = 0
  return {
    line: (step: number, at: number, text: string): void => {
      const [first] = mayHoldCredential(text) ? findCredentials(plain(text)) : []
      if (first === undefined) return
      count++
      if (items.length < limits.annotationsPerAttemptMax) items.push({ kind: first.kind, step, at })
    },
    found: () => ({ items: items.toSorted(byPlace), count }),
  }
}

const ranks = { error: 0, warning: 1, notice: 2 } as const

/** When there is no room, an error takes the place of the last thing that is less. */
const keep = (items: LogAnnotation[], found: LogAnnotation): void => {
  if (items.length >= limits.annotationsPerAttemptMax) {
    const worse = items.findLastIndex(({ level }) => ranks[level] > ranks[found.level])
    if (worse === -1) return
    items.splice(worse, 1)
  }
  items.push(found)
}
