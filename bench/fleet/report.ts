// The rows PF-50 to PF-54 (performance.md §6) from what a simulation measured. Pure.
import { totalOf } from '../processes.ts'
import { summarise } from '../statistics.ts'
import type { Burst } from './burst.ts'
import type { ReplicaLoss } from './replica-loss.ts'
import { judgeShare, type Share } from './share.ts'
import type { Steady } from './steady.ts'

export type Measured = {
  readonly few: Burst
  readonly many: Burst
  readonly steady: Steady
  readonly faults: {
    readonly burst: Burst
    /** null: none was lost. */
    readonly queuedAgainMs: number | null
    readonly databaseBackMs: number
    readonly serverBackMs: number
    readonly followersBackMs: number
    readonly followers: number
  } | null
  /** Of one server of two; null: there was one. */
  readonly loss: (ReplicaLoss & { readonly burst: Burst }) | null
}

type Row = {
  readonly id: string
  readonly text: string
  /** null: no gate at this size. */
  readonly holds: boolean | null
}

/** The load generator must leave the machine to what is measured. */
const loadCoresMax = 0.6

export const rowsOf = ({ few, many, steady, faults, loss }: Measured): readonly Row[] => {
  const { full } = many
  const rate = full / (many.fillMs / 1000)
  const meeting = many.meetings.length === 0 ? null : quantiles(many.meetings)
  const [cpu, cpuFew] = [many.controlCpuMs / many.jobs, few.controlCpuMs / few.jobs]
  const loadCores = many.loadCpuMs / many.doneMs
  const share = spreadOf(many.turns)
  return [
    row(
      'PF-50',
      `${full} places filled in ${seconds(many.fillMs)}: ${rate.toFixed(0)}/s (goal 333/s, gate 111/s)`,
      rate >= 111,
    ),
    ...steadyRows(steady),
    row(
      'PF-52',
      meeting === null
        ? 'every job had a place at once'
        : `a free place and a waiting job meet: median ${meeting.median.toFixed(0)} ms, p95 ${meeting.p95.toFixed(0)} ms of ${many.meetings.length} (goal 100, gate 500)`,
      meeting === null ? null : meeting.p95 <= 500,
    ),
    row(
      'PF-52',
      `turns of projects when half had begun: ${share.text} (goal within 10 % or one job)`,
      share.holds,
    ),
    ...(many.share === null ? [] : [shareRow(many.share)]),
    row(
      'PF-53',
      `control CPU per job: ${cpu.toFixed(1)} ms at ${many.jobs}, ${cpuFew.toFixed(1)} ms at ${few.jobs}: ${(cpu / cpuFew).toFixed(2)}× (goal 1.3×, gate 2×)`,
      cpu <= 2 * cpuFew,
    ),
    row(
      'PF-53',
      `database per job: ${kib(many.databaseBytes / many.jobs)} at ${many.jobs}, ${kib(few.databaseBytes / few.jobs)} at ${few.jobs}`,
      null,
    ),
    ...(faults === null ? [] : faultRows(faults)),
    ...(loss === null ? [] : lossRows(loss)),
    row(
      'limits',
      `${many.looks} looks, ${many.overLimit.length} times over a limit`,
      many.overLimit.length === 0,
    ),
    row('ends', `${wordsOf(many.outcomes)}; ${many.lostOrDoubled} lost or doubled`, many.lostOrDoubled === 0),
    row(
      'load',
      `queued at ${((1000 * many.jobs) / many.queueMs).toFixed(0)} jobs/s; the virtual runners took ${loadCores.toFixed(2)} cores${loadCores > loadCoresMax ? ': CONTENDED, the rates are lower bounds' : ''}`,
      null,
    ),
  ]
}

/** The gate stands for 33 starts and 200,000 lines a second: more of either breaks nothing. */
const steadyRows = (steady: Steady): readonly Row[] => {
  const { cores, startsPerSecond, linesPerSecond, serverPssBytes, loopDelayMs, followers, seen } = steady
  const isOfThatSize = startsPerSecond <= 40 && linesPerSecond >= 180_000
  const holds = cores <= 1.6 && loopDelayMs <= 150
  return [
    row(
      'PF-51',
      `all places full, ${startsPerSecond.toFixed(0)} starts/s, ${linesPerSecond.toFixed(0)} lines/s: server, vault and database ${cores.toFixed(2)} cores (goal 1.2, gate 1.6), event loop p99 ${loopDelayMs.toFixed(0)} ms (goal 50, gate 150), server ${mib(serverPssBytes)} PSS (goal 400 MB)${isOfThatSize || holds ? '' : '; not the size of the gate'}`,
      isOfThatSize || holds ? holds : null,
    ),
    row(
      'PF-51',
      `${followers} followers read ${seen.lines} lines in ${seen.frames} frames, ${seen.outOfOrder} out of order`,
      seen.outOfOrder === 0 && (followers === 0 || seen.frames > 0),
    ),
  ]
}

const faultRows = ({
  burst,
  queuedAgainMs,
  databaseBackMs,
  serverBackMs,
  followersBackMs,
  followers,
}: NonNullable<Measured['faults']>): readonly Row[] => [
  row(
    'PF-54',
    queuedAgainMs === null
      ? 'a third of the runners killed: they carried out nothing'
      : `a third of the runners killed: queued again within ${seconds(queuedAgainMs)} (goal 70 s, gate 90 s: lease of 60 s + 30 s)`,
    queuedAgainMs !== null && queuedAgainMs <= 90_000,
  ),
  row(
    'PF-54',
    `database killed: answers again after ${seconds(databaseBackMs)}; server: ${seconds(serverBackMs)} (gate 30 s)`,
    Math.max(databaseBackMs, serverBackMs) <= 30_000,
  ),
  row(
    'PF-54',
    `${followers} followers are back ${seconds(followersBackMs)} after the server (goal 5 s, gate 30 s)`,
    followersBackMs <= 30_000,
  ),
  row('PF-54', endsOf(burst), hasHeld(burst)),
]

const lossRows = (loss: NonNullable<Measured['loss']>): readonly Row[] => [
  row(
    'PF-54',
    `one of two servers killed: the last of ${loss.attempts} attempts heard of again after ${seconds(loss.heardAgainMs)} (goal 70 s, gate 90 s)`,
    loss.heardAgainMs <= 90_000,
  ),
  row(
    'PF-54',
    `${loss.followersLost} of ${loss.followers} followers were with it and are back after ${seconds(loss.followersBackMs)} (goal 5 s, gate 30 s); ${loss.seen.lines} lines, ${loss.seen.outOfOrder} out of order`,
    loss.followersBackMs <= 30_000 && loss.seen.outOfOrder === 0,
  ),
  row('PF-54', endsOf(loss.burst), hasHeld(loss.burst)),
]

const endsOf = ({ outcomes, lostOrDoubled, overLimit }: Burst): string =>
  `${wordsOf(outcomes)}; ${lostOrDoubled} lost or doubled; ${overLimit.length} times over a limit`
const hasHeld = ({ lostOrDoubled, overLimit }: Burst): boolean =>
  lostOrDoubled === 0 && overLimit.length === 0

const shareRow = (share: Share): Row => {
  const { starts, windowMs } = share
  const { min, max, median } = summarise(starts)
  const { apart, holds } = judgeShare(share)
  return row(
    'PF-52',
    `share of ${starts.length} organisations while all of them waited (${seconds(windowMs)}): ${min} to ${max} jobs, the middle ${median}, the furthest ${(100 * apart).toFixed(0)} % from the mean (goal 10 % or a job of each project)`,
    holds,
  )
}

const row = (id: string, text: string, holds: boolean | null): Row => ({ id, text, holds })

const quantiles = (values: readonly number[]) => {
  const sorted = values.toSorted((a, b) => a - b)
  return { median: summarise(sorted).median, p95: sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0 }
}

/** Projects with the same amount of work: nobody may be more than a job, or a tenth, away from the middle. */
const spreadOf = (turns: readonly number[]): { readonly text: string; readonly holds: boolean } => {
  const { median, min, max } = summarise(turns)
  const apart = Math.max(max - median, median - min)
  return { text: `${min} to ${max}, the middle ${median}`, holds: apart <= Math.max(1, median / 10) }
}

const wordsOf = (counts: Readonly<Record<string, number>>): string =>
  `${totalOf(counts)} attempts: ${Object.entries(counts)
    .map(([word, n]) => `${n} ${word}`)
    .join(', ')}`
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
const mib = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(0)} MiB`
const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`
