// Follows the requests of one HTTP/1 connection and lets bytes pass only when every request head names the host that
// was dialled (isolation.md §6.3.4). It reads more strictly than servers do: where two readings of a message are
// possible, it is refused, so that nothing can be hidden between two requests.
import { normalizeName } from '../../sys/index.ts'
import { headBytesMax } from './limits.ts'

export type HttpVerdict =
  | { readonly ok: true; readonly pass: Buffer }
  | { readonly ok: false; readonly why: string }

export interface HttpGuard {
  /** Bytes of the client in, bytes that may go on out. After a refusal it is not called again. */
  push(chunk: Buffer): HttpVerdict
}

/** What is expected next: a head, `left` bytes of body, or a line, data or trailer of a chunked body. */
type State =
  | { readonly kind: 'head' | 'chunk-size' | 'chunk-end' | 'trailer' }
  | { readonly kind: 'body' | 'chunk-data'; readonly left: number }

type Step = { readonly used: number; readonly next: State } | 'more' | { readonly refuse: string }

export const createHttpGuard = (name: string): HttpGuard => {
  let state: State = { kind: 'head' }
  let waiting = Buffer.alloc(0)
  return {
    push: (chunk) => {
      waiting = Buffer.concat([waiting, chunk])
      let passed = 0
      while (passed < waiting.length) {
        const step = advance(state, waiting.subarray(passed), name)
        if (step === 'more') break
        if ('refuse' in step) return { ok: false, why: step.refuse }
        passed += step.used
        state = step.next
      }
      const pass = waiting.subarray(0, passed)
      waiting = waiting.subarray(passed)
      return { ok: true, pass }
    },
  }
}

const advance = (state: State, bytes: Buffer, name: string): Step => {
  switch (state.kind) {
    case 'body':
    case 'chunk-data': {
      const used = Math.min(state.left, bytes.length)
      const after: State = state.kind === 'body' ? { kind: 'head' } : { kind: 'chunk-end' }
      return { used, next: used === state.left ? after : { ...state, left: state.left - used } }
    }
    case 'head':
      return readHead(bytes, name)
    case 'chunk-size':
      return readChunkSize(bytes)
    case 'chunk-end':
      return readLineEnd(bytes, { kind: 'chunk-size' })
    case 'trailer': // Only the empty one.
      return readLineEnd(bytes, { kind: 'head' })
  }
}

const readHead = (bytes: Buffer, name: string): Step => {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0 || end > headBytesMax) return tooLongOrMore(bytes)
  const framing = checkHead(bytes.toString('latin1', 0, end), name)
  return 'refuse' in framing ? framing : { used: end + 4, next: framing }
}

const tooLongOrMore = (bytes: Buffer): Step =>
  bytes.length > headBytesMax ? { refuse: 'http-head-too-long' } : 'more'

const requestLine = /^([A-Z][A-Z-]{0,31}) (\S{1,8192}) HTTP\/1\.([01])$/
const fieldLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/

const checkHead = (text: string, name: string): State | { refuse: string } => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for; a bare CR or LF splits heads.
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(text.replaceAll('\r\n', ''))) return { refuse: 'http-malformed' }
  const [first = '', ...lines] = text.split('\r\n')
  const request = requestLine.exec(first)
  const fields = lines.map((line) => fieldLine.exec(line))
  if (request === null || fields.includes(null)) return { refuse: 'http-malformed' }
  const valuesOf = (wanted: string) =>
    fields.filter((field) => field?.[1]?.toLowerCase() === wanted).map((field) => field?.[2] ?? '')
  const [, method = '', target = '', minor = ''] = request
  if (method === 'CONNECT') return { refuse: 'http-connect' }
  if (valuesOf('upgrade').length > 0) return { refuse: 'http-upgrade' }
  const hosts = valuesOf('host')
  if (hosts.length !== 1 || !isHost(hosts[0] ?? '', name)) return { refuse: 'http-host' }
  if (!isTarget(target, name)) return { refuse: 'http-target' }
  const encodings = valuesOf('transfer-encoding')
  // HTTP/1.0 has no chunks: to a server that takes it at its word a second request begins where we would see a body.
  if (minor === '0' && encodings.length > 0) return { refuse: 'http-framing' }
  return bodyFraming(valuesOf('content-length'), encodings)
}

const isHost = (text: string, name: string): boolean => normalizeName(text.replace(/:80$/, '')) === name

const isTarget = (target: string, name: string): boolean => {
  if (target.startsWith('/') || target === '*') return true
  const absolute = /^http:\/\/([^/?#]+)(?:[/?#]|$)/i.exec(target)
  return absolute !== null && isHost(absolute[1] ?? '', name)
}

const bodyFraming = (
  lengths: readonly string[],
  encodings: readonly string[],
): State | { refuse: string } => {
  if (lengths.length + encodings.length > 1) return { refuse: 'http-framing' }
  if (encodings.length === 1)
    return encodings[0]?.toLowerCase() === 'chunked' ? { kind: 'chunk-size' } : { refuse: 'http-framing' }
  const length = lengths[0] ?? '0'
  if (!/^\d{1,15}$/.test(length)) return { refuse: 'http-framing' }
  return Number(length) === 0 ? { kind: 'head' } : { kind: 'body', left: Number(length) }
}

/** Extensions are not accepted. */
const readChunkSize = (bytes: Buffer): Step => {
  const end = bytes.indexOf('\r\n')
  if (end < 0) return bytes.length > 16 ? { refuse: 'http-framing' } : 'more'
  const line = bytes.toString('latin1', 0, end)
  if (!/^[0-9a-fA-F]{1,12}$/.test(line)) return { refuse: 'http-framing' }
  const size = Number.parseInt(line, 16)
  const next: State = size === 0 ? { kind: 'trailer' } : { kind: 'chunk-data', left: size }
  return { used: end + 2, next }
}

const readLineEnd = (bytes: Buffer, next: State): Step => {
  if (bytes.length < 2) return 'more'
  return bytes[0] === 13 && bytes[1] === 10 ? { used: 2, next } : { refuse: 'http-framing' }
}
