// How what this process has committed reaches those who listen in this process, without the way over the database.
import type { Channel } from './listener.ts'

export type Notice = { readonly channel: Channel; readonly payload: string }

type Tell = (notice: Notice) => void
const tellers = new WeakMap<object, Tell>()

/** Once for each database that is opened. */
export const tellWith = (db: object, tell: Tell): void => void tellers.set(db, tell)
export const tellerOf = (db: object): Tell => tellers.get(db) ?? (() => {})
