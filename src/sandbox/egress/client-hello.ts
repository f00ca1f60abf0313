// Reads the server name out of a TLS ClientHello (RFC 8446 §4.1.2, RFC 6066 §3), however it is cut into segments and
// records. Everything is hostile: what does not parse exactly is `bad`.
import { headBytesMax } from './limits.ts'

export type HelloReading =
  /** Come back with at least `need` bytes: a job that sends byte by byte costs no parse per byte. */
  | { readonly kind: 'more'; readonly need: number }
  | { readonly kind: 'name'; readonly name: string | null }
  | { readonly kind: 'bad'; readonly why: string }

const recordHandshake = 22
const clientHello = 1
const extensionServerName = 0

/** Called with everything received so far. */
export const readClientHello = (bytes: Uint8Array): HelloReading => {
  const message = joinRecords(bytes)
  if (message === 'bad') return { kind: 'bad', why: 'not-tls' }
  if (typeof message === 'number')
    return message > headBytesMax
      ? { kind: 'bad', why: 'tls-hello-too-long' }
      : { kind: 'more', need: message }
  const name = serverName(message)
  return name === undefined ? { kind: 'bad', why: 'tls-malformed' } : { kind: 'name', name }
}

/** The body of the first handshake message, which may span records, or how many bytes it takes to see more of it. */
const joinRecords = (bytes: Uint8Array): Uint8Array | number | 'bad' => {
  const fragments: number[] = []
  let at = 0
  while (at < bytes.length) {
    const [type, major, , high, low] = bytes.subarray(at, at + 5)
    if (type !== recordHandshake || (major !== undefined && major !== 3)) return 'bad'
    if (high === undefined || low === undefined) return at + 5
    const length = high * 256 + low
    if (length === 0 || length > headBytesMax) return 'bad'
    fragments.push(...bytes.subarray(at + 5, at + 5 + length))
    if (fragments[0] !== undefined && fragments[0] !== clientHello) return 'bad'
    const [, a, b, c] = fragments
    if (a !== undefined && b !== undefined && c !== undefined) {
      const wanted = a * 65_536 + b * 256 + c
      if (wanted > headBytesMax) return 'bad'
      if (fragments.length >= 4 + wanted) return Uint8Array.from(fragments.slice(4, 4 + wanted))
    }
    at += 5 + length
    if (at > bytes.length) return at
  }
  return at + 5
}

/** The name, null when there is none, undefined when the message is malformed. */
const serverName = (message: Uint8Array): string | null | undefined => {
  const reader = createReader(message)
  reader.take(2 + 32) // version, random
  reader.vector(1) // session
  reader.vector(2) // cipher suites
  reader.vector(1) // compression methods
  if (reader.isAtEnd()) return reader.failed() ? undefined : null
  const extensions = createReader(reader.vector(2))
  if (reader.failed() || !reader.isAtEnd()) return undefined
  const names: (string | undefined)[] = []
  while (!extensions.isAtEnd() && !extensions.failed()) {
    const type = extensions.number(2)
    const body = extensions.vector(2)
    if (type === extensionServerName) names.push(hostName(body))
  }
  if (extensions.failed() || names.length > 1 || names.includes(undefined)) return undefined
  return names[0] ?? null
}

/** Exactly one name of type host_name. */
const hostName = (body: Uint8Array): string | undefined => {
  const outer = createReader(body)
  const list = createReader(outer.vector(2))
  const type = list.number(1)
  const name = list.vector(2)
  const isSound = !outer.failed() && outer.isAtEnd() && !list.failed() && list.isAtEnd()
  if (!isSound || type !== 0 || name.length === 0) return undefined
  return name.every((byte) => byte > 0x20 && byte < 0x7f) ? String.fromCharCode(...name) : undefined
}

/** Reads beyond the end give nothing and are remembered. */
const createReader = (bytes: Uint8Array) => {
  let at = 0
  let hasFailed = false
  const take = (count: number): Uint8Array => {
    hasFailed ||= at + count > bytes.length
    const part = hasFailed ? new Uint8Array() : bytes.subarray(at, at + count)
    at += count
    return part
  }
  const number = (size: number): number => take(size).reduce((value, byte) => value * 256 + byte, 0)
  return {
    take,
    number,
    vector: (lengthSize: number): Uint8Array => take(number(lengthSize)),
    isAtEnd: () => at >= bytes.length,
    failed: () => hasFailed,
  }
}
