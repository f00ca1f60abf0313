// JSON in the one form that is hashed and signed: RFC 8785, with integers only (trust-model.md, first page).
// A value that has no such form (a float, a lone surrogate, a function) is a defect of the caller and throws.
import { toHex, utf8 } from '../base/bytes.ts'
import { sha256 as sha256Here } from '../base/sha256.ts'
import { sha256 } from './subtle.ts'

const depthMax = 128

/** Members that are `undefined` are left out, as JSON.stringify does; everything else must be plain JSON. */
export const canonicalJson = (value: unknown): string => write(value, 0)

/** SHA-256 of the canonical form, in hexadecimal. */
export const jcsDigest = async (value: unknown): Promise<string> => {
  const bytes = utf8(canonicalJson(value))
  return toHex(bytes.length <= shortBytes ? sha256Here(bytes) : await sha256(bytes))
}

/** Digested sooner here than handed to another thread of WebCrypto. */
const shortBytes = 4096

const write = (value: unknown, depth: number): string => {
  if (depth > depthMax) throw new RangeError('JSON nested too deeply')
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return writeString(value)
  if (typeof value === 'number') return writeInteger(value)
  if (Array.isArray(value)) return `[${value.map((item) => write(item, depth + 1)).join(',')}]`
  if (isPlainObject(value)) return writeObject(value, depth)
  throw new TypeError(`no JSON form for ${typeof value}`)
}

/** Sorted by UTF-16 code units (§3.2.3), which is what `sort` does. */
const writeObject = (value: Readonly<Record<string, unknown>>, depth: number): string => {
  const names = Object.keys(value)
    .filter((name) => value[name] !== undefined)
    .sort()
  return `{${names.map((name) => `${writeString(name)}:${write(value[name], depth + 1)}`).join(',')}}`
}

const writeString = (text: string): string => {
  if (!text.isWellFormed()) throw new RangeError('text with a lone surrogate')
  return JSON.stringify(text)
}

const writeInteger = (value: number): string => {
  if (!Number.isSafeInteger(value)) throw new RangeError('only safe integers have a canonical form here')
  return JSON.stringify(value)
}

const isPlainObject = (value: unknown): value is Readonly<Record<string, unknown>> => {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
