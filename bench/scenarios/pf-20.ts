// PF-20, sandbox start: asked for a sandbox until the first byte of its first command, for 1, 8 and 32 at once. Cold: the
// sandbox is built from nothing; prewarmed: an unused one waits. The wall is that of a job without network.
import { PassThrough } from 'node:stream'
import { emptySandbox } from '../../src/runner/sandbox-spec.ts'
import { type Driver, findClass, type Sandbox, type StepSpec } from '../../src/sandbox/index.ts'
import { bwrapFirstByte } from '../bare.ts'
import { startClock } from '../clock.ts'
import { type DriverState, openDriver } from '../driver.ts'
import type { Limit, Scenario } from '../scenario.ts'
import { median } from '../statistics.ts'

type Pool = 'cold' | 'prewarmed'

const deadlineMs = 60_000

/** All are asked for at the same moment; the sample is the middle one of their times. */
const startAtOnce = async ({ driver }: DriverState, pool: Pool, atOnce: number): Promise<number> => {
  const want = (count: number) => driver.prepare?.({ image: 'host', shape: 'user', net: 'none', count })
  if (pool === 'prewarmed') await want(atOnce)
  // Nothing is put back while we measure, and nothing is left for a cold start.
  const refilled = want(0)
  const started = await Promise.all(Array.from({ length: atOnce }, () => firstByte(driver)))
  await Promise.all(started.map(({ sandbox }) => sandbox.close('done')))
  await refilled
  return median(started.map(({ ms }) => ms))
}

const firstByte = async (driver: Driver): Promise<{ sandbox: Sandbox; ms: number }> => {
  const signal = AbortSignal.timeout(deadlineMs)
  const elapsed = startClock()
  const sandbox = await driver.open(emptySandbox('attempt_bench', limitsOfMedium(), deadlineMs), signal)
  const stdout = new PassThrough()
  const heard = new Promise<{ text: string; ms: number }>((resolve) =>
    stdout.once('data', (chunk) => resolve({ text: String(chunk), ms: elapsed() })),
  )
  const result = await sandbox.exec(step, { stdin: null, stdout, stderr: new PassThrough().resume() }, signal)
  if (result.kind !== 'exit' || result.code !== 0) throw new Error(`the command ended with ${result.kind}`)
  const { text, ms } = await heard
  if (text !== 'hi\n') throw new Error(`the command said ${JSON.stringify(text)}`)
  return { sandbox, ms }
}

const limitsOfMedium = () => {
  const found = findClass('medium')
  if (!found.ok) throw new TypeError('no class medium')
  return found.class.limits
}

const step: StepSpec = {
  ...{ id: 's1', kind: 'run', cell: 'job', workdir: '/', take: [], socket: null, egress: null, tty: null },
  script: { interpreter: ['/bin/bash'], text: 'echo hi' },
  env: new Map<string, string>(),
  deadline: deadlineMs,
}

const row = (pool: Pool, atOnce: number, goal: Limit, gate: Limit): Scenario<DriverState> => ({
  id: 'PF-20',
  variant: `${pool}, ${atOnce} at once`,
  title: 'Sandbox start: asked → first byte of the first command; baseline bare bwrap',
  ...{ unit: 'ms', better: 'lower', goal, gate },
  setUp: openDriver,
  baseline: async () => median(await Promise.all(Array.from({ length: atOnce }, bwrapFirstByte))),
  subject: (state) => startAtOnce(state, pool, atOnce),
  tearDown: (state) => state.close(),
})

export const scenarios: readonly Scenario<DriverState>[] = [
  ...[1, 8, 32].map((atOnce) => row('cold', atOnce, { ratio: 1.5 }, { ratio: 6 })),
  row('prewarmed', 1, { ratio: 0.3 }, { ratio: 1 }),
  row('prewarmed', 8, { ratio: 0.3 }, { ratio: 1 }),
  row('prewarmed', 32, { ratio: 0.6 }, { ratio: 1 }),
]
