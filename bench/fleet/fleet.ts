// `npm run bench fleet`: how server, vault and database bear many runners and many jobs (performance.md §6). The runners are
// virtual, everything they speak to is real. Prints what it measured beside goal and gate; exits 1 when a gate is broken,
// a limit was exceeded, or a job was lost or doubled.
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Burst, type BurstOptions, runBurst } from './burst.ts'
import { type Control, type Fleet, openControl } from './control.ts'
import { killAndRecover, queuedAgainMs, type Recovery } from './faults.ts'
import { killReplica, type ReplicaLoss } from './replica-loss.ts'
import { type Measured, rowsOf } from './report.ts'
import type { Project } from './share.ts'
import { parseSize, type Size } from './size.ts'
import { type Steady, watchSteady } from './steady.ts'

const help = `npm run bench fleet -- [--runners 20] [--jobs 2000] [--speed 10] [--slots 50] [--projects 200] [--lines 20] [--followers 200]

So many virtual runners with so many places each, and so many jobs queued at once in runs of ten.
  --speed N          jobs of five minutes last about 300 s / N
  --lines N          that each job prints in a second
  --followers N      that read along while all places are full
  --organisations N  that the projects belong to, as many to each; the runners serve all of them
  --replicas 2       a second server on the same database behind a balancer; it is killed in the middle of a last burst
  --faults           also kills a third of the runners, the database and the server in the middle of a burst
The full size is --runners 100 --slots 100 --jobs 10000: some ten minutes.`

const jobsPerRun = 10
/** As a third of the runners has to be killed at once. */
const processes = 3
const deadlineMs = 12 * 60_000
const fewJobs = 100
const steadySeconds = 10
/** Of those that are limited: jobs at once, at least, and not so few that they go on for long after all others. */
const limitedTo = ({ jobs, projects }: Size) => Math.max(2, Math.ceil(jobs / projects / 8))

export const runFleet = async (words: readonly string[]): Promise<number> => {
  const size = parseSize(words)
  if (size === null || size === 'help') {
    console.log(help)
    return size === null ? 2 : 0
  }
  const directory = await mkdtemp('/var/tmp/mayfly-fleet-')
  await chmod(directory, 0o711)
  await mkdir(join(directory, 'repositories'))
  try {
    return await simulate(directory, size)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

const simulate = async (directory: string, size: Size): Promise<number> => {
  const { projects, organisations, replicas, lines: linesPerSecond } = size
  const control = await openControl(directory, { projects, organisations, replicas, linesPerSecond })
  try {
    await limitSome(control, limitedTo(size))
    // Plans are made by runners of their own, so that jobs can wait while nobody takes them.
    const planners = await control.openFleet({ ...playOf(size), runners: 2, slots: 8, className: 'built-in' })
    planners.tell('work')
    try {
      return await measureFleet(control, size)
    } finally {
      await planners.close()
    }
  } finally {
    await control.close()
  }
}

const playOf = ({ speed, lines }: Size) => ({
  ...{ jobsPerRun, jobMs: 300_000 / speed, linesPerSecond: lines },
})

const limitSome = async ({ state, projects }: Control, jobsAtOnce: number): Promise<void> => {
  const names = projects.filter(({ isLimited }) => isLimited).map(({ name }) => `'${name}'`)
  // As an operator would for each, in one statement.
  if (names.length > 0)
    await state.ask(
      `update projects set jobs_max = ${jobsAtOnce} where name in (${names.join(', ')}) returning id`,
    )
}

const measureFleet = async (control: Control, size: Size): Promise<number> => {
  const { projects } = control
  const few = await burstOf(control, size, { jobs: fewJobs, projects: projects.slice(0, 9) })
  const watched: { steady?: Steady } = {}
  const many = await burstOf(control, size, { jobs: size.jobs, projects }, async () => {
    watched.steady = await watchSteady(control, { followers: size.followers, seconds: steadySeconds })
  })
  const { steady } = watched
  if (steady === undefined) throw new TypeError('nothing was watched')
  const faults = size.withFaults ? await underFaults(control, size, projects) : null
  // Last: it does not come back.
  const loss = await withoutReplica(control, size)
  const rows = rowsOf({ few, many, steady, faults, loss })
  for (const { id, text, holds } of rows)
    console.log(`${id.padEnd(7)} ${text}${holds === false ? '  BROKEN' : ''}`)
  return rows.some(({ holds }) => holds === false) ? 1 : 0
}

const underFaults = async (
  control: Control,
  size: Size,
  projects: readonly Project[],
): Promise<Measured['faults']> => {
  const killed: { recovery?: Recovery } = {}
  const burst = await burstOf(control, size, { jobs: size.jobs, projects }, async (fleets) => {
    killed.recovery = await killAndRecover(control, fleets)
  })
  const { recovery } = killed
  if (recovery === undefined) throw new TypeError('nothing was killed')
  return { ...recovery, burst, queuedAgainMs: await queuedAgainMs(control, recovery) }
}

const withoutReplica = async (control: Control, size: Size): Promise<Measured['loss']> => {
  const { replica, projects } = control
  if (replica === null) return null
  const killed: { loss?: ReplicaLoss } = {}
  const burst = await burstOf(control, size, { jobs: size.jobs, projects }, async () => {
    killed.loss = await killReplica(control, replica)
  })
  if (killed.loss === undefined) throw new TypeError('nothing was killed')
  return { ...killed.loss, burst }
}

/** With new runners, all of which are connected and take nothing until all jobs are queued. */
const burstOf = async (
  control: Control,
  size: Size,
  of: Pick<BurstOptions, 'jobs' | 'projects'>,
  whileRunning: (fleets: readonly Fleet[]) => Promise<void> = async () => {},
): Promise<Burst> => {
  const wish = { ...playOf(size), slots: size.slots, className: 'small' } as const
  const counts = Array.from({ length: processes }, (_, i) => Math.ceil((size.runners - i) / processes))
  const fleets = await Promise.all(counts.map((runners) => control.openFleet({ ...wish, runners })))
  try {
    const places = size.runners * size.slots
    const about = { ...of, jobsPerRun, places, fleets, deadlineMs }
    return await runBurst(control, { ...about, whileRunning: () => whileRunning(fleets) })
  } finally {
    await Promise.all(fleets.map((fleet) => fleet.close()))
  }
}
