// PF-48, a fault: kill -9 of server, vault or database under load until a new run's job has begun; the load itself is
// neither lost nor doubled. The baseline is a whole start on the same data (PF-43's subject).
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Run } from '../../src/protocol/api/shapes.ts'
import { findLayout } from '../../src/supervisor/index.ts'
import { type Api, createApi } from '../../test/support/api.ts'
import { processesNaming } from '../../test/support/leftovers.ts'
import type { BenchProject } from '../add-project.ts'
import { startClock } from '../clock.ts'
import type { BenchInstallation } from '../installation.ts'
import type { Scenario } from '../scenario.ts'
import { slots } from '../slots.ts'

type State = {
  readonly installation: BenchInstallation
  readonly api: Api
  readonly data: string
  readonly load: BenchProject
  readonly probe: BenchProject
}

const loadJobs = 100
const askEveryMs = 10
const deadlineMs = 60_000
/** What was lost with its lease is queued again when that has run out: all is over within three times as long. */
const wholeMs = 180_000

/** Whatever is refused or torn off meanwhile is asked again. */
const untilAnswered = async <T>(ask: () => Promise<T | null>): Promise<T> => {
  const elapsed = startClock()
  for (;;) {
    const answer = await ask().catch(() => null)
    if (answer !== null) return answer
    if (elapsed() > deadlineMs) throw new Error(`no answer for ${deadlineMs} ms`)
    await sleep(askEveryMs)
  }
}

const killAndRun = async ({ api, data, load, probe }: State, program: RegExp): Promise<number> => {
  const under = await api.post<Run>('/api/v1/runs', { project: load.name })
  await untilAnswered(async () => {
    const { jobs } = await api.get<Run>(`/api/v1/runs/${under.id}`)
    return jobs.some(({ kind, status }) => kind === 'job' && status === 'passed') || null
  })
  const victim = processesNaming([data]).find(({ line }) => program.test(line))
  if (victim === undefined) throw new Error(`no process ${program}`)
  process.kill(victim.pid, 'SIGKILL')
  const elapsed = startClock()
  const { id } = await untilAnswered(() => api.post<Run>('/api/v1/runs', { project: probe.name }))
  await untilAnswered(async () => {
    const { jobs } = await api.get<Run>(`/api/v1/runs/${id}`)
    return jobs.some(({ kind, status }) => kind === 'job' && status !== 'queued') || null
  })
  const ms = elapsed()
  await checkWhole(api, under.id)
  return ms
}

const checkWhole = async (api: Api, run: string): Promise<void> => {
  const { status, headline, jobs } = await api.finishedRun(run, wholeMs)
  const once = jobs.filter(
    ({ attempts }) => attempts.filter((attempt) => attempt.status === 'passed').length === 1,
  )
  if (status !== 'passed' || once.length !== jobs.length)
    throw new Error(`under the kill a run ended ${status}: ${headline}`)
}

const row = (part: string, program: RegExp): Scenario<State> => ({
  id: 'PF-48',
  variant: part,
  ...{ unit: 'ms', better: 'lower', goal: { ratio: 2 }, gate: { value: 10_000 } },
  title:
    'kill -9 under load → the job of a new run has begun, nothing lost or doubled; baseline a whole start (PF-43)',
  setUp: async ({ installation, directory }) => {
    const under = await installation()
    await under.up(slots)
    const data = join(directory, 'data')
    const { run } = findLayout({ data, isRoot: true, uid: 0, environment: {} })
    return {
      ...{ installation: under, data, api: createApi({ run }) },
      load: await under.project(`jobs-${loadJobs}`, 'path'),
      probe: await under.project('jobs-1', 'path'),
    }
  },
  // Also what was killed starts anew: how often it was killed before says how long it waits to be started again.
  baseline: async ({ installation }) => {
    await installation.down()
    return (await installation.up(slots)).startMs
  },
  subject: (state) => killAndRun(state, program),
  // Its client was cut off with the server.
  tearDown: ({ installation }) => installation.down(),
})

export const scenarios = [
  row('server', /\/node .*\/server\.js/),
  row('vault', /\/node .*\/vault\.js/),
  row('database', /\/postgres -D /),
]
