// Time as a dependency. The real ones live in sys/clock.ts, tests use a fake one.

/** `now` is Unix milliseconds for people and records; `monotonicMs` never jumps and is for deadlines and leases. */
export interface Clock {
  now(): number
  monotonicMs(): number
}

/** `count` cryptographically random bytes. */
export type RandomBytes = (count: number) => Uint8Array
