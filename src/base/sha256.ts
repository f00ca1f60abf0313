// SHA-256 (FIPS 180-4) for code that must be synchronous and free of Node built-ins: the compiler names its sources
// by digest, short texts are done sooner here than by WebCrypto, and pages of neither https nor localhost have none.
// Everything else takes that or node:crypto; never for secrets.

import { toHex, utf8 } from './bytes.ts'

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes (§4.2.2). */
const roundConstants = Int32Array.from(
  (
    '428a2f98 71374491 b5c0fbcf e9b5dba5 3956c25b 59f111f1 923f82a4 ab1c5ed5 ' +
    'd807aa98 12835b01 243185be 550c7dc3 72be5d74 80deb1fe 9bdc06a7 c19bf174 ' +
    'e49b69c1 efbe4786 0fc19dc6 240ca1cc 2de92c6f 4a7484aa 5cb0a9dc 76f988da ' +
    '983e5152 a831c66d b00327c8 bf597fc7 c6e00bf3 d5a79147 06ca6351 14292967 ' +
    '27b70a85 2e1b2138 4d2c6dfc 53380d13 650a7354 766a0abb 81c2c92e 92722c85 ' +
    'a2bfe8a1 a81a664b c24b8b70 c76c51a3 d192e819 d6990624 f40e3585 106aa070 ' +
    '19a4c116 1e376c08 2748774c 34b0bcb5 391c0cb3 4ed8aa4a 5b9cca4f 682e6ff3 ' +
    '748f82ee 78a5636f 84c87814 8cc70208 90befffa a4506ceb bef9a3f7 c67178f2'
  )
    .split(' ')
    .map((word) => Number.parseInt(word, 16)),
)

const initialState = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
] as const

/** The digest of a text's UTF-8 bytes, as 64 hexadecimal digits. */
export const sha256Hex = (text: string): string => toHex(sha256(utf8(text)))

export const sha256 = (message: Uint8Array): Uint8Array => {
  const padded = pad(message)
  // Signed: V8 keeps words of 32 bits as such then, and numbers above 2³¹ would be floating-point.
  const state = Int32Array.from(initialState)
  const schedule = new Int32Array(64)
  for (let offset = 0; offset < padded.byteLength; offset += 64) {
    fillSchedule(schedule, padded, offset)
    compress(state, schedule)
  }
  const out = new DataView(new ArrayBuffer(32))
  state.forEach((word, i) => {
    out.setInt32(4 * i, word)
  })
  return new Uint8Array(out.buffer)
}

/** §5.1.1: a one bit, zeros, and the length in bits, up to a multiple of 64 bytes. */
const pad = (message: Uint8Array): DataView => {
  const bytes = new Uint8Array(Math.ceil((message.length + 9) / 64) * 64)
  bytes.set(message)
  bytes[message.length] = 0x80
  const view = new DataView(bytes.buffer)
  view.setBigUint64(bytes.length - 8, BigInt(message.length) * 8n)
  return view
}

const rotate = (word: number, by: number): number => (word >>> by) | (word << (32 - by))
const at = (words: Int32Array, i: number): number => words[i] ?? 0

/** §6.2.2 step 1. */
const fillSchedule = (w: Int32Array, block: DataView, offset: number): void => {
  for (let t = 0; t < 16; t++) w[t] = block.getInt32(offset + 4 * t)
  for (let t = 16; t < 64; t++) {
    const w15 = at(w, t - 15)
    const w2 = at(w, t - 2)
    const small0 = rotate(w15, 7) ^ rotate(w15, 18) ^ (w15 >>> 3)
    const small1 = rotate(w2, 17) ^ rotate(w2, 19) ^ (w2 >>> 10)
    w[t] = (((small1 + at(w, t - 7)) | 0) + small0 + at(w, t - 16)) | 0
  }
}

/** §6.2.2 steps 2 to 4. */
const compress = (state: Int32Array, w: Int32Array): void => {
  let a = at(state, 0)
  let b = at(state, 1)
  let c = at(state, 2)
  let d = at(state, 3)
  let e = at(state, 4)
  let f = at(state, 5)
  let g = at(state, 6)
  let h = at(state, 7)
  for (let t = 0; t < 64; t++) {
    const big1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    const t1 = (h + big1 + ((e & f) ^ (~e & g)) + at(roundConstants, t) + at(w, t)) | 0
    const big0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    const t2 = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  const words = [a, b, c, d, e, f, g, h]
  for (let i = 0; i < 8; i++) state[i] = at(state, i) + (words[i] ?? 0)
}
