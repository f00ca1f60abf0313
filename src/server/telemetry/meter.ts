// What parts of the server tell about their own work. Told after the work, never awaited; without metrics nobody listens
// and a call costs nothing. Labels are words of ours: verbs, routes, codes; never a name, a ref or anything a person typed.
export type Meter = {
  /** `outcome`: `ok`, or the code of the fault. */
  vaultAnswered(verb: string, outcome: string, ms: number): void
  /** One commit of log frames. */
  framesStored(stored: { readonly requests: number; readonly bytes: number; readonly ms: number }): void
  /** `route`: as it stands in the route table. */
  requestAnswered(answer: {
    readonly route: string
    readonly method: string
    readonly status: number
    readonly ms: number
  }): void
}

export const noMeter: Meter = {
  vaultAnswered: () => undefined,
  framesStored: () => undefined,
  requestAnswered: () => undefined,
}
