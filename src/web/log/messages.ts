// What the page and the worker of a log say to one another.
import type { LogChunk } from '../../protocol/api/shapes.ts'
import type { FollowerFrame } from '../../protocol/live.ts'
import type { Query } from '../../protocol/terminal/search.ts'
import type { BookLine } from './decode.ts'
import type { Group } from './groups.ts'

/** Frames of the server above `after` up to `until`; `step` null: of all steps. */
export type FrameRange = { readonly step: number | null; readonly after: number; readonly until: number }

export type ToStore =
  /** `isAnew`: all that is known is forgotten first. */
  | { readonly t: 'index'; readonly chunks: readonly LogChunk[]; readonly isAnew: boolean }
  | { readonly t: 'frame'; readonly frame: FollowerFrame }
  | { readonly t: 'page'; readonly step: number; readonly page: number }
  | { readonly t: 'fetched'; readonly id: number; readonly bytes: Uint8Array | null }
  | { readonly t: 'find'; readonly id: number; readonly query: Query }
  /** Groups are looked for in all of the log, also where it has to be fetched for that. */
  | { readonly t: 'find-groups' }

export type FromStore =
  | {
      readonly t: 'counts'
      readonly counts: readonly (readonly [step: number, lines: number])[]
      readonly missing: readonly MissingLines[]
    }
  /** Lines from `page * pageLines + 1` on; null stands for a line that was never stored. `lines` null: it could not be fetched. */
  | {
      readonly t: 'page'
      readonly step: number
      readonly page: number
      readonly lines: readonly (BookLine | null)[] | null
    }
  /** Groups by step. `not-whole`: part of the log could not be fetched for that. */
  | {
      readonly t: 'groups'
      readonly state: 'looking' | 'whole' | 'not-whole'
      readonly groups: readonly (readonly [step: number, groups: readonly Group[]])[]
    }
  | ({ readonly t: 'fetch'; readonly id: number } & FrameRange)
  /** The server's chunks are other ones by now: the index has to be read anew. */
  | { readonly t: 'stale' }
  | {
      readonly t: 'found'
      readonly id: number
      readonly matches: readonly LineAt[]
      /** 0 … 1 of what is stored. */
      readonly searched: number
      /** Chunks that could not be fetched. */
      readonly missed: number
      /** Whether the query is a regular expression where it says so. */
      readonly isValid: boolean
    }

/** Numbers that no stored line has: their output was never received. */
export type MissingLines = { readonly step: number; readonly from: number; readonly to: number }

export type LineAt = { readonly step: number; readonly line: number }
