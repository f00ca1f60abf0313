// When V8 compiles. It takes a function that was called 400 times, and waits until its types have settled for 500 calls: of what each
// job calls once, that is hundreds of jobs (docs/decisions/0068).
import { setFlagsFromString } from 'node:v8'

export const earlyFlags = [
  '--always-sparkplug',
  '--invocation-count-for-feedback-allocation=1',
  '--invocation-count-for-maglev=4',
  '--minimum-invocations-after-ic-update=2',
]

/** From now on four calls do. After the start: what only that calls would be compiled, too, and kept in memory. */
export const compileEarly = (): void => {
  // SAFE: constants, and thresholds only: V8 reads them at each call.
  for (const flag of earlyFlags) setFlagsFromString(flag)
}
