// What differs between two plans, job by job: those that only one has, and the lines of those that both have.
import type { Plan, PlanJob } from '../../protocol/plan.ts'
import type { Paint } from '../look.ts'
import { planText } from './plan-text.ts'

const linesMax = 3_000

export const planDiff = (before: Plan, after: Plan, paint: Paint): string => {
  const [left, right] = [jobTexts(before), jobTexts(after)]
  const names = [...new Set([...left.keys(), ...right.keys()])]
  return names.flatMap((name) => jobDiff(name, left.get(name), right.get(name), paint)).join('')
}

const plain: Paint = (_, text) => text

/** A plan of this one job, without the head that all plans of one workflow share. */
const jobTexts = (plan: Plan): ReadonlyMap<string, readonly string[]> =>
  new Map(
    plan.workflows.flatMap((workflow) =>
      workflow.jobs.map((job: PlanJob) => {
        const alone: Plan = { ...plan, workflows: [{ ...workflow, jobs: [job] }] }
        const text = planText(alone, { paint: plain, origins: null, shownOf: (name) => name })
        return [`${workflow.name}/${job.name}`, text.trimEnd().split('\n')] as const
      }),
    ),
  )

const jobDiff = (
  name: string,
  left: readonly string[] | undefined,
  right: readonly string[] | undefined,
  paint: Paint,
): readonly string[] => {
  if (!left) return [`${paint('green', `+ ${name}`)}\n`]
  if (!right) return [`${paint('red', `- ${name}`)}\n`]
  const lines = lineDiff(left, right)
  if (lines.length === 0) return []
  const painted = lines.map(
    ([sign, line]) => `    ${paint(sign === '+' ? 'green' : 'red', `${sign} ${line.trimStart()}`)}\n`,
  )
  return [`~ ${name}\n`, ...painted]
}

type Line = readonly [sign: '+' | '-', text: string]

/** Without what both have in common; the longest common sequence by its table, so the lines are bounded. */
const lineDiff = (before: readonly string[], after: readonly string[]): readonly Line[] => {
  const [a, b] = [before.slice(0, linesMax), after.slice(0, linesMax)]
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1))
  const at = (i: number, j: number): number => lengths[i]?.[j] ?? 0
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--) {
      const row = lengths[i]
      if (row) row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  const lines: Line[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      i++
      j++
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1)))
      lines.push(['-', a[i++] ?? ''])
    else lines.push(['+', b[j++] ?? ''])
  }
  return lines
}
