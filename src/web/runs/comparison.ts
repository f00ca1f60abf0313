// A comparison of two runs in the words of its tables. Pure.
import type { Comparison } from '../../protocol/api/shapes.ts'
import { formatDuration } from '../format/time.ts'

type Pair<T> = { readonly before: T | null; readonly after: T | null }

export type PlanRow = {
  readonly workflow: string
  readonly job: string
  readonly kind: 'added' | 'removed' | 'changed'
  /** null: the whole job. */
  readonly field: string | null
  readonly before: string | null
  readonly after: string | null
}

export const planRows = ({ added, removed, changed }: Comparison['plan']): readonly PlanRow[] => {
  const whole =
    (kind: 'added' | 'removed') => (job: { readonly workflow: string; readonly job: string }) => ({
      ...job,
      ...{ kind, field: null, before: null, after: null },
    })
  return [
    ...added.map(whole('added')),
    ...removed.map(whole('removed')),
    ...changed.flatMap(({ workflow, job, fields }) =>
      fields.map((field) => ({ workflow, job, kind: 'changed' as const, ...field })),
    ),
  ]
}

/** Both values, or the one that they have in common. */
export const changeOf = <T>({ before, after }: Pair<T>, words: (value: T) => string): string => {
  const [left, right] = [before, after].map((value) => (value === null ? '–' : words(value)))
  return left === right ? (left ?? '–') : `${left} → ${right}`
}

/** How much longer, or with a minus how much shorter. */
export const differenceOf = ({ before, after }: Pair<number>): string => {
  if (before === null || after === null) return '–'
  const ms = after - before
  return ms === 0 ? '0' : `${ms < 0 ? '−' : '+'}${formatDuration(Math.abs(ms))}`
}
