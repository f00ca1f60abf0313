// The bytes of a report as text, in the encoding that they show: a byte order mark, else the zeros that UTF-16 leaves
// between the letters of its first tag, else what the declaration says (XML 1.0, appendix F), else UTF-8. What is wrong in
// an encoding becomes U+FFFD; nothing here fails.

export type TextOf = {
  write(bytes: Uint8Array): string
  end(): string
}

type Decoder = InstanceType<typeof TextDecoder>

/** As far as a declaration is looked for. */
const declarationBytesMax = 256

export const createTextOf = (): TextOf => {
  let head: Buffer = Buffer.alloc(0)
  let decoder: Decoder | null = null
  return {
    write: (bytes) => {
      if (decoder !== null) return decoder.decode(bytes, { stream: true })
      head = Buffer.concat([head, bytes])
      if (head.length < declarationBytesMax) return ''
      decoder = decoderFor(head)
      return decoder.decode(head, { stream: true })
    },
    end: () => (decoder === null ? decoderFor(head).decode(head) : decoder.decode()),
  }
}

const startsWith = (head: Buffer, ...bytes: readonly number[]): boolean =>
  bytes.every((byte, at) => head[at] === byte)

const decoderFor = (head: Buffer): Decoder => {
  if (startsWith(head, 0xef, 0xbb, 0xbf)) return new TextDecoder()
  if (startsWith(head, 0xff, 0xfe) || startsWith(head, 0x3c, 0)) return new TextDecoder('utf-16le')
  if (startsWith(head, 0xfe, 0xff) || startsWith(head, 0, 0x3c)) return new TextDecoder('utf-16be')
  return declaredDecoder(head.toString('latin1', 0, declarationBytesMax))
}

/** `iso-8859-1` is read as windows-1252, as it is meant nearly everywhere (WHATWG Encoding, 4.2). */
const declaredDecoder = (head: string): Decoder => {
  const label = /^<\?xml\s[^<>]*?\bencoding\s*=\s*["']([\w.:-]+)["']/.exec(head)?.[1] ?? 'utf-8'
  try {
    const decoder = new TextDecoder(label)
    // .NET writes `utf-16` into texts that it then saves as UTF-8: whose declaration can be read here is not UTF-16.
    return decoder.encoding.startsWith('utf-16') ? new TextDecoder() : decoder
  } catch {
    return new TextDecoder()
  }
}
