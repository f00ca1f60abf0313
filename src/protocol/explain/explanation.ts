// What `mayfly explain` says about a problem. Plain literals, so that a bundle without the verb does not hold them.

export type Explanation = {
  /** What it means and how it comes about. */
  readonly why: string
  readonly mend: string
  /** A configuration that has this problem and no other; null where none is small enough, or there is no file. */
  readonly example: Example | null
}

export type Example = {
  readonly text: string
  /** Pushed; `main` when not said. */
  readonly branch?: string
}
