// What a probe is (isolation.md §12): a program text that tries something inside a sandbox and says what it saw, and a
// judge outside that decides from what was seen, from planted values and from listeners of its own. A program that says
// nothing has not run: silence is never "held".
import type { EgressRecord, Threat } from '../driver.ts'

export type Probe = {
  readonly id: string
  readonly threats: readonly Threat[]
  readonly tries: string
  /** Perl, run in a child process of its own with the words of program.ts. */
  readonly program: string
  /** What was open, in words; null when it held. */
  readonly judge: Judge
  /** Lines that must read open, for the unit test: a judge that cannot say so proves nothing. */
  readonly positive: readonly string[] | { readonly accepted: ListenerName }
}

export type Judge = (seen: Seen) => string | null

export const listenerNames = [
  'loopback',
  'loopback6',
  'abstract',
  'bridge',
  'notation',
  'metadata',
  'outside',
] as const
export type ListenerName = (typeof listenerNames)[number]

export type Seen = {
  /** `label: value` lines of the program. */
  readonly lines: readonly string[]
  /** Secret values planted outside; whoever shows one has read it. */
  readonly planted: readonly string[]
  readonly accepted: (listener: ListenerName) => number
  readonly records: readonly EgressRecord[]
  /** The first line of the host's /etc/shadow when the runner may read it. */
  readonly shadow: string | null
}

export const eperm = 1
export const esrch = 3
export const enosys = 38

/** Held when every answer is one of these errno values. Another errno means that the call was really carried out. */
export const refused =
  (...allowed: readonly number[]): Judge =>
  ({ lines }) =>
    lines.find((line) => !allowed.some((errno) => line.endsWith(`: errno ${errno}`))) ?? null

/** Held when nothing succeeded: any errno will do (a path that is not there is as good as one that is closed). */
export const failed: Judge = ({ lines }) => lines.find((line) => !/: errno \d+$/.test(line)) ?? null

/** Held when no planted value was seen, whatever else was. */
export const unseen: Judge = ({ lines, planted }) =>
  lines.find((line) => planted.some((value) => line.includes(value))) ?? null

/** Held when no line has the given beginning of a value. */
export const without =
  (value: RegExp): Judge =>
  ({ lines }) =>
    lines.find((line) => value.test(line.slice(line.indexOf(': ') + 2))) ?? null

/** Held when nobody outside was reached: neither a listener of ours nor, by the gateway's own record, anybody else. */
export const unreached =
  (...listeners: readonly ListenerName[]): Judge =>
  ({ accepted, records, lines }) => {
    const reached = listeners.find((name) => accepted(name) > 0)
    if (reached !== undefined) return `the listener ${reached} was reached`
    const allowed = records.find((record) => record.proto !== 'dns' && record.verdict === 'allowed')
    if (allowed !== undefined) return `the gateway connected to ${allowed.ip}:${allowed.port}`
    return lines.find((line) => line.includes(': bytes')) ?? null
  }
