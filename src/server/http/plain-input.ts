// What a shape takes and nothing behind it can: text that no table stores, fractions and depths that have no canonical form to digest.
// Refused once, for every route, after the route's own shape has had its say.
import { fault } from '../../base/faults.ts'
import { limits } from './limits.ts'

/** Throws E_INPUT. Without recursion: how deep it goes is the sender's choice. */
export const refuseUnusable = (input: unknown): void => {
  const left = [{ value: input, depth: 0 }]
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { value, depth } = next
    const problem = typeof value === 'object' ? tooDeep(depth) : unusable(value)
    if (problem !== null) throw fault('E_INPUT', { public: problem })
    if (typeof value !== 'object' || value === null) continue
    for (const [name, inner] of Object.entries(value))
      left.push({ value: name, depth }, { value: inner, depth: depth + 1 })
  }
}

const tooDeep = (depth: number): string | null =>
  depth > limits.bodyDepth ? `The body is nested more than ${limits.bodyDepth} deep` : null

const unusable = (value: unknown): string | null => {
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? null : 'Numbers are whole, and not beyond 2^53'
  if (typeof value !== 'string') return null
  if (value.includes('\0')) return 'Text with a NUL character is stored nowhere: leave it out'
  return value.isWellFormed() ? null : 'Text with half of a surrogate pair is no text: send it as UTF-8'
}
