// The sealed frames of one attempt until they are packed: in memory, and beyond a bound in a file. What is on disk is as
// sealed as on the wire. Reading gives them in their order and holds a piece of the file at a time.
import { appendFile, open, rm } from 'node:fs/promises'
import { concatBytes } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import { archiveMemoryBytes, archiveReadBytes } from '../limits.ts'

export interface FrameStore {
  add(frame: Uint8Array): void
  /** A promise while the file is behind: no more frames until it resolves. */
  room(): Promise<unknown> | undefined
  /** In the order of `add`. */
  frames(): AsyncIterable<Uint8Array>
  close(): Promise<void>
}

export const createFrameStore = (path: string): FrameStore => {
  let memory: Uint8Array[] = []
  let bytes = 0
  let onDisk = false
  let unwritten = 0
  let written: Promise<void> = Promise.resolve()
  const spill = () => {
    const batch = concatBytes(memory.flatMap((frame) => [lengthOf(frame), frame]))
    memory = []
    bytes = 0
    onDisk = true
    unwritten++
    written = written.then(() => appendFile(path, batch, { mode: 0o600 })).finally(() => unwritten--)
    written.catch(() => undefined)
  }
  return {
    add: (frame) => {
      memory.push(frame)
      bytes += frame.length
      if (bytes > archiveMemoryBytes) spill()
    },
    room: () => (unwritten > 1 ? written : undefined),
    frames: async function* () {
      await written
      if (onDisk) yield* readFrames(path)
      yield* memory
    },
    close: async () => {
      memory = []
      await written.catch(() => undefined)
      if (onDisk) await rm(path, { force: true })
    },
  }
}

const lengthBytes = 4

const lengthOf = (frame: Uint8Array): Uint8Array => {
  const length = new Uint8Array(lengthBytes)
  new DataView(length.buffer).setUint32(0, frame.length)
  return length
}

/** Each frame is a copy of its own, so that a piece of the file is let go as soon as it is read. */
const readFrames = async function* (path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r')
  try {
    let rest = Buffer.alloc(0)
    for (;;) {
      const piece = Buffer.allocUnsafeSlow(archiveReadBytes)
      const { bytesRead } = await file.read(piece, 0, piece.length)
      if (bytesRead === 0) break
      rest = Buffer.concat([rest, piece.subarray(0, bytesRead)])
      let at = 0
      while (rest.length - at >= lengthBytes) {
        const end = at + lengthBytes + rest.readUInt32BE(at)
        if (end > rest.length) break
        yield Uint8Array.from(rest.subarray(at + lengthBytes, end))
        at = end
      }
      rest = rest.subarray(at)
    }
    if (rest.length > 0) throw fault('E_DEFECT', { detail: 'the file of sealed frames ends inside of one' })
  } finally {
    await file.close()
  }
}
