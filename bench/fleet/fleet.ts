// `npm run bench fleet`: how server, vault and database bear many runners and many jobs (performance.md §6). The runners are
// virtual, everything they speak to is real. Prints what it measured beside goal and gate; exits 1 when a gate is broken,
// a limit was exceeded, or a job was lost or doubled.
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Burst, type BurstOptions, runBurst } from './burst.ts'
import { type Control, type Fleet, openControl } from './control.ts'
import { killAndRecover, queuedAgainMs, type Recovery } from './faults.ts'
import { type Measured, rowsOf } from './report.ts'
import { type Steady, watchSteady } from './steady.ts'

const help = `npm run bench fleet -- [--runners 20] [--jobs 2000] [--speed 10] [--slots 50] [--projects 200] [--lines 20] [--followers 200]

So many virtual runners with so many places each, and so many jobs queued at once in runs of ten.
  --speed N   jobs of five minutes last about 300 s / N
  --lines N   that each job prints in a second
  --followers N   that read along while all places are full
  --faults    also kills a third of the runners, the database and the server in the middle of a burst
The full size is --runners 100 --slots 100 --jobs 10000: some ten minutes.`

const jobsPerRun = 10
/** As a third of the runners has to be killed at once. */
const processes = 3
const deadlineMs = 12 * 60_000
const fewJobs = 100
const steadySeconds = 10
/** Of every tenth project: jobs at once, at least, and not so few that they go on for long after all others. */
const limitedTo = ({ jobs, projects }: Size) => Math.max(2, Math.ceil(jobs / projects / 8))

export const runFleet = async (words: readonly string[]): Promise<number> => {
  const { values } = parseArgs({
    args: [...words],
    options: {
      runners: { type: 'string', default: '20' },
      jobs: { type: 'string', default: '2000' },
      speed: { type: 'string', default: '10' },
      slots: { type: 'string', default: '50' },
      projects: { type: 'string', default: '200' },
      lines: { type: 'string', default: '20' },
      followers: { type: 'string', default: '200' },
      faults: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const numbers = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, Number(value)]),
  ) as Record<SizeName, number>
  if (values.help === true || Object.values(numbers).some((value) => !Number.isSafeInteger(value))) {
    console.log(help)
    return values.help === true ? 0 : 2
  }
  const directory = await mkdtemp('/var/tmp/mayfly-fleet-')
  await chmod(directory, 0o711)
  await mkdir(join(directory, 'repositories'))
  try {
    return await simulate(directory, { ...numbers, withFaults: values.faults })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

type SizeName = 'runners' | 'jobs' | 'speed' | 'slots' | 'projects' | 'lines' | 'followers'
type Size = Readonly<Record<SizeName, number>> & {
  readonly withFaults: boolean
}

const simulate = async (directory: string, size: Size): Promise<number> => {
  const projects = Array.from({ length: size.projects }, (_, i) => `project-${i + 1}`)
  const control = await openControl(directory, { projects, linesPerSecond: size.lines })
  try {
    await limitSome(control, limitedTo(size))
    // Plans are made by runners of their own, so that jobs can wait while nobody takes them.
    const planners = await control.openFleet({ ...playOf(size), runners: 2, slots: 8, className: 'tiny' })
    planners.tell('work')
    try {
      return await measureFleet(control, size, projects)
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

const limitSome = async ({ state }: Control, jobsAtOnce: number): Promise<void> => {
  // As an operator would for each, in one statement.
  await state.ask(
    `update projects set jobs_max = ${jobsAtOnce} where substring(name from '[0-9]+$')::int % 10 = 0 returning id`,
  )
}

const measureFleet = async (control: Control, size: Size, projects: readonly string[]): Promise<number> => {
  const few = await burstOf(control, size, { jobs: fewJobs, projects: projects.slice(0, 9) })
  const watched: { steady?: Steady } = {}
  const many = await burstOf(control, size, { jobs: size.jobs, projects }, async () => {
    watched.steady = await watchSteady(control, { followers: size.followers, seconds: steadySeconds })
  })
  const { steady } = watched
  if (steady === undefined) throw new TypeError('nothing was watched')
  const faults = size.withFaults ? await underFaults(control, size, projects) : null
  const rows = rowsOf({ few, many, steady, faults })
  for (const { id, text, holds } of rows)
    console.log(`${id.padEnd(7)} ${text}${holds === false ? '  BROKEN' : ''}`)
  return rows.some(({ holds }) => holds === false) ? 1 : 0
}

const underFaults = async (
  control: Control,
  size: Size,
  projects: readonly string[],
): Promise<Measured['faults']> => {
  const killed: { recovery?: Recovery } = {}
  const burst = await burstOf(control, size, { jobs: size.jobs, projects }, async (fleets) => {
    killed.recovery = await killAndRecover(control, fleets)
  })
  const { recovery } = killed
  if (recovery === undefined) throw new TypeError('nothing was killed')
  return { ...recovery, burst, queuedAgainMs: await queuedAgainMs(control, recovery) }
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
