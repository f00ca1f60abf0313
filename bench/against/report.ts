// What changed between two commits, as a table for people and as JSON for tools. Pure.
import type { Origin } from '../machine.ts'
import { alignCells, formatNumber, formatValue, schema } from '../report.ts'
import { nameOf } from '../scenario.ts'
import type { Comparison } from './against.ts'

export const formatComparisons = (commit: string, comparisons: readonly Comparison[]): string => {
  const head = ['', 'BEFORE', 'NOW', 'CHANGE', '95 % INTERVAL', 'N', '']
  const remarks = comparisons.flatMap(({ scenario, error }) =>
    error === null ? [] : [`${nameOf(scenario)} could not be compared: ${error.trim()}`],
  )
  const table = alignCells([head, ...comparisons.map(toCells)])
  return [`Before is ${commit.slice(0, 12)}.`, '', ...table, '', ...remarks].join('\n').trimEnd()
}

export const verdictOf = ({ change, isQuiet }: Comparison): string => {
  if (change === null) return 'not compared'
  return isQuiet ? change.verdict : 'contended'
}

const toCells = (comparison: Comparison): readonly string[] => {
  const { scenario, before, now, change } = comparison
  if (change === null) return [nameOf(scenario), '', '', '', '', '', verdictOf(comparison)]
  return [
    nameOf(scenario),
    formatValue(before ?? Number.NaN, scenario.unit),
    formatValue(now ?? Number.NaN, scenario.unit),
    formatPercent(change.ratio),
    `${formatNumber(change.low)}–${formatNumber(change.high)}×`,
    String(change.n),
    verdictOf(comparison),
  ]
}

const formatPercent = (ratio: number): string => {
  const percent = Math.round((ratio - 1) * 1000) / 10
  return `${percent < 0 ? '−' : '+'}${Math.abs(percent)} %`
}

export const comparisonsToJson = (origin: Origin, commit: string, comparisons: readonly Comparison[]) => ({
  schema,
  ...origin,
  against: commit,
  rows: comparisons.map((comparison) => ({
    id: comparison.scenario.id,
    variant: comparison.scenario.variant,
    title: comparison.scenario.title,
    unit: comparison.scenario.unit,
    better: comparison.scenario.better,
    before: comparison.before,
    now: comparison.now,
    change: comparison.change,
    verdict: verdictOf(comparison),
    error: comparison.error,
  })),
})
