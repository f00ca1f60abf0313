// Bytes that a cell writes, read by a conversation: a line, then so many bytes, then a line. Hostile: bounded in all, and
// nothing is waited for that can no longer come.
import { Writable } from 'node:stream'

export interface Inbox {
  readonly stream: Writable
  /** null: the cell has ended or said too much before it was complete, or no line. Without its line end. */
  line(): Promise<string | null>
  bytes(count: number): Promise<Buffer | null>
  /** Nothing more comes. */
  end(): void
}

/** No line that anybody waits for is as long. */
const lineBytesMax = 1_024

export const createInbox = (limitBytes: number): Inbox => {
  let chunks: Buffer[] = []
  let size = 0
  let allowance = limitBytes
  let over = false
  let wake: () => void = () => undefined

  const cut = (count: number): Buffer => {
    const all = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
    chunks = [all.subarray(count)]
    size -= count
    return all.subarray(0, count)
  }
  const cutLine = (): string | null => {
    if (chunks.length > 1) chunks = [Buffer.concat(chunks)]
    const end = chunks[0]?.subarray(0, lineBytesMax).indexOf(10) ?? -1
    // Each piece of a line that never ends would be looked at with all before it.
    if (end === -1 && size >= lineBytesMax) stop()
    return end === -1 ? null : cut(end + 1).toString('utf8', 0, end)
  }
  const until = async <T>(attempt: () => T | null): Promise<T | null> => {
    for (;;) {
      const found = attempt()
      if (found !== null || over) return found
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const stop = () => {
    over = true
    wake()
  }
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      allowance -= chunk.length
      if (allowance < 0) stop()
      else {
        chunks.push(chunk)
        size += chunk.length
        wake()
      }
      done()
    },
  })
  return {
    stream,
    line: () => until(cutLine),
    bytes: (count) => until(() => (size < count ? null : cut(count))),
    end: stop,
  }
}
