// PF-11, the processor time of PF-10: what runner, server, vault and database take for 1,000,000 lines.
import type { Scenario } from '../scenario.ts'
import { cpuMsOfShell } from '../shell-cpu.ts'
import { type IngestState, ingest, linesOfLog, logFile, openIngest } from './pf-10.ts'
import { cpuMsOf } from './pf-46.ts'

/** A browser has its frames made anew, once however many follow; a tool takes them as they are. */
const row = (variant: string, takes: Parameters<typeof ingest>[2]): Scenario<IngestState> => ({
  ...{ id: 'PF-11', variant, unit: 'ms', better: 'lower', goal: { ratio: 3 }, gate: { ratio: 6 } },
  title:
    'Processor time of runner, server, vault and database for 73 MB of log; baseline that of `cat | zstd -1`',
  setUp: openIngest,
  baseline: async ({ directory }) =>
    cpuMsOfShell(`cat ${logFile} | zstd -1 -q -f -o out && rm out`, directory),
  subject: async (state) => {
    const before = cpuMsOf(state.installation.usage())
    await ingest(state, linesOfLog, takes)
    return cpuMsOf(state.installation.usage()) - before
  },
  tearDown: (state) => state.close(),
  peer: ({ logCpuMs }) => logCpuMs && (() => logCpuMs(logFile)),
})

export const scenarios = [row('followed by a tool', { codec: 'zstd' }), row('followed by a browser', {})]
