// What a receipt says, out of its JWS as it is stored. Its signature was checked when it came: nobody checks here.
import { fromBase64Url, utf8Decode } from '../../base/bytes.ts'

/** undefined: there is no JSON in it; null: what is there is no object. */
export const receiptClaims = (jws: string): Readonly<Record<string, unknown>> | null | undefined => {
  try {
    const parsed: unknown = JSON.parse(
      utf8Decode(fromBase64Url(jws.split('.')[1] ?? '') ?? new Uint8Array(0)),
    )
    const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
    // SAFE: an object of JSON.
    return isObject ? (parsed as Record<string, unknown>) : null
  } catch {
    return undefined
  }
}
