// Of an attempt that no step of a setup configuration belongs to.
import type { Continuing } from '../../src/runner/setup/continuing.ts'

const unexpected = async (): Promise<never> => {
  throw new Error('nothing was to be continued here')
}

export const noContinuing: Continuing = {
  changed: unexpected,
  choose: unexpected,
  merge: unexpected,
  goOn: unexpected,
}
