// Bodies of signed requests: JSON of a known shape, or a fault that says what is wrong with it.
import { fault } from '../../base/faults.ts'
import type { Parsed } from '../../base/problem.ts'

export const parsedBody = <T>(parse: (json: unknown) => Parsed<T>, body: Uint8Array): T =>
  parsed(parse(parseJson(body)))

export const parseJson = (body: Uint8Array): unknown => {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'))
  } catch {
    return undefined
  }
}

export const parsed = <T>(result: Parsed<T>): T => {
  if (result.ok) return result.value
  const message = result.problems.map((problem) => problem.message).join('; ')
  throw fault('E_PROTOCOL', { public: message.slice(0, 500), detail: message.slice(0, 2_000) })
}
