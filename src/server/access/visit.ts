// What the door knows of a visitor before anybody knows who it is.

/** Where a request came from, and the session cookie it carried. */
export type Visit = {
  readonly address: string
  readonly cookie: string | null
  /** `Firefox on Linux`; null where nothing is known. */
  readonly browser: string | null
}
