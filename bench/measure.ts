// Measures one scenario: warm-up rounds, then rounds of baseline and subject in turn, each after a look whether the
// machine is quiet. The ratio is made per round, so that what disturbs both disturbs it little (performance.md §4).
import { startClock } from './clock.ts'
import { type Absent, isAbsent, type Peer } from './peers/peer.ts'
import type { Usage } from './processes.ts'
import type { Quiet } from './quiet.ts'
import type { Bench, Growth, Limit, Scenario } from './scenario.ts'
import { drift, growthExponent, median, type Point, type Summary, summarise } from './statistics.ts'

/**
 * met: the goal holds. gate: only the gate does. broken: not even that, or it did not run at all. noisy and contended
 * decide nothing: measure again.
 */
export type Verdict = 'met' | 'gate' | 'broken' | 'noisy' | 'contended'

export type Row = {
  readonly scenario: Scenario
  /** null for a row without limits. */
  readonly verdict: Verdict | null
  /** null when a sample failed: `error` says how. */
  readonly figures: Figures | null
  readonly error: string | null
}

export type Figures = {
  readonly baseline: Summary
  readonly subject: Summary
  readonly ratio: Summary
  /** Of the installation: processor time per sample by program, memory by program after the last one. */
  readonly usage: Usage | null
  readonly growth: { readonly points: readonly Point[]; readonly exponent: number } | null
  readonly peers: readonly PeerFigures[]
}

/** Beside ours, in the same rounds. `why`: it is not here, or did not do it. */
export type PeerFigures = {
  readonly name: string
  readonly version: string | null
  readonly measured: { readonly value: Summary; readonly ratio: Summary } | null
  readonly why: string | null
}

export type Effort = {
  readonly warmUps: number
  /** Of samples that take over a second. */
  readonly longWarmUps: number
  /** How many rounds by how long a sample takes. */
  readonly rounds: { readonly below50Ms: number; readonly below1s: number; readonly above: number }
  /** At most so many of these also sample peers, of which some take a minute. */
  readonly peerRounds: number
  readonly quietBudgetMs: number
  readonly growth: boolean
}

export const efforts: Readonly<Record<'quick' | 'full', Effort>> = {
  quick: {
    ...{ warmUps: 2, longWarmUps: 1, peerRounds: 3, quietBudgetMs: 15_000, growth: false },
    rounds: { below50Ms: 10, below1s: 6, above: 3 },
  },
  full: {
    ...{ warmUps: 5, longWarmUps: 2, peerRounds: 10, quietBudgetMs: 45_000, growth: true },
    rounds: { below50Ms: 30, below1s: 10, above: 5 },
  },
}

export type MeasureDeps = {
  readonly bench: Bench
  readonly effort: Effort
  readonly quiet: Quiet
  readonly readUsage: () => Usage | null
  readonly peers: () => Promise<readonly (Peer | Absent)[]>
}

/** How far the baseline may move between the halves of a row. */
export const driftMax = 1.3

export const measure = async (scenario: Scenario, deps: MeasureDeps): Promise<Row> => {
  let state: unknown
  let isSetUp = false
  try {
    state = await scenario.setUp?.(deps.bench)
    isSetUp = true
    return await measureSetUp(scenario, state, deps)
  } catch (error) {
    return { scenario, verdict: 'broken', figures: null, error: describe(error) }
  } finally {
    if (isSetUp) await scenario.tearDown?.(state)
  }
}

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const measureSetUp = async (scenario: Scenario, state: unknown, deps: MeasureDeps): Promise<Row> => {
  const rounds = await warmUp(scenario, state, deps.effort)
  const baseline: number[] = []
  const subject: number[] = []
  const before = deps.readUsage()
  const peers = await playPeers(scenario, deps)
  for (const peer of peers) await peer.warmUp()
  let isQuiet = true
  for (let round = 0; round < rounds; round++) {
    isQuiet = (await deps.quiet.wait()) && isQuiet
    baseline.push(await scenario.baseline(state))
    subject.push(await scenario.subject(state))
    if (round < deps.effort.peerRounds) for (const peer of peers) await peer.sample()
  }
  const usage = usagePerSample(before, deps.readUsage(), rounds)
  const growth =
    deps.effort.growth && scenario.growth !== undefined ? await grow(scenario.growth, state) : null
  const figures: Figures = {
    baseline: summarise(baseline),
    subject: summarise(subject),
    ratio: summarise(subject.map((value, i) => value / (baseline[i] ?? Number.NaN))),
    usage,
    growth,
    peers: peers.map((peer) => peer.figures(baseline)),
  }
  const isSteady = drift(baseline) <= driftMax
  return { scenario, verdict: judge(scenario, figures, { isQuiet, isSteady }), figures, error: null }
}

/** Answers how many rounds a sample of this size gets. */
const warmUp = async (scenario: Scenario, state: unknown, effort: Effort): Promise<number> => {
  let last = { values: [0], tookMs: 0 }
  for (let round = 0; round < (last.tookMs > 1000 ? effort.longWarmUps : effort.warmUps); round++) {
    const elapsed = startClock()
    const values = [await scenario.baseline(state), await scenario.subject(state)]
    last = { values, tookMs: elapsed() }
  }
  return roundsOf(effort, scenario, last)
}

/**
 * Of samples like the last. What is measured in milliseconds counts by what was measured: a first line comes long before
 * its job is over. Where a sample takes a second there are no more than few, whatever it says.
 */
export const roundsOf = (
  { rounds: { below50Ms, below1s, above } }: Effort,
  { unit }: Pick<Scenario, 'unit'>,
  { values, tookMs }: { readonly values: readonly number[]; readonly tookMs: number },
): number => {
  if (tookMs >= 1000) return above
  return (unit === 'ms' ? Math.max(...values) : tookMs) < 50 ? below50Ms : below1s
}

/** Those that can do it, and those that are not here. */
const playPeers = async (scenario: Scenario, deps: MeasureDeps) => {
  const { peer } = scenario
  if (peer === undefined) return []
  return (await deps.peers())
    .filter((one) => isAbsent(one) || peer(one) !== undefined)
    .map((one) => playPeer(one, isAbsent(one) ? undefined : peer(one)))
}

/** A peer that fails says so in its own figures: it decides nothing about our row. */
const playPeer = (one: Peer | Absent, play: (() => Promise<number>) | undefined) => {
  const values: number[] = []
  let why = isAbsent(one) ? `not here: ${one.why}` : null
  const once = async (): Promise<number | null> => {
    if (play === undefined || why !== null) return null
    return play().catch((error: unknown) => {
      why = describe(error)
      return null
    })
  }
  return {
    warmUp: once,
    sample: async () => {
      const value = await once()
      if (value !== null) values.push(value)
    },
    figures: (baseline: readonly number[]): PeerFigures => {
      const ratios = values.map((value, i) => value / (baseline[i] ?? Number.NaN))
      const measured = values.length === 0 ? null : { value: summarise(values), ratio: summarise(ratios) }
      return { name: one.name, version: isAbsent(one) ? null : one.version, measured, why }
    },
  }
}

const grow = async (growth: Growth<unknown>, state: unknown): Promise<Figures['growth']> => {
  const points: Point[] = []
  for (const size of growth.sizes) {
    const values: number[] = []
    for (let round = 0; round < 3; round++) values.push(await growth.at(state, size))
    points.push({ size, value: median(values) })
  }
  return { points, exponent: growthExponent(points) }
}

export const judge = (
  scenario: Pick<Scenario, 'better' | 'goal' | 'gate' | 'growth'>,
  figures: Pick<Figures, 'ratio' | 'subject' | 'growth'>,
  { isQuiet, isSteady }: { readonly isQuiet: boolean; readonly isSteady: boolean },
): Verdict | null => {
  if (!isQuiet) return 'contended'
  if (!isSteady) return 'noisy'
  const exponent = figures.growth?.exponent ?? Number.NEGATIVE_INFINITY
  if (scenario.growth !== undefined && exponent > scenario.growth.exponentMax) return 'broken'
  if (!holds(scenario.better, scenario.gate, figures)) return 'broken'
  if (isUnlimited(scenario.goal) && isUnlimited(scenario.gate)) return null
  return holds(scenario.better, scenario.goal, figures) ? 'met' : 'gate'
}

const isUnlimited = ({ ratio, value }: Limit): boolean => ratio === undefined && value === undefined

const holds = (
  better: Scenario['better'],
  limit: Limit,
  { ratio, subject }: Pick<Figures, 'ratio' | 'subject'>,
): boolean => {
  const within = (value: number, bound: number | undefined) =>
    bound === undefined || (better === 'lower' ? value <= bound : value >= bound)
  return within(ratio.median, limit.ratio) && within(subject.median, limit.value)
}

/** null when the installation was not there, or was another one, before or after. */
const usagePerSample = (before: Usage | null, after: Usage | null, samples: number): Usage | null => {
  if (before === null || after === null || before.root !== after.root) return null
  const cpuMs = Object.entries(after.cpuMs).map(
    ([program, ms]) => [program, (ms - (before.cpuMs[program] ?? 0)) / samples] as const,
  )
  return { ...after, cpuMs: Object.fromEntries(cpuMs) }
}
