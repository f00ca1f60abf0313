// Everything the CLI may touch outside itself, given by main/cli.ts: no command reads the environment, a terminal or
// the clock by other ways.
import type { Clock, RandomBytes } from '../base/clock.ts'
import type { Driver, Limits } from '../sandbox/index.ts'

/** A terminal, a pipe or, in tests, a list of lines. */
export type Output = {
  write(text: string | Uint8Array): void
  readonly isTerminal: boolean
  readonly columns: number
  /** Of a terminal that has a height. */
  readonly rows?: number | undefined
}

/** A program that shows what is longer than a terminal. */
export type Pager = {
  write(text: string | Uint8Array): void
  /** No more comes; resolves when the person has read it. */
  end(): Promise<void>
  readonly ended: Promise<void>
}

/** The runner half of a sandbox on this machine, for `mayfly run`. */
export type LocalSandboxes = {
  readonly driver: Driver
  /** Limits of a class word; null when there is no such class. */
  readonly classLimits: (name: string) => Limits | null
  /** Ranges the operator of this machine excepted, for jobs with an open network. */
  readonly privateRanges: readonly string[]
  /** What a job reaches that does not say, by the word of the same operator. */
  readonly egressDefault: 'none' | 'open'
  /** The weakest class that jobs run in, by the same word. */
  readonly isolation?: 'rootless' | 'container'
  close(): Promise<void>
}

/** What a person said of a work tree, for good (place/link.ts). */
export type Link = {
  readonly path: string
  /** Of the installation; null: whichever every other verb talks to. */
  readonly url: string | null
  readonly project: string | null
}

/** What a person says to every verb alike (everywhere.ts, place/with-place.ts). */
export type Wishes = {
  readonly colour: 'auto' | 'always' | 'never'
  readonly mayAsk: boolean
  /** Requests are shown. */
  readonly debug?: boolean
  /** With `-R HOST/ORG/PROJECT`: where it is. */
  readonly host?: string | null
  readonly organisation?: string | null
  /** Of an address that was pasted: a sign-in to it goes before others. */
  readonly pasted?: string | null
  /** With `-b`. */
  readonly branch?: string | null
  /** What the link of this work tree says (place/link.ts), read when somebody asks, and once. */
  readonly link?: () => Promise<Link | null>
}

export type Surroundings = {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly stdout: Output
  readonly stderr: Output
  readonly readStdin: () => Promise<string>
  /** Somebody sits there: what is read of it was asked for. */
  readonly stdinIsTerminal: boolean
  /** Of whoever called this verb; before one is known there are none. */
  readonly wishes?: Wishes
  /** Asks without echo on a terminal, without the line end; else all of standard input as it is. */
  readonly readHidden: (question: string) => Promise<Uint8Array>
  /** One line that somebody types on a terminal; nothing when it ends or is interrupted. */
  readonly readLine: () => Promise<string>
  readonly clock: Clock
  readonly randomBytes: RandomBytes
  readonly version: string
  /** Aborts at Ctrl-C; whoever holds something gives it back then. */
  readonly interrupted: AbortSignal
  readonly setExitCode: (code: number) => void
  /** Of the installation on this machine; whether somebody listens there is the caller's question. */
  readonly operatorSocket: () => Promise<string>
  /** Where the installation of this machine keeps things; they need not exist. */
  readonly places: () => Promise<{ readonly data: string; readonly rootKey: string }>
  /** What the supervisor of this machine says of its programs (protocol/roster.ts); null: there is none. */
  readonly roster: () => Promise<string | null>
  readonly openSandboxes: () => Promise<LocalSandboxes>
  /** In the browser of this desktop; false: there is none. */
  readonly openPage: (address: string) => Promise<boolean>
  /** null: there is no such program. */
  readonly startPager: (
    words: readonly string[],
    environment: Readonly<Record<string, string>>,
  ) => Pager | null
}
