// Where a stored object lies in the object store.
import type { ObjectId } from '../../base/ids.ts'

export const storedObjectKey = (object: ObjectId): string => `object/${object}`
