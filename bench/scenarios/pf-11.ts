// PF-11, the processor time of PF-10: what runner, server, vault and database take for 1,000,000 lines.
import { spawnSync } from 'node:child_process'
import type { Scenario } from '../scenario.ts'
import { type IngestState, ingest, linesOfLog, logFile, openIngest } from './pf-10.ts'
import { cpuMsOf } from './pf-46.ts'

/** bash says what its children took: minutes and seconds, user and system. */
const compressCpuMs = (directory: string): number => {
  const script = `cat ${logFile} | zstd -1 -q -f -o out; times; rm out`
  const { stdout } = spawnSync('/bin/bash', ['-c', script], { cwd: directory, encoding: 'utf8' })
  const children = stdout.split('\n')[1] ?? ''
  const times = [...children.matchAll(/(\d+)m([\d.]+)s/g)]
  if (times.length !== 2) throw new Error(`bash said ${JSON.stringify(stdout)}`)
  return times.reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1000,
    0,
  )
}

const scenario: Scenario<IngestState> = {
  ...{ id: 'PF-11', variant: '', unit: 'ms', better: 'lower', goal: { ratio: 3 }, gate: { ratio: 6 } },
  title:
    'Processor time of runner, server, vault and database for 73 MB of log; baseline that of `cat | zstd -1`',
  setUp: openIngest,
  baseline: async ({ directory }) => compressCpuMs(directory),
  subject: async (state) => {
    const before = cpuMsOf(state.installation.usage())
    await ingest(state, linesOfLog)
    return cpuMsOf(state.installation.usage()) - before
  },
  tearDown: (state) => state.close(),
}

export const scenarios = [scenario]
