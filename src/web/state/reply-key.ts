// The key to which one answer is sealed: a secret that comes back once is seen by neither server nor proxy. Browsers make keys on
// pages of https or localhost only, and an installation may be reached by neither.
import { generateEphemeralKey } from '../../seal/index.ts'
import { text } from '../text/en.ts'
import { ApiProblem } from './api.ts'

/** Throws an ApiProblem where this page cannot have one. */
export const makeReplyKey = (): ReturnType<typeof generateEphemeralKey> => {
  if (globalThis.isSecureContext === false)
    throw new ApiProblem({
      ...{ title: text.error.noKeys, detail: text.error.noKeysWhy, status: 0, code: 'MF4000' },
    })
  return generateEphemeralKey()
}
