// The jobs of a plan as a picture that needs no other program: SVG without scripts, links or fonts of its own. Names are
// hostile and stand in it as text only.
import { printable } from '../../compile/index.ts'
import type { Plan, PlanJob, PlanWorkflow } from '../../protocol/plan.ts'
import { acceptedWords, depthsOf, labelOf } from './graph.ts'

const box = { height: 30, gapX: 70, gapY: 16, margin: 20, title: 30, character: 7.3, padding: 24 }

type Placed = { readonly job: PlanJob; readonly x: number; readonly y: number; readonly width: number }

export const svgGraph = (plan: Plan): string => {
  let top = box.margin
  let right = 0
  const drawn = plan.workflows.map((workflow) => {
    const placed = place(workflow, top + box.title)
    const text = `<text class="title" x="${box.margin}" y="${top + 14}">${escaped(workflow.name)}</text>`
    for (const { x, y, width } of placed.values()) {
      right = Math.max(right, x + width)
      top = Math.max(top, y + box.height)
    }
    top += box.margin
    return [text, ...edges(placed), ...[...placed.values()].map(node)].join('\n')
  })
  const [width, height] = [Math.ceil(right + box.margin), Math.ceil(top)]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<style>text{font:13px system-ui,sans-serif;fill:#1b1f24}.title{font-weight:600}rect{fill:#fff;stroke:#57606a}.gate{stroke-dasharray:4 3}path{fill:none;stroke:#8c959f}.on{fill:#57606a;font-size:11px}</style>
<rect x="0" y="0" width="${width}" height="${height}" style="fill:#f6f8fa;stroke:none"/>
${drawn.join('\n')}
</svg>
`
}

/** A column for each depth, as wide as its longest name. */
const place = (workflow: PlanWorkflow, top: number): ReadonlyMap<string, Placed> => {
  const depths = depthsOf(workflow)
  const columns = new Map<number, PlanJob[]>()
  for (const job of workflow.jobs) {
    const depth = depths.get(job.key) ?? 1
    columns.set(depth, [...(columns.get(depth) ?? []), job])
  }
  const placed = new Map<string, Placed>()
  let x = box.margin
  for (const [, jobs] of [...columns].sort(([a], [b]) => a - b)) {
    const width = Math.max(...jobs.map((job) => printable(labelOf(job)).length)) * box.character + box.padding
    for (const [row, job] of jobs.entries())
      placed.set(job.key, { job, x, y: top + row * (box.height + box.gapY), width })
    x += width + box.gapX
  }
  return placed
}

const edges = (placed: ReadonlyMap<string, Placed>): string[] =>
  [...placed.values()].flatMap(({ job, x, y }) =>
    job.needs.flatMap((need) => {
      const from = placed.get(need.job)
      if (!from) return []
      const [x1, y1, y2] = [from.x + from.width, from.y + box.height / 2, y + box.height / 2]
      const bend = (x1 + x) / 2
      const words = acceptedWords(need)
      const label =
        words === ''
          ? []
          : [
              `<text class="on" x="${bend}" y="${(y1 + y2) / 2 - 3}" text-anchor="middle">${escaped(words)}</text>`,
            ]
      return [`<path d="M${x1} ${y1}C${bend} ${y1} ${bend} ${y2} ${x} ${y2}"/>`, ...label]
    }),
  )

const node = ({ job, x, y, width }: Placed): string =>
  `<rect${job.kind === 'job' ? '' : ' class="gate"'} x="${x}" y="${y}" width="${width}" height="${box.height}" rx="6"/>` +
  `<text x="${x + width / 2}" y="${y + box.height / 2 + 4}" text-anchor="middle">${escaped(labelOf(job))}</text>`

const escaped = (text: string): string =>
  printable(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
