// PF-11, the processor time of PF-10: what runner, server, vault and database take for 1,000,000 lines.
import type { Limit, Scenario } from '../scenario.ts'
import { cpuMsOfShell } from '../shell-cpu.ts'
import { type IngestState, ingest, linesOfLog, logFile, openIngest } from './pf-10.ts'
import { cpuMsOf } from './pf-46.ts'

const row = (
  variant: string,
  takes: Parameters<typeof ingest>[2],
  limits: { readonly goal: Limit; readonly gate: Limit },
): Scenario<IngestState> => ({
  ...{ id: 'PF-11', variant, unit: 'ms', better: 'lower', ...limits },
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

/** Tools and browsers take frames as they are stored. For who takes deflate only, each is made anew: nothing of ours does, so that has no limit. */
export const scenarios = [
  row('followed', { codec: 'zstd' }, { goal: { ratio: 3 }, gate: { ratio: 6 } }),
  row('followed in deflate', {}, { goal: {}, gate: {} }),
]
