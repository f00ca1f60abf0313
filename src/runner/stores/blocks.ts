// What reading and writing tar share: blocks of 512 bytes, taken from a stream in amounts that its reader chooses.

export const blockBytes = 512

/** Of a tar header: its bytes, with spaces where the sum itself stands. A loop, because an archive has many. */
export const checksumOf = (header: Uint8Array): number => {
  let sum = 8 * 32
  for (let at = 0; at < 148; at++) sum += header[at] ?? 0
  for (let at = 156; at < blockBytes; at++) sum += header[at] ?? 0
  return sum
}

export const byteBlocks = (stream: AsyncIterable<Uint8Array>, cutOff: () => Error) => {
  const iterator = stream[Symbol.asyncIterator]()
  let rest: Buffer = Buffer.alloc(0)
  const more = async (): Promise<void> => {
    const next = await iterator.next()
    if (next.done) throw cutOff()
    const { buffer, byteOffset, byteLength } = next.value
    const bytes = Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
  }
  const take = (count: number): Buffer => {
    const taken = rest.subarray(0, count)
    rest = rest.subarray(count)
    return taken
  }
  return {
    exactly: async (count: number): Promise<Buffer> => {
      while (rest.length < count) await more()
      return take(count)
    },
    /** At least one byte. */
    upTo: async (count: number): Promise<Buffer> => {
      while (rest.length === 0) await more()
      return take(count)
    },
    /** Whoever gives the stream learns that no more of it is wanted. */
    close: async (): Promise<void> => void (await iterator.return?.()),
    /** What follows is read and dropped, so that its writer ends well. */
    drain: async (): Promise<void> => {
      rest = Buffer.alloc(0)
      for (let next = await iterator.next(); !next.done; next = await iterator.next());
    },
  }
}
