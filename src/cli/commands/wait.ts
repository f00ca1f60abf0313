// Waits for the verdict of a run in one held request, asked again whenever it ends without one: what `watch` is without
// its table. A connection that breaks loses nothing, the next request waits on.
import { fault, isFault } from '../../base/faults.ts'
import type { RunSummary } from '../../protocol/api/shapes.ts'
import type { ApiClient } from '../api/client.ts'
import { connect } from '../api/connect.ts'
import { findRun } from '../api/find-run.ts'
import { createPatience } from '../api/patience.ts'
import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import { inertText } from '../inert.ts'
import { duration, paintFor, statusWord } from '../look.ts'
import { readDuration } from '../read-duration.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = { readonly json?: boolean; readonly project?: string; readonly timeout?: string }

/** Below the time that the client waits for any answer. */
const heldSeconds = 20

export const waitForRun = async (
  around: Surroundings,
  flags: Flags,
  ref: string | undefined,
): Promise<number> => {
  const api = await connect(around)
  const { id, number } = await findRun(around, api, { ref, project: flags.project })
  const run = await verdictOf(around, api, { id, flags })
  if (run === null) {
    if (around.interrupted.aborted) return exitCodes.interrupted
    throw fault('E_STILL_RUNNING', { public: `#${number} has no verdict yet` })
  }
  if (flags.json) around.stdout.write(`${JSON.stringify(run)}\n`)
  else around.stdout.write(inertText`#${number}  ${words(around, run)}\n`)
  return exitCodeOf(run.status)
}

const words = (around: Surroundings, run: RunSummary): string =>
  `${statusWord(paintFor(around, around.stdout), run.status)}  ${duration(run.duration_ms)}`

/** null: the time is over, or somebody interrupted. */
const verdictOf = async (
  around: Surroundings,
  api: ApiClient,
  { id, flags }: { readonly id: string; readonly flags: Flags },
): Promise<RunSummary | null> => {
  const begin = around.clock.monotonicMs()
  const limitMs = flags.timeout === undefined ? Number.POSITIVE_INFINITY : readDuration(flags.timeout)
  const patience = createPatience(around)
  while (!around.interrupted.aborted) {
    const leftMs = begin + limitMs - around.clock.monotonicMs()
    if (leftMs <= 0) return null
    try {
      const timeout = Math.min(heldSeconds, Math.ceil(leftMs / 1000))
      return await api.call('runWait', { params: { run: id }, query: { timeout } })
    } catch (error) {
      if (isFault(error, 'E_STILL_RUNNING')) patience.answered()
      else await patience.bear(error)
    }
  }
  return null
}
