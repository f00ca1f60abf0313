// Fresh ids from the clock and randomness that the program was given.
import type { Clock, RandomBytes } from '../base/clock.ts'
import { formatId, type Id, type IdKind, uuid7 } from '../base/ids.ts'

export type NewId = <K extends IdKind>(kind: K) => Id<K>

export const createNewId =
  (deps: { readonly clock: Clock; readonly randomBytes: RandomBytes }): NewId =>
  (kind) =>
    formatId(kind, uuid7(deps.clock.now(), deps.randomBytes(10)))
