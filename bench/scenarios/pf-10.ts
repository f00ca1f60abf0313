// PF-10, log ingest: a job prints a file of 1,000,000 lines in its sandbox, until a follower has the last line and
// everything is encrypted and stored. The clock starts when the step before has made the file and says so.
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Run } from '../../src/protocol/api/shapes.ts'
import { spawn } from '../../src/sys/index.ts'
import { type From, holdsText, isSettled, type LiveMessage, passedRun, plannedJobs } from '../client.ts'
import { startClock } from '../clock.ts'
import type { BenchInstallation } from '../installation.ts'
import { logScript, marker } from '../projects.ts'
import type { Bench, Limit, Scenario } from '../scenario.ts'
import { slots } from '../slots.ts'
import type { Trigger } from '../trigger.ts'

export type IngestState = Trigger & {
  readonly directory: string
  readonly installation: BenchInstallation
  readonly close: () => Promise<void>
}

export const linesOfLog = 1_000_000
const secretCount = 20
/** In memory, as the job's own file is. */
export const logFile = '/dev/shm/mayfly-bench-log'
const perSecond = (ms: number) => (linesOfLog / ms) * 1000

const runShell = async (script: string, directory: string): Promise<void> => {
  const child = spawn('/bin/sh', ['-c', script], { cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${script.slice(0, 40)} ended with ${code}`)
}

/** On the disk that holds the installation's data. */
const writeToDisk = async (command: string, { directory }: IngestState): Promise<number> => {
  const elapsed = startClock()
  await runShell(`${command} > out`, directory)
  const ms = elapsed()
  await rm(join(directory, 'out'))
  return perSecond(ms)
}

/** `takes`: the follower's codecs; as a browser's or a tool's when nothing is said. */
export const ingest = async (
  { client, project }: Trigger,
  lines: number,
  takes: Pick<From, 'codec'> = { codec: 'zstd' },
): Promise<number> => {
  const { id } = await client.post<Run>('/api/v1/runs', { project: project.name })
  const changes = await client.follow(`run:${id}`)
  const attempt = await changes.next((message) => plannedJobs(message)?.[0]?.attempts[0] ?? null)
  const log = await client.follow(`log:${attempt.id}`, takes)
  await log.next(holdsText(marker))
  const elapsed = startClock()
  await log.next((message) => isLine(lines, message))
  log.stop()
  await changes.next(passedRun)
  changes.stop()
  const ms = elapsed()
  if (!(await isSettled(client, attempt.id)))
    throw new Error('the run is final, but its receipt or its log is not there')
  return ms
}

/** `close` says when nothing was masked. */
export const openIngest = async ({ installation: of, directory }: Bench): Promise<IngestState> => {
  const installation = await of()
  const { client } = await installation.up(slots)
  await runShell(`${logScript(linesOfLog)} > ${logFile}`, directory)
  const project = await installation.project(`log-${linesOfLog}`, 'path')
  installation.putSecrets(project, secretCount)
  const close = async () => {
    await rm(logFile)
    if (installation.releases(project) === 0) throw new Error('no secret was released: nothing was masked')
  }
  return { client, directory, installation, project, close }
}

const isLine = (line: number, message: LiveMessage): true | null => {
  if (message.t === 'log-end') throw new Error('the log ended before its last line')
  if (message.t !== 'frame') return null
  const { firstLine, lines } = message.frame
  return firstLine - 1 + lines >= line ? true : null
}

const row = (
  command: string,
  limits: { readonly goal: Limit; readonly gate: Limit },
): Scenario<IngestState> => ({
  id: 'PF-10',
  variant: command,
  ...{ unit: 'lines/s', better: 'higher', ...limits },
  title: `Log ingest, 73 MB in 1,000,000 lines; baseline \`${command} > file\` on the same disk`,
  note: '20 secrets are delivered to the job and masked in all encodings',
  growth: {
    ...{ of: 'lines', sizes: [100_000, 200_000, 500_000, 1_000_000], exponentMax: 1.15 },
    at: async ({ client, installation }, size) =>
      ingest({ client, project: await installation.project(`log-${size}`, 'path') }, size),
  },
  setUp: openIngest,
  baseline: (state) => writeToDisk(command.replace('cat', `cat ${logFile}`), state),
  subject: async (state) => perSecond(await ingest(state, linesOfLog)),
  tearDown: (state) => state.close(),
  peer: ({ logMs }) => logMs && (async () => perSecond(await logMs(logFile))),
})

export const scenarios = [
  row('cat', { goal: { ratio: 0.06, value: 730_000 }, gate: { ratio: 0.025 } }),
  row('cat | zstd -1', { goal: { ratio: 0.5 }, gate: {} }),
]
