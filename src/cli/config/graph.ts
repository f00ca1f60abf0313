// The jobs of a plan and what they wait for, as a tree for a terminal, and as text for two drawing programs.
import { printable } from '../../compile/index.ts'
import { type Outcome, type Plan, type PlanJob, type PlanWorkflow, redOutcomes } from '../../protocol/plan.ts'
import type { Paint } from '../look.ts'

type Need = PlanJob['needs'][number]

/** Outcomes that a configuration asks for by one word. */
const groups: readonly (readonly [word: string, outcomes: readonly Outcome[]])[] = [
  ['passed', ['passed', 'unstable']],
  ['failed', redOutcomes],
  ['cancelled', ['cancelled']],
  ['refused', ['skipped:policy']],
  ['not run', ['skipped:needs', 'skipped:rule']],
]

/** Nothing for the ordinary "when it passed". */
export const acceptedWords = ({ on }: Need): string => {
  const words = groups.filter(([, members]) => members.some((outcome) => on.includes(outcome)))
  if (words.length === groups.length) return 'however it ends'
  const text = words.map(([word]) => word).join(' or ')
  return text === 'passed' ? '' : text
}

export const labelOf = (job: PlanJob): string => (job.shards > 1 ? `${job.name} ×${job.shards}` : job.name)

/** Each job stands below the last of those it waits for; the others are named beside it. */
export const textGraph = (plan: Plan, paint: Paint): string =>
  plan.workflows.map((workflow) => `${treeOf(workflow, paint).join('\n')}\n`).join('\n')

const treeOf = (workflow: PlanWorkflow, paint: Paint): string[] => {
  const depths = depthsOf(workflow)
  const below = new Map<string, PlanJob[]>()
  const parents = new Map<string, Need | null>()
  for (const job of workflow.jobs) {
    const parent = job.needs.reduce<Need | null>(
      (deepest, need) =>
        deepest === null || (depths.get(need.job) ?? 0) > (depths.get(deepest.job) ?? 0) ? need : deepest,
      null,
    )
    parents.set(job.key, parent)
    const key = parent?.job ?? ''
    below.set(key, [...(below.get(key) ?? []), job])
  }
  const lines = [paint('bold', printable(workflow.name))]
  const draw = (key: string, indent: string): void => {
    const children = below.get(key) ?? []
    for (const [i, job] of children.entries()) {
      const isLast = i === children.length - 1
      const beside = remarksOf(job, parents.get(job.key) ?? null)
      const remark = beside.length > 0 ? `  ${paint('dim', printable(beside.join(', ')))}` : ''
      lines.push(`${indent}${isLast ? '└─' : '├─'} ${printable(labelOf(job))}${remark}`)
      draw(job.key, `${indent}${isLast ? '  ' : '│ '} `)
    }
  }
  draw('', '')
  return lines
}

const remarksOf = (job: PlanJob, parent: Need | null): readonly string[] => {
  const others = job.needs
    .filter((need) => need !== parent)
    .map((need) => need.job + inBrackets(acceptedWords(need)))
  const accepted = parent === null ? '' : acceptedWords(parent)
  return [
    ...(job.kind === 'job' ? [] : [job.kind]),
    ...(accepted === '' ? [] : [`on ${parent?.job ?? ''}: ${accepted}`]),
    ...(others.length === 0 ? [] : [`also after ${others.join(' and ')}`]),
  ]
}

const inBrackets = (text: string): string => (text === '' ? '' : ` (${text})`)

/** The longest way to each job. Needs come from a checked plan: there are no circles. */
export const depthsOf = ({ jobs }: PlanWorkflow): ReadonlyMap<string, number> => {
  const byKey = new Map(jobs.map((job) => [job.key, job]))
  const depths = new Map<string, number>()
  for (const job of jobs) {
    // Depth first with a stack of our own: a chain may be as long as a workflow.
    const stack = [job]
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const missing = top.needs.find((need) => !depths.has(need.job))
      const next = missing && byKey.get(missing.job)
      if (next) stack.push(next)
      else {
        depths.set(top.key, 1 + Math.max(0, ...top.needs.map((need) => depths.get(need.job) ?? 0)))
        stack.pop()
      }
    }
  }
  return depths
}

type Drawn = {
  readonly workflow: PlanWorkflow
  readonly ids: ReadonlyMap<string, string>
  readonly id: string
}

/** Names are hostile; the programs get ids of ours, and names as labels only. */
const numbered = (plan: Plan): readonly Drawn[] =>
  plan.workflows.map((workflow, w) => ({
    workflow,
    id: `w${w}`,
    ids: new Map(workflow.jobs.map((job, j) => [job.key, `w${w}j${j}`])),
  }))

export const mermaidGraph = (plan: Plan): string => {
  const label = (text: string) =>
    `"${printable(text).replaceAll('&', '#amp;').replaceAll('"', '#quot;').replaceAll('<', '#lt;').replaceAll('>', '#gt;')}"`
  const shape = (job: PlanJob): string =>
    job.kind === 'approval' ? `{{${label(labelOf(job))}}}` : `[${label(labelOf(job))}]`
  const edges = ({ workflow, ids }: Drawn): string[] =>
    workflow.jobs.flatMap((job) =>
      job.needs.map((need) => {
        const words = acceptedWords(need)
        return `    ${ids.get(need.job)} -->${words === '' ? '' : `|${label(words)}|`} ${ids.get(job.key)}`
      }),
    )
  return [
    'flowchart LR',
    ...numbered(plan).flatMap((drawn) => [
      `  subgraph ${drawn.id}[${label(drawn.workflow.name)}]`,
      ...drawn.workflow.jobs.map((job) => `    ${drawn.ids.get(job.key)}${shape(job)}`),
      ...edges(drawn),
      '  end',
    ]),
    '',
  ].join('\n')
}

export const dotGraph = (plan: Plan): string => {
  const quoted = (text: string) => `"${printable(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
  return [
    'digraph plan {',
    '  rankdir=LR',
    '  node [shape=box, style=rounded]',
    ...numbered(plan).flatMap(({ workflow, ids, id }) => [
      `  subgraph cluster_${id} {`,
      `    label=${quoted(workflow.name)}`,
      ...workflow.jobs.map(
        (job) =>
          `    ${ids.get(job.key)} [label=${quoted(labelOf(job))}${job.kind === 'approval' ? ', shape=hexagon' : ''}]`,
      ),
      ...workflow.jobs.flatMap((job) =>
        job.needs.map((need) => {
          const words = acceptedWords(need)
          return `    ${ids.get(need.job)} -> ${ids.get(job.key)}${words === '' ? '' : ` [label=${quoted(words)}]`}`
        }),
      ),
      '  }',
    ]),
    '}',
    '',
  ].join('\n')
}
