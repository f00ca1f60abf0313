// What a scene is: a probe with more than one actor – a second step, a neighbour's sandbox, the one that comes after, or
// somebody outside. Scenes belong to the test suites only: they need a second sandbox, names that lead where they say, or
// seconds (scans of all ports). What an installation measures at its start and hourly are the probes of run.ts.
import type { EgressPolicy, GuestPath, Sandbox, SizeBytes, StepResult, StepSpec } from '../driver.ts'
import type { Probe } from './probe.ts'

export type Scene = Pick<Probe, 'id' | 'threats' | 'tries' | 'judge'> & {
  readonly positive: readonly string[]
  /** Default: an empty list. */
  readonly egress?: EgressPolicy
  /** Where names lead outside while it is played: one answer after the other, the last for ever. */
  readonly names?: Readonly<Record<string, readonly (readonly string[])[]>>
  readonly acts: readonly Act[]
}

export type NestName = 'first' | 'other' | 'next'
export type Act = StepAct | { readonly outside: (stage: Outside) => Promise<readonly string[]> }

/** One step with a program as probes have it; `@BEFORE` has the lines of the acts before. */
export type StepAct = {
  /** `other`: beside the first at the same time; `next`: opened when the first has closed. Default: the first. */
  readonly nest?: NestName
  readonly cell: StepSpec['cell']
  /** Goes on to the end of the scene; the next act begins when it has said `ready`. */
  readonly background?: true
  /** The marker is in its environment, as MAYFLY_PROBE_MARKER. */
  readonly marked?: true
  readonly socket?: StepSpec['socket']
  /** It may be killed before its end: that is what is tried. */
  readonly mayFail?: true
  readonly program: string
}

/** What an act outside can see and do. */
export type Outside = {
  readonly lines: readonly string[]
  /** Of the acts that have ended, in their order. */
  readonly results: readonly StepResult[]
  readonly egress: (nest: NestName) => ReturnType<Sandbox['egress']>
  /** Bytes that came out, and how it ended. */
  readonly copyOut: (from: GuestPath, limit: SizeBytes) => Promise<{ bytes: number; end: string }>
  /** Every open port of these addresses and of the host's own that answers with the banner, from the host and its LAN. */
  readonly scan: (addresses: readonly string[]) => Promise<readonly string[]>
}
