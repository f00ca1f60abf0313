// What one row of the bench is (performance.md §4): a baseline and a subject that are measured in turn, and how their
// ratio is judged. A scenario file exports `scenarios`, one for each row of its id; only measure.ts calls them.
import type { BenchInstallation } from './installation.ts'
import type { Peer } from './peers/peer.ts'

/** The median ratio to the baseline, and where an issue names one, the subject's own median. Both must hold. */
export type Limit = { readonly ratio?: number; readonly value?: number }

export type Unit = 'ms' | 'jobs/s' | 'lines/s' | 'MB/s' | 'MiB'

/** `State` is what `setUp` made; it is undefined without one. */
export interface Scenario<State = unknown> {
  readonly id: `PF-${string}`
  /** Tells the rows of one id apart; empty when there is only one. */
  readonly variant: string
  readonly title: string
  readonly unit: Unit
  readonly better: 'lower' | 'higher'
  readonly goal: Limit
  readonly gate: Limit
  /** What a reader of the row has to know, for example how it differs from its definition. */
  readonly note?: string
  readonly growth?: Growth<State>
  setUp?(bench: Bench): Promise<State>
  /** One sample each, in `unit`. Only what is between start and end of the definition counts. */
  baseline(state: State): Promise<number>
  subject(state: State): Promise<number>
  tearDown?(state: State): Promise<void>
  /** How another system does it, in `unit`; nothing when it cannot. */
  peer?(peer: Peer): (() => Promise<number>) | undefined
}

/** Measured with --full only: the subject at several sizes, and the power with which it may grow. */
export interface Growth<State> {
  readonly of: string
  readonly sizes: readonly number[]
  readonly exponentMax: number
  /** Milliseconds at that size. */
  at(state: State, size: number): Promise<number>
}

/** What scenarios share during one run of the bench. */
export type Bench = {
  /** For files of theirs, on the disk that holds the installation's data. */
  readonly directory: string
  /** The one installation under test; it is made when first asked for. */
  readonly installation: () => Promise<BenchInstallation>
}

export const nameOf = ({ id, variant }: Pick<Scenario, 'id' | 'variant'>): string =>
  variant === '' ? id : `${id} ${variant}`
