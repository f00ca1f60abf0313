// PF-21, a sandbox gone: its last command has ended → everything of it is proven gone and the receipt is there. Empty, and
// with a gibibyte in its ramdisk, which costs what its pages cost.
import { PassThrough } from 'node:stream'
import { emptySandbox } from '../../src/runner/sandbox-spec.ts'
import { findClass, type StepSpec } from '../../src/sandbox/index.ts'
import { bwrapFinished } from '../bare.ts'
import { startClock } from '../clock.ts'
import { type DriverState, openDriver } from '../driver.ts'
import type { Limit, Scenario } from '../scenario.ts'

const deadlineMs = 60_000
const mebibytes = 1024

const closeAfter = async ({ driver }: DriverState, command: string): Promise<number> => {
  const signal = AbortSignal.timeout(deadlineMs)
  const found = findClass('large')
  if (!found.ok) throw new TypeError('no class large')
  const sandbox = await driver.open(emptySandbox('attempt_bench', found.class.limits, deadlineMs), signal)
  const output = () => new PassThrough().resume()
  const result = await sandbox.exec(
    step(command),
    { stdin: null, stdout: output(), stderr: output() },
    signal,
  )
  const elapsed = startClock()
  const { gone } = await sandbox.close('done')
  const ms = elapsed()
  if (result.kind !== 'exit' || result.code !== 0) throw new Error(`the command ended with ${result.kind}`)
  if (gone.length === 0 || gone.some(({ ok }) => !ok)) throw new Error('it is not proven gone')
  return ms
}

const step = (text: string): StepSpec => ({
  ...{ id: 's1', kind: 'run', cell: 'job', workdir: '/', take: [], socket: null, egress: null, tty: null },
  script: { interpreter: ['/bin/bash'], text },
  env: new Map<string, string>(),
  deadline: deadlineMs,
})

const row = (
  variant: string,
  command: string,
  limits: { readonly goal: Limit; readonly gate: Limit },
): Scenario<DriverState> => ({
  ...{ id: 'PF-21', variant, unit: 'ms', better: 'lower', ...limits },
  title: 'Sandbox gone: last command ended → proven gone, receipt there; baseline bare bwrap',
  setUp: openDriver,
  baseline: bwrapFinished,
  subject: (state) => closeAfter(state, command),
  tearDown: (state) => state.close(),
})

export const scenarios = [
  row('empty', 'true', { goal: { ratio: 1 }, gate: { ratio: 3 } }),
  row('1 GiB in its ramdisk', `head -c ${mebibytes}M /dev/zero > /tmp/full`, {
    goal: { value: 100 },
    gate: { value: 300 },
  }),
]
