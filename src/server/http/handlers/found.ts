// What is asked for is there, or it is a 404.
import { fault } from '../../../base/faults.ts'
import { type Id, type IdKind, parseId } from '../../../base/ids.ts'

export const found = <T>(value: T | null): T => {
  if (value === null) throw fault('E_NOT_FOUND')
  return value
}

/** A malformed id names nothing. */
export const idOf = <K extends IdKind>(kind: K, text: string): Id<K> => found(parseId(kind, text))
