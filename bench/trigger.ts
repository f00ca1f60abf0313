// Runs of a no-op project asked for through the API, as PF-03 and PF-04 sample them: with a plan that is known, because an
// earlier run of the same commit made it, or with planning on the way. The clock starts when the request is sent.
import type { Run } from '../src/protocol/api/shapes.ts'
import type { BenchProject } from './add-project.ts'
import {
  type Client,
  type Following,
  holdsText,
  isSettled,
  passedRun,
  plannedJobs,
  waitUntilPassed,
} from './client.ts'
import { startClock } from './clock.ts'
import type { BenchInstallation } from './installation.ts'
import type { Peer } from './peers/peer.ts'
import { marker, type ProjectKind } from './projects.ts'
import type { Bench, Limit, Scenario } from './scenario.ts'
import { slots } from './slots.ts'

export type Trigger = { readonly client: Client; readonly project: BenchProject }
export type KnownTrigger = Trigger & { readonly commit: string }

/** Milliseconds since the API request was sent, as a follower saw them. */
type Moments = {
  readonly firstLineMs: number
  /** Final state committed, log stored, sandbox gone, receipt written: the API shows all four. */
  readonly settledMs: number
}

type Both = { readonly goal: Limit; readonly gate: Limit }

/** Warm and cold say whether a sandbox of the job's class is kept ready; the whole way, plan included, has no limit. */
export const triggerScenarios = (of: {
  readonly id: Scenario<Trigger>['id']
  readonly baseline: () => Promise<number>
  /** What is timed from the API request on. */
  readonly title: string
  readonly pick: (moments: Moments) => number
  readonly peer: (peer: Peer) => (() => Promise<number>) | undefined
  readonly warm: Both
  readonly cold: Both
}): readonly [Scenario<KnownTrigger>, Scenario<KnownTrigger>, Scenario<Trigger>] => {
  const { id, baseline, title, pick, peer } = of
  const common = { id, unit: 'ms', better: 'lower', baseline } as const
  const known = (
    variant: string,
    kind: ProjectKind,
    about: string,
    limits: Both,
  ): Scenario<KnownTrigger> => ({
    ...common,
    ...limits,
    variant,
    title: `${title}, plan known, ${about}`,
    setUp: (bench) => setUpKnown(bench, kind),
    subject: async (state) => pick(await triggerKnown(state)),
  })
  return [
    { ...known('warm', 'jobs-1', 'sandbox prewarmed', of.warm), peer },
    known('cold', 'cold-1', 'no sandbox of the class kept ready', of.cold),
    {
      ...common,
      ...{ variant: 'with planning', goal: {}, gate: {} },
      title: `${title}, the plan made on the way; no limit`,
      setUp: setUpTrigger,
      subject: async (state) => pick(await triggerUnknown(state)),
    },
  ]
}

const setUpTrigger = async ({ installation }: Bench, kind: ProjectKind = 'jobs-1'): Promise<Trigger> => {
  const under = await installation()
  const { client } = await under.up(slots)
  return { client, project: await under.project(kind, 'path') }
}

/** Has the plan made that the samples find. */
export const setUpKnown = async (bench: Bench, kind: ProjectKind): Promise<KnownTrigger> => {
  const trigger = await setUpTrigger(bench, kind)
  const { client } = trigger
  const { id } = await client.post<Run>('/api/v1/runs', { project: trigger.project.name })
  await waitUntilPassed(client, id)
  const { event } = await client.get<Run>(`/api/v1/runs/${id}`)
  const known = { ...trigger, commit: event.commit }
  await triggerKnown(known)
  return known
}

/**
 * `work` with a client of its own: one connection may say only so much in a while, and many runs one after another say
 * more.
 */
export const withFreshClient = async <T, Of extends Trigger>(
  state: Of & { readonly installation: BenchInstallation },
  work: (trigger: Of) => Promise<T>,
): Promise<T> => {
  const [client] = await (await state.installation.up(slots)).openClients(1)
  if (client === undefined) throw new TypeError('no client')
  try {
    return await work({ ...state, client })
  } finally {
    client.close()
  }
}

/** The answer to the request names the job's attempt already. */
export const triggerKnown = async ({ client, project, commit }: KnownTrigger): Promise<Moments> => {
  const elapsed = startClock()
  const { id, jobs, plan_of } = await client.post<Run>('/api/v1/runs', { project: project.name, commit })
  const attempt = jobs.find(({ kind }) => kind === 'job')?.attempts[0]
  if (plan_of === null || attempt === undefined) throw new Error('the plan was not known')
  return untilSettled(client, id, { elapsed, attempt: attempt.id, changes: null })
}

const triggerUnknown = async ({ client, project }: Trigger): Promise<Moments> => {
  const elapsed = startClock()
  const { id } = await client.post<Run>('/api/v1/runs', { project: project.name })
  const changes = await client.follow(`run:${id}`)
  const attempt = await changes.next((message) => plannedJobs(message)?.[0]?.attempts[0] ?? null)
  return untilSettled(client, id, { elapsed, attempt: attempt.id, changes })
}

const untilSettled = async (
  client: Client,
  run: string,
  started: {
    readonly elapsed: () => number
    readonly attempt: string
    readonly changes: Following | null
  },
): Promise<Moments> => {
  const { elapsed } = started
  const log = await client.follow(`log:${started.attempt}`, { codec: 'zstd' })
  await log.next(holdsText(marker))
  const firstLineMs = elapsed()
  log.stop()
  // Not before: one follower of one log is what is timed.
  const changes = started.changes ?? (await client.follow(`run:${run}`))
  await changes.next(passedRun)
  changes.stop()
  if (!(await isSettled(client, started.attempt)))
    throw new Error('the run is final, but its receipt or its log is not there')
  return { firstLineMs, settledMs: elapsed() }
}
