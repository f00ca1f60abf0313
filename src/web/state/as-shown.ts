// What a page shows of a list may have been changed by somebody else since. Who acts on it means what they see: it is read
// again, and where it differs nothing is sent; what happens after that, the tag of what was read keeps out.
import { text } from '../text/en.ts'
import { ApiProblem } from './api.ts'

type Read = { readonly answer: object; readonly tag: string | undefined }

/** What a change of `shown` is sent with, if that is still what the server has. */
export const asShown = async (
  reading: Promise<Read>,
  shown: object,
): Promise<{ readonly ifMatch?: string }> => {
  const { answer, tag } = await reading
  const seen = new Map<string, unknown>(Object.entries(shown))
  const differs = Object.entries(answer).some(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(seen.get(key)),
  )
  if (differs)
    throw new ApiProblem({
      title: text.error.changed,
      status: 412,
      code: 'MF4012',
      detail: text.error.changedWhy,
    })
  return tag === undefined ? {} : { ifMatch: tag }
}
