// What became of the parts of a configuration, as compilers tell it to reports.
import type { Position } from '../base/problem.ts'

/** From the best to the worst. */
export const verdicts = ['honoured', 'translated', 'ignored', 'refused'] as const
export type Verdict = (typeof verdicts)[number]

/** What became of a part of a configuration. */
export type Construct = {
  /** `step save_cache`, `docker of a job` */
  readonly what: string
  readonly verdict: Verdict
  /** To what, or why; null when it is honoured. */
  readonly text: string | null
  /** What to do instead. */
  readonly instead: string | null
  readonly at: Position
}

export const countVerdicts = (
  constructs: readonly Pick<Construct, 'verdict'>[],
): Readonly<Record<Verdict, number>> => {
  const counts = { honoured: 0, translated: 0, ignored: 0, refused: 0 }
  for (const { verdict } of constructs) counts[verdict]++
  return counts
}
