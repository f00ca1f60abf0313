// A process full of virtual runners: each is the runner's own session code with its own key, so requests, signatures, frames,
// receipts and repetitions are the real ones. Only what a sandbox would do is played: a plan of `jobsPerRun` jobs, and jobs
// that print numbered lines for a while. Started by fleet.ts, settings as its first message.
import { createHash, createPrivateKey, sign } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fromBase64Url, utf8 } from '../../src/base/bytes.ts'
import { silentLog } from '../../src/base/log.ts'
import type { Plan } from '../../src/protocol/plan.ts'
import type { LeaseGrant, PlanLease, RunnerFacts } from '../../src/protocol/runner-wire.ts'
import { createRequests, openSession } from '../../src/runner/index.ts'
import { importVerifyKey, jcsDigest } from '../../src/seal/index.ts'
import { randomBytes, systemClock } from '../../src/sys/index.ts'
import { planJob } from '../../test/support/scripted-runner.ts'

export type FleetSettings = {
  readonly server: { readonly url: string; readonly spkiSha256: string }
  readonly vaultSignKey: string
  readonly runners: readonly { readonly id: string; readonly privateKeyPem: string }[]
  readonly directory: string
  readonly slots: number
  /** `built-in` makes planners, `small` runs jobs. */
  readonly className: 'built-in' | 'small'
  readonly jobsPerRun: number
  /** In the middle. */
  readonly jobMs: number
  readonly linesPerSecond: number
}

type Session = ReturnType<typeof openSession>
type CarryOut = Parameters<typeof openSession>[0]['carryOut']
type CarriedOut = Awaited<ReturnType<CarryOut>>
type Sink = Parameters<CarryOut>[2]

/** As unwatched jobs are sent: what a job prints meanwhile goes in one piece. */
const printEveryMs = 2_000
const lineFill = '.'.repeat(70)

const openRunners = async (settings: FleetSettings, facts: RunnerFacts): Promise<readonly Session[]> => {
  const vaultSignKey = await importVerifyKey(fromBase64Url(settings.vaultSignKey) ?? new Uint8Array())
  if (vaultSignKey === null) throw new TypeError('not a key of the vault')
  return Promise.all(
    settings.runners.map(async ({ id, privateKeyPem }) => {
      const own = createPrivateKey(privateKeyPem)
      const signWith = (message: Uint8Array) => sign(null, message, own)
      const spoolDirectory = join(settings.directory, id)
      await mkdir(spoolDirectory, { recursive: true })
      const common = { runner: id, clock: systemClock, randomBytes, sign: signWith }
      const session = openSession({
        ...{ ...common, vaultSignKey, spoolDirectory, log: silentLog, slots: settings.slots },
        requests: createRequests({ ...settings.server, ...common }),
        carryOut: createPlay(settings),
        // Killed runners are not started again: every start of this process has new ones.
        session: 1,
        boot: Buffer.from(randomBytes(16)).toString('base64url'),
        classes: [settings.className],
        facts,
      })
      session.describe(facts, false)
      return session
    }),
  )
}

const factsOf = ({ slots, className }: FleetSettings): RunnerFacts => ({
  ...{ version: '0.0.0', compiler: 'played', driver: 'fake', tier: 'none', stops: [], images: 'any' },
  ...{ egress: ['none', 'open'], slots, classes: [className], weak: ['it plays what a sandbox would do'] },
})

const createPlay =
  (settings: FleetSettings): CarryOut =>
  async (grant, _eph, sink, signal) => {
    const openedAt = Date.now()
    const common = { reason: null, destroyed: true, kept: {} }
    if (grant.spec.kind === 'plan') {
      const result = await planOf(grant.spec, settings)
      return { ...common, outcome: 'passed', receipt: receiptOf(grant, openedAt), result }
    }
    const isWhole = await printLines({ ...settings, jobMs: durationOf(grant, settings) }, sink, signal)
    const outcome: CarriedOut['outcome'] = isWhole ? 'passed' : 'cancelled'
    return { ...common, outcome, receipt: receiptOf(grant, openedAt), result: { kind: 'job' } }
  }

const planOf = async (
  { run, parameters }: PlanLease,
  { jobsPerRun }: FleetSettings,
): Promise<CarriedOut['result']> => {
  const { event } = run
  const jobs = Array.from({ length: jobsPerRun }, (_, i) => planJob({ key: `job-${i + 1}` }))
  const plan: Plan = {
    ...{ v: 1, dialect: 'circleci' },
    ...{ inputs: { event, parameters }, workflows: [{ name: 'main', jobs }] },
    source: [{ path: '.circleci/config.yml', sha256: 'a'.repeat(64) }],
  }
  const authoredAt = '2026-01-01T00:00:00Z'
  const commit = { id: event.commit, subject: 'Played', author: 'A. Uthor', authoredAt }
  return { kind: 'plan', plan, planDigest: await jcsDigest(plan), origins: {}, problems: [], commit }
}

/** Between half and one and a half of what is asked for, so that those that begin together do not end together. */
const durationOf = ({ attempt }: LeaseGrant, { jobMs }: FleetSettings): number =>
  jobMs * (0.5 + (createHash('sha256').update(attempt).digest()[0] ?? 0) / 256)

/** false when it was stopped. */
const printLines = async (
  { jobMs, linesPerSecond }: FleetSettings,
  sink: Sink,
  signal: AbortSignal,
): Promise<boolean> => {
  const began = performance.now()
  let printed = 0
  sink.event({ kind: 'step-started', step: 1, name: 'Play', type: 'run' })
  for (let elapsed = 0; elapsed < jobMs && !signal.aborted; elapsed = performance.now() - began) {
    await sleep(Math.min(printEveryMs, jobMs - elapsed), undefined, { signal }).catch(() => undefined)
    const until = Math.round((Math.min(jobMs, performance.now() - began) * linesPerSecond) / 1000)
    let text = ''
    while (printed < until) text += `${++printed} ${lineFill}\n`
    if (text !== '') await sink.output(1, utf8(text))
  }
  const ms = Math.round(performance.now() - began)
  const end = { status: 'passed', exitCode: 0, ms, leftovers: 0, message: null } as const
  sink.event({ kind: 'step-finished', step: 1, ...end })
  return !signal.aborted
}

const none = { memory: 0, ramdisk: 0, cpu: 0, pids: 0, inodes: 0, shm: 0, fds: 0 }
const noLimits = { ...none, logBytes: 0, egressBytes: 0, connections: 0 }
const noUsage = {
  ...{ peakMemory: 0, cpuSeconds: 0, peakRamdisk: 0, peakPids: 0, oomKills: 0 },
  ...{ egressUp: 0, egressDown: 0, throttledMs: 0 },
}

const receiptOf = ({ attempt }: LeaseGrant, openedAt: number): CarriedOut['receipt'] => {
  const [opened, closed] = [new Date(openedAt).toISOString(), new Date().toISOString()]
  return {
    ...{ v: 1, attempt, driver: 'fake', engine: {}, measuredTier: 'none', measuredAt: null, image: 'host' },
    ...{ shape: 'user', seccomp: 'none', limits: noLimits, storage: 'ram', swap: 'off', reason: 'done' },
    ...{
      preparedAt: opened,
      openedAt: opened,
      closedAt: closed,
      cells: [],
      egressDigest: '',
      usage: noUsage,
    },
    ...{ gone: [], destroyMs: 0 },
  }
}

/** They connect without places; `work` opens these, `stop` ends everything in order. */
const serve = async (settings: FleetSettings): Promise<void> => {
  const facts = factsOf(settings)
  const sessions = await openRunners(settings, facts)
  process.on('message', (word) => {
    if (word === 'work') for (const session of sessions) session.describe(facts, true)
    if (word === 'stop')
      void Promise.all(sessions.map((session) => session.stop())).then(() => process.exit(0))
  })
  process.send?.('open')
}

process.once('message', (settings: FleetSettings) => {
  serve(settings).catch((error: unknown) => {
    console.error(error)
    process.exit(70)
  })
})
process.once('disconnect', () => process.exit(0))
