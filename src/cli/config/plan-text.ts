// A plan as a person reads it: in the form of YAML, each line with the place that shaped it when that is asked for.
import { printable } from '../../compile/index.ts'
import type { Origin, Origins, Plan } from '../../protocol/plan.ts'
import { planLines } from '../../protocol/plan-lines.ts'
import type { Paint } from '../look.ts'

export type PlanLook = {
  readonly paint: Paint
  /** null: without places. */
  readonly origins: Origins | null
  readonly shownOf: (file: string) => string
}

export const planText = (plan: Plan, { paint, origins, shownOf }: PlanLook): string => {
  const lines = planLines(plan).flatMap(({ head, jobs }) => [head, ...jobs.flatMap((job) => job.lines)])
  const texts = lines.map(({ indent, text }) => printable('  '.repeat(indent) + text))
  const column = Math.min(placeColumnMax, Math.max(0, ...texts.map((text) => text.length))) + 2
  return lines
    .map(({ pointer }, i) => {
      const text = texts[i] ?? ''
      const origin = pointer === undefined ? undefined : origins?.[pointer]
      return origin
        ? `${text.padEnd(column - 1)} ${paint('dim', `# ${placeOf(origin, shownOf)}`)}\n`
        : `${text}\n`
    })
    .join('')
}

const placeColumnMax = 48

/** Where it stands, and the invocations that brought it in, innermost first. */
const placeOf = (origin: Origin, shownOf: (file: string) => string): string => {
  const at = ({ file, line, column }: Omit<Origin, 'via'>) => `${printable(shownOf(file))}:${line}:${column}`
  return [at(origin), ...origin.via.map((place) => `by ${at(place)}`)].join(' ')
}
