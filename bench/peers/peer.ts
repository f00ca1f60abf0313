// Another CI system beside ours: what it can be asked to do, with the same job text, slots and disk, as its own manual says
// (performance.md §4). None of them isolates a job. What a system cannot do is not there.

export type PeerName = 'gitlab-ci-local' | 'buildbot' | 'laminar'

export type Peer = {
  readonly name: PeerName
  readonly version: string
  /** Asked → first byte of the job's output at a client (PF-03, PF-08). */
  readonly firstLineMs?: () => Promise<number>
  /** Asked → its result is there (PF-04). */
  readonly noOpMs?: () => Promise<number>
  /** So many no-op jobs at once (PF-05). */
  readonly jobsPerSecond?: (count: number, slots: number) => Promise<number>
  /** So many no-op jobs, each after the one before (PF-06). */
  readonly chainMs?: (count: number) => Promise<number>
  /** A job that prints a file: asked → all of it stored or printed (PF-10). */
  readonly logMs?: (file: string) => Promise<number>
  /** Processor time of all its processes for that (PF-11). */
  readonly logCpuMs?: (file: string) => Promise<number>
  /** Process start → takes work (PF-43). */
  readonly startMs?: () => Promise<number>
  /** PSS of all its processes at rest (PF-44). */
  readonly idleMib?: () => Promise<number>
  /** Processor time of one no-op job, the job's own included (PF-46). */
  readonly jobCpuMs?: () => Promise<number>
  readonly close: () => Promise<void>
}

/** Not here, and why. */
export type Absent = { readonly name: PeerName; readonly why: string }

export const isAbsent = (peer: Peer | Absent): peer is Absent => 'why' in peer

/** `npm`: only what the npm registry has. `all` may install packages of the distribution. */
export type PeerChoice = 'all' | 'npm' | 'none'
