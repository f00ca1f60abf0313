// The real clock and the real randomness.
import { randomBytes as nodeRandomBytes } from 'node:crypto'
import type { Clock, RandomBytes } from '../base/clock.ts'

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
}

export const randomBytes: RandomBytes = (count) => new Uint8Array(nodeRandomBytes(count))
