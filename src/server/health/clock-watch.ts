// Notices a clock that jumps: the wall clock and the uptime of this process must pass alike. Leases and time limits of
// jobs count uptime; what follows the wall (sessions, tokens, schedules, times in logs) is off until the clock is right.
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { limits } from '../limits.ts'
import type { Finding } from './checks.ts'
import { span } from './words.ts'

export type ClockWatch = {
  /** Compares once. Called by itself every few seconds. */
  look(): void
  judge(): Finding
  /**
   * No jump is told of, nor could be of the time before this process began. Till then nothing is removed for its age: the clock may
   * come back, and what is removed does not.
   */
  isSettled(): boolean
  close(): void
}

type Jump = { readonly byMs: number; readonly wall: number; readonly uptime: number }

export const createClockWatch = ({
  clock,
  log,
}: {
  readonly clock: Clock
  readonly log: Log
}): ClockWatch => {
  const offset = () => clock.now() - clock.monotonicMs()
  const begin = clock.monotonicMs()
  let before = offset()
  let jump: Jump | null = null
  const look = (): void => {
    const now = offset()
    const byMs = now - before
    before = now
    if (Math.abs(byMs) < limits.clock.jumpMs) return
    jump = { byMs, wall: clock.now(), uptime: clock.monotonicMs() }
    log.warn('the clock jumped', { byMs: Math.round(byMs) })
  }
  const timer = setInterval(look, limits.clock.lookEveryMs)
  timer.unref()
  const findJump = (): Jump | null => {
    look()
    return jump !== null && clock.monotonicMs() - jump.uptime <= limits.clock.tellForMs ? jump : null
  }
  return {
    look,
    // A machine that starts with a clock years ahead has it set right by its time service after a while, which is a jump.
    isSettled: () => findJump() === null && clock.monotonicMs() - begin > limits.clock.tellForMs,
    judge: () => {
      const found = findJump()
      if (found === null) return { status: 'ok', detail: 'passes as it should' }
      const way = found.byMs > 0 ? 'forward' : 'back'
      const at = new Date(found.wall).toISOString()
      return {
        status: 'weak',
        detail: `jumped ${span(found.byMs)} ${way}, to ${at}; leases and time limits of jobs go on by uptime`,
        mend: 'timedatectl set-ntp true, or the time service of this machine',
      }
    },
    close: () => clearInterval(timer),
  }
}
