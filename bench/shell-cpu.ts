// Processor time of a command with everything it started and waited for, as the shell counts it.
import { spawnSync } from 'node:child_process'

const outputBytesMax = 1024 * 1024

/** What the command prints is thrown away. */
export const cpuMsOfShell = (command: string, cwd: string): number => {
  const script = `{ ${command}; } > /dev/null || exit 1; times`
  const { stdout, status } = spawnSync('/bin/bash', ['-c', script], {
    ...{ cwd, encoding: 'utf8', maxBuffer: outputBytesMax },
  })
  // Minutes and seconds, user and system: of the shell itself, then of its children.
  const times = [...(stdout.split('\n')[1] ?? '').matchAll(/(\d+)m([\d.]+)s/g)]
  if (status !== 0 || times.length !== 2)
    throw new Error(`bash ended with ${status}: ${JSON.stringify(stdout)}`)
  return times.reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1000,
    0,
  )
}
