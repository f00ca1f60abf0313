// How what this process has committed reaches those who listen in this process, without the way over the database, and
// whether others may want to hear of it.
import type { Channel } from './listener.ts'

export type Notice = { readonly channel: Channel; readonly payload: string }

type Tell = (notice: Notice) => void
type Telling = { readonly tell: Tell; readonly mayOthersListen: () => boolean }
const tellings = new WeakMap<object, Telling>()

/** Once for each pool that is opened. */
export const tellWith = (db: object, telling: Telling): void => void tellings.set(db, telling)
export const tellerOf = (db: object): Tell => tellings.get(db)?.tell ?? (() => {})
/** For statements: whether what they change goes out with NOTIFY as well. */
export const mayOthersListen = (db: object): boolean => tellings.get(db)?.mayOthersListen() ?? true
