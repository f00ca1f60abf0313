// Where the finished log of an attempt lies in the object store.
import type { AttemptId } from '../../base/ids.ts'

export const logObjectKey = (attempt: AttemptId): string => `log/${attempt}`
