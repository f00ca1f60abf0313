// What is said about a series of samples. Pure; measure.ts feeds it, report.ts prints it.
import assert from 'node:assert/strict'

export type Summary = {
  readonly median: number
  readonly q1: number
  readonly q3: number
  readonly min: number
  readonly max: number
  readonly n: number
}

export const summarise = (values: readonly number[]): Summary => {
  const sorted = values.toSorted((a, b) => a - b)
  return {
    median: quantile(sorted, 0.5),
    q1: quantile(sorted, 0.25),
    q3: quantile(sorted, 0.75),
    min: quantile(sorted, 0),
    max: quantile(sorted, 1),
    n: sorted.length,
  }
}

export const median = (values: readonly number[]): number => summarise(values).median

/** By linear interpolation between the two nearest, as most statistics programs do (type 7). */
const quantile = (sorted: readonly number[], q: number): number => {
  assert(sorted.length > 0, 'no samples')
  const at = (sorted.length - 1) * q
  const [low, high] = [sorted[Math.floor(at)] ?? 0, sorted[Math.ceil(at)] ?? 0]
  return low + (high - low) * (at - Math.floor(at))
}

/** How far the middle moved from the first half of a series to the second, as a factor of at least 1. */
export const drift = (values: readonly number[]): number => {
  if (values.length < 2) return 1
  const half = Math.ceil(values.length / 2)
  const change = median(values.slice(-half)) / median(values.slice(0, half))
  return Math.max(change, 1 / change)
}

export type Point = { readonly size: number; readonly value: number }

/** The power with which `value` grows with `size`: 0 is flat, 1 linear. Least squares on logarithms. */
export const growthExponent = (points: readonly Point[]): number => {
  assert(points.length > 1, 'growth needs two sizes')
  const xs = points.map(({ size }) => Math.log(size))
  const ys = points.map(({ value }) => Math.log(value))
  const [meanX, meanY] = [mean(xs), mean(ys)]
  const covariance = xs.reduce((sum, x, i) => sum + (x - meanX) * ((ys[i] ?? 0) - meanY), 0)
  const variance = xs.reduce((sum, x) => sum + (x - meanX) ** 2, 0)
  return covariance / variance
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length
