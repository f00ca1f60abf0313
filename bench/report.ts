// The bench's results as a table for people and as JSON for tools (performance.md §4). Pure.
import type { Origin } from './machine.ts'
import type { Figures, Row, Verdict } from './measure.ts'
import { totalOf } from './processes.ts'
import { type Limit, nameOf, type Scenario } from './scenario.ts'
import type { Summary } from './statistics.ts'

export const schema = 1

export const formatTable = (rows: readonly Row[]): string => {
  const head = ['', 'BASELINE', 'OURS', 'RATIO', 'QUARTILES', 'RANGE', 'N', 'GOAL', 'GATE', 'CPU', 'PSS', '']
  const table = alignCells([head, ...rows.map(toCells)])
  const remarks = [...new Set(rows.flatMap(remarksOf))]
  return [...table, '', ...peerLines(rows), ...remarks, ''].join('\n')
}

/** The first and the last column begin at the left, numbers end at the right. */
export const alignCells = (cells: readonly (readonly string[])[]): readonly string[] => {
  const widths = (cells[0] ?? []).map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)))
  return cells.map((line) =>
    line
      .map((cell, i) =>
        i === 0 || i === line.length - 1 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
}

const toCells = ({ scenario, verdict, figures }: Row): readonly string[] => {
  const limits = [formatLimit(scenario, scenario.goal), formatLimit(scenario, scenario.gate)]
  if (figures === null) return [nameOf(scenario), '', '', '', '', '', '', ...limits, '', '', verdict ?? '']
  const { baseline, subject, ratio, usage } = figures
  return [
    nameOf(scenario),
    formatValue(baseline.median, scenario.unit),
    formatValue(subject.median, scenario.unit),
    formatRatio(ratio.median),
    `${formatNumber(ratio.q1)}–${formatNumber(ratio.q3)}`,
    `${formatNumber(ratio.min)}–${formatNumber(ratio.max)}`,
    String(ratio.n),
    ...limits,
    usage === null ? '' : `${Math.round(totalOf(usage.cpuMs))} ms`,
    usage === null ? '' : `${Math.round(totalOf(usage.pssBytes) / 1024 ** 2)} MiB`,
    verdict ?? '',
  ]
}

/** Other systems in the same rounds: their value, its ratio to the baseline, and ours to theirs. */
const peerLines = (rows: readonly Row[]): readonly string[] => {
  const lines = rows.flatMap(({ scenario, figures }) =>
    (figures?.peers ?? []).map(({ name, version, measured, why }) => {
      const what = [nameOf(scenario), name, version ?? ''].join('  ').trimEnd()
      if (figures === null || measured === null) return `${what}  ${why}`
      const { value, ratio } = measured
      const ours = formatRatio(figures.subject.median / value.median)
      return `${what}  ${formatValue(value.median, scenario.unit)}  ${formatRatio(ratio.median)} of the baseline, N ${value.n}; ours is ${ours} of it${why === null ? '' : `; then: ${why}`}`
    }),
  )
  return lines.length === 0 ? [] : ['Peers, none of which isolates a job:', ...lines, '']
}

/** In a few words, while others are still measured. */
export const formatFigures = ({ scenario: { unit }, figures }: Row): string =>
  figures === null
    ? ''
    : `, ${formatValue(figures.subject.median, unit)} to ${formatValue(figures.baseline.median, unit)}: ${formatRatio(figures.ratio.median)}`

/** What holds for all rows of an id is the same text in each, and is printed once. */
const remarksOf = ({ scenario, figures, error }: Row): readonly string[] => [
  `${scenario.id}: ${scenario.title}`,
  ...(scenario.note === undefined ? [] : [`${scenario.id}: ${scenario.note}`]),
  ...(error === null ? [] : [`${nameOf(scenario)} did not run: ${error.trim()}`]),
  ...(figures === null ? [] : growthRemark(scenario, figures)),
]

const growthRemark = (scenario: Scenario, figures: Figures): readonly string[] => {
  const { growth } = scenario
  if (growth === undefined || figures.growth === null) return []
  const { exponent, points } = figures.growth
  const sizes = points.map(({ size, value }) => `${size}: ${formatValue(value, 'ms')}`).join(', ')
  return [
    `${nameOf(scenario)} grows with the power ${exponent.toFixed(2)} of ${growth.of} (at most ${growth.exponentMax}): ${sizes}`,
  ]
}

const formatLimit = ({ better, unit }: Scenario, { ratio, value }: Limit): string => {
  const sign = better === 'lower' ? '≤' : '≥'
  const parts = [
    ...(ratio === undefined ? [] : [`${ratio}×`]),
    ...(value === undefined ? [] : [formatValue(value, unit)]),
  ]
  return parts.length === 0 ? '–' : `${sign} ${parts.join(', ')}`
}

const formatRatio = (value: number): string => `${formatNumber(value)}×`

/** Three figures, as many as these measurements carry. */
export const formatNumber = (value: number): string => {
  if (value >= 100) return value.toFixed(0)
  if (value >= 10) return value.toFixed(1)
  return value >= 0.1 ? value.toFixed(2) : value.toFixed(3)
}

export const formatValue = (value: number, unit: string): string => {
  if (value >= 1_000_000) return `${formatNumber(value / 1_000_000)} M${unit}`
  if (value >= 100_000) return `${formatNumber(value / 1_000)} k${unit}`
  return `${formatNumber(value)} ${unit}`
}

export type Results = ReturnType<typeof toJson>

export const toJson = (origin: Origin, rows: readonly Row[]) => ({
  schema,
  ...origin,
  rows: rows.map(rowToJson),
})

const rowToJson = ({ scenario, verdict, figures, error }: Row) => ({
  id: scenario.id,
  variant: scenario.variant,
  title: scenario.title,
  unit: scenario.unit,
  better: scenario.better,
  baseline: figures?.baseline ?? null,
  subject: figures?.subject ?? null,
  ratio: roundedSummary(figures?.ratio ?? null),
  cpu: figures?.usage?.cpuMs ?? null,
  memory: figures?.usage?.pssBytes ?? null,
  growth: figures?.growth ?? null,
  peers: (figures?.peers ?? []).map((peer) => ({ ...peer, isolates: false })),
  goal: scenario.goal,
  gate: scenario.gate,
  verdict,
  note: scenario.note ?? null,
  error,
})

const roundedSummary = (summary: Summary | null): Summary | null =>
  summary === null
    ? null
    : {
        ...summary,
        median: round(summary.median),
        q1: round(summary.q1),
        q3: round(summary.q3),
        min: round(summary.min),
        max: round(summary.max),
      }

const round = (value: number): number => Number(value.toPrecision(6))

/** In words, and whether it counts against the run. */
export const formatVerdicts = (rows: readonly Row[]): string => {
  const count = (verdict: Verdict) => rows.filter((row) => row.verdict === verdict).length
  const parts = (['met', 'gate', 'broken', 'noisy', 'contended'] as const)
    .filter((verdict) => count(verdict) > 0)
    .map((verdict) => `${count(verdict)} ${meanings[verdict]}`)
  return parts.join(', ')
}

const meanings: Readonly<Record<Verdict, string>> = {
  met: 'met the goal',
  gate: 'held the gate, not yet the goal',
  broken: 'broken',
  noisy: 'noisy (decides nothing: run it again)',
  contended: 'contended (the machine was busy with other things: run it again)',
}
