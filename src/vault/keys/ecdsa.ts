// ECDSA over a digest that somebody else made. Node signs only what it hashes itself (nodejs/node#39896), so the last step is done here:
// the multiple of the curve's point is OpenSSL's, by createECDH, and what follows is arithmetic modulo the order. V8's BigInt does not
// take the same time for all numbers, so key and nonce only appear multiplied by a random factor. The nonce is that of RFC 6979
// with fresh randomness beside the digest (§3.6): neither a weak source of randomness nor a repeated digest gives anything away.
import { createECDH, createHmac } from 'node:crypto'

type Curve = {
  readonly name: string
  readonly order: bigint
  /** Of a coordinate and of the order alike. */
  readonly bytes: number
  readonly hash: string
}
export const curves = {
  'ecdsa-p256': {
    ...{ name: 'prime256v1', bytes: 32, hash: 'sha256' },
    order: 0xffffffff_00000000_ffffffff_ffffffff_bce6faad_a7179e84_f3b9cac2_fc632551n,
  },
  'ecdsa-p384': {
    ...{ name: 'secp384r1', bytes: 48, hash: 'sha384' },
    order:
      0xffffffff_ffffffff_ffffffff_ffffffff_ffffffff_ffffffff_c7634d81_f4372ddf_581a0db2_48b0a77a_ecec196a_ccc52973n,
  },
} as const satisfies Readonly<Record<string, Curve>>

type EcdsaOf = {
  readonly curve: Curve
  /** The private number, as long as the order. */
  readonly secret: Uint8Array
  readonly digest: Uint8Array
  /** At least eight bytes more than asked for are taken, so that no factor is likelier than another. */
  readonly randomBytes: (size: number) => Uint8Array
  /** Beside the digest; a test gives none and gets what RFC 6979 prints. */
  readonly entropy: Uint8Array
}

/** DER of `SEQUENCE {r, s}`. */
export const signEcdsa = ({ curve, secret, digest, randomBytes, entropy }: EcdsaOf): Uint8Array => {
  const { order, bytes } = curve
  const number = toBigInt(digest.subarray(0, bytes)) % order
  const key = toBigInt(secret)
  for (const nonce of nonces(curve, { secret, digest: toBytes(number, bytes), entropy })) {
    const r = multipleOf(curve, nonce) % order
    const blind = 1n + (toBigInt(randomBytes(bytes + 8)) % (order - 1n))
    const inverse = inverseOf((blind * toBigInt(nonce)) % order, order)
    nonce.fill(0)
    const s = (inverse * ((blind * number + ((blind * r) % order) * key) % order)) % order
    if (r !== 0n && s !== 0n) return der(0x30, Buffer.concat([derInteger(r, bytes), derInteger(s, bytes)]))
  }
  throw new Error('there is always another nonce')
}

/** RFC 6979 §3.2, step h: as many as it takes. */
function* nonces(
  { order, bytes, hash }: Curve,
  {
    secret,
    digest,
    entropy,
  }: { readonly secret: Uint8Array; readonly digest: Uint8Array; readonly entropy: Uint8Array },
): Generator<Buffer> {
  const mac = (key: Uint8Array, ...parts: readonly Uint8Array[]) =>
    parts.reduce((hmac, part) => hmac.update(part), createHmac(hash, key)).digest()
  // SHA-256 for 32 bytes, SHA-384 for 48: one block is one nonce.
  let value: Buffer = Buffer.alloc(bytes, 1)
  let key: Buffer = Buffer.alloc(bytes, 0)
  for (const round of [0, 1]) {
    key = mac(key, value, Buffer.of(round), secret, digest, entropy)
    value = mac(key, value)
  }
  for (;;) {
    value = mac(key, value)
    const number = toBigInt(value)
    if (number > 0n && number < order) yield Buffer.from(value)
    key = mac(key, value, Buffer.of(0))
    value = mac(key, value)
  }
}

/** The first coordinate of the point. */
const multipleOf = ({ name, bytes }: Curve, nonce: Buffer): bigint => {
  const half = createECDH(name)
  half.setPrivateKey(nonce)
  return toBigInt(half.getPublicKey().subarray(1, 1 + bytes))
}

/** `value` times this is one; the extended algorithm of Euclid. */
const inverseOf = (value: bigint, order: bigint): bigint => {
  let [a, b, x, y] = [value, order, 1n, 0n]
  while (b !== 0n) {
    const quotient = a / b
    ;[a, b] = [b, a - quotient * b]
    ;[x, y] = [y, x - quotient * y]
  }
  return ((x % order) + order) % order
}

const toBigInt = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`)
const toBytes = (value: bigint, size: number): Buffer =>
  Buffer.from(value.toString(16).padStart(2 * size, '0'), 'hex')

/** Positive: a leading zero byte where the first bit is set, and no other. */
const derInteger = (value: bigint, size: number): Buffer => {
  const bytes = toBytes(value, size)
  const start = bytes.findIndex((byte) => byte !== 0)
  const short = bytes.subarray(start)
  return der(0x02, (short[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), short]) : short)
}

/** Of less than 128 bytes: two coordinates of 48 and what is around them come to 104. */
const der = (tag: number, content: Uint8Array): Buffer =>
  Buffer.concat([Buffer.of(tag, content.length), content])
