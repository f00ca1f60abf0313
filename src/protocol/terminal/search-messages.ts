// What a server and its thread that looks through logs say to one another: one answer to each question, in order.
import type { Query } from './search.ts'
import type { Found } from './text-search.ts'

export type ToSearch =
  | { readonly t: 'query'; readonly query: Query; readonly linesMax: number }
  | { readonly t: 'piece'; readonly step: number; readonly firstLine: number; readonly bytes: Uint8Array }
  /** Of one log: its numbers of lines begin anew. */
  | { readonly t: 'end' }

export type FromSearch =
  | { readonly t: 'query'; readonly isValid: boolean }
  /** Since the last answer. */
  | { readonly t: 'found'; readonly found: Found }
