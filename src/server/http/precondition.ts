// If-Match (RFC 9110 §13.1.1): a change, or a removal, counts for what its sender has read. The tag is that of the route that
// reads the same address; the use case shows what stands there while it holds the row, so that of two at once one is told.
import { fault } from '../../base/faults.ts'
import { type Route, routes } from '../../protocol/api/routes.ts'
import { tagOf } from './etag.ts'

/** Throws E_PRECONDITION unless the sender has seen this. */
export type Expect = (current: unknown) => void

export const anything: Expect = () => undefined

/** `header`: what came as `If-Match`. */
export const expectationOf = (route: Route, header: string | undefined): Expect => {
  if (header === undefined || !takesExpectation(route)) return anything
  const reading = readingOf(route)
  // Nothing that could be read here has a tag, so none can be the one that was sent.
  if (reading === undefined) throw stale()
  const known = header.split(',').map((part) => part.trim())
  return (current) => {
    const tag = tagOf(JSON.stringify(reading.answer.parse(current)))
    if (!known.includes('*') && !known.includes(tag)) throw stale()
  }
}

export const takesExpectation = ({ method }: Route): boolean => method === 'PATCH' || method === 'DELETE'

/** The route whose answer has the tag that a change of the same address takes. */
export const readingOf = (route: Route): Route | undefined =>
  Object.values<Route>(routes).find(
    ({ method, path, versioned }) => method === 'GET' && path === route.path && versioned === true,
  )

const stale = () =>
  fault('E_PRECONDITION', { public: 'This was changed after you read it. Nothing was changed now.' })
