// What is wrong with somebody's input: a value with a position and a next step, never an exception.

/** Where something stands. `line` and `column` count from 1; `length` is in UTF-16 units of that line, at least 1. */
export type Position = {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly length: number
}

export type Severity = 'error' | 'warning' | 'note'

/** One finding. `code` is a symbol of the catalogue (`E_…`) in faults.ts; `help` is the next step. */
export type Problem = {
  readonly code: string
  readonly severity: Severity
  readonly message: string
  readonly at: Position | null
  /** The line itself and its neighbours, so that a reader needs no file: `[{line, text}]`. */
  readonly frame: readonly { readonly line: number; readonly text: string }[]
  readonly help: string | null
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T; readonly problems: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] }
