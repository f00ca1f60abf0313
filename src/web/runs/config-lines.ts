// The lines of a plan as a page shows them: where each came from in words, and which of them a person looks for. Pure;
// run-config.svelte draws them.
import type { RunConfig } from '../../protocol/api/shapes.ts'

type Line = RunConfig['plans'][number]['workflows'][number]['jobs'][number]['lines'][number]
type Place = NonNullable<Line['at']>

export type ShownLine = { readonly text: string; readonly place: string; readonly via: readonly string[] }
export type ShownJob = {
  readonly name: string
  readonly workflow: string
  readonly lines: readonly ShownLine[]
}

const placeText = ({ file, line, column }: Place): string => `${file}:${line}:${column}`

const shown = ({ indent, text, at, via }: Line): ShownLine => ({
  // Below its job, which is a heading of its own.
  text: `${'  '.repeat(Math.max(0, indent - 1))}${text}`,
  place: at === null ? '' : placeText(at),
  via: via.map(placeText),
})

export const jobsOf = ({ workflows }: RunConfig['plans'][number]): readonly ShownJob[] =>
  workflows.flatMap(({ name: workflow, jobs }) =>
    jobs.map(({ name, lines }) => ({ name, workflow, lines: lines.map(shown) })),
  )

/** Out of its surroundings a line of a step has the place of the step. */
const placed = (lines: readonly ShownLine[], at: number): ShownLine => {
  const owner = lines.slice(0, at + 1).findLast(({ place }) => place !== '')
  return { text: lines[at]?.text ?? '', place: owner?.place ?? '', via: owner?.via ?? [] }
}

/** By text or place, as written, in any case; of `max` lines at most. */
export const findLines = (
  jobs: readonly ShownJob[],
  wanted: string,
  max: number,
): { readonly jobs: readonly ShownJob[]; readonly count: number; readonly isCut: boolean } => {
  const word = wanted.trim().toLowerCase()
  const has = ({ text, place, via }: ShownLine) =>
    [text, place, ...via].some((each) => each.toLowerCase().includes(word))
  let count = 0
  let left = max
  const found = jobs.flatMap((job) => {
    const lines = job.lines.flatMap((line, i) => (has(line) ? [placed(job.lines, i)] : []))
    count += lines.length
    const kept = lines.slice(0, left)
    left -= kept.length
    return kept.length === 0 ? [] : [{ ...job, lines: kept }]
  })
  return { jobs: found, count, isCut: count > max }
}
