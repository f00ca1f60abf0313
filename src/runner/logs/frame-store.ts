// The sealed frames of one attempt until they are packed: in memory, and beyond a bound in a file. What is on disk is as
// sealed as on the wire. Reading gives them in their order and holds a piece of the file at a time.
import { appendFile, open, rm } from 'node:fs/promises'
import { concatBytes } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import { archiveMemoryBytes, archiveReadBytes } from '../limits.ts'

export type StoredFrame = {
  /** Sealed. */
  readonly bytes: Uint8Array
  /** Of what is in it. */
  readonly rawBytes: number
}

export interface FrameStore {
  add(frame: StoredFrame): void
  /** A promise while the file is behind: no more frames until it resolves. */
  room(): Promise<unknown> | undefined
  /** In the order of `add`. */
  frames(): AsyncIterable<StoredFrame>
  close(): Promise<void>
}

export const createFrameStore = (path: string): FrameStore => {
  let memory: StoredFrame[] = []
  let bytes = 0
  let onDisk = false
  let unwritten = 0
  let written: Promise<void> = Promise.resolve()
  const spill = () => {
    const batch = concatBytes(memory.flatMap((frame) => [lengthsOf(frame), frame.bytes]))
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
      bytes += frame.bytes.length
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

const lengthsBytes = 8

/** Before each frame in the file. */
const lengthsOf = ({ bytes, rawBytes }: StoredFrame): Uint8Array => {
  const lengths = new Uint8Array(lengthsBytes)
  const view = new DataView(lengths.buffer)
  view.setUint32(0, bytes.length)
  view.setUint32(4, rawBytes)
  return lengths
}

/** Each frame is a copy of its own, so that a piece of the file is let go as soon as it is read. */
const readFrames = async function* (path: string): AsyncGenerator<StoredFrame> {
  const file = await open(path, 'r')
  try {
    let rest = Buffer.alloc(0)
    for (;;) {
      const piece = Buffer.allocUnsafeSlow(archiveReadBytes)
      const { bytesRead } = await file.read(piece, 0, piece.length)
      if (bytesRead === 0) break
      rest = Buffer.concat([rest, piece.subarray(0, bytesRead)])
      let at = 0
      while (rest.length - at >= lengthsBytes) {
        const end = at + lengthsBytes + rest.readUInt32BE(at)
        if (end > rest.length) break
        const bytes = new Uint8Array(rest.subarray(at + lengthsBytes, end))
        yield { bytes, rawBytes: rest.readUInt32BE(at + 4) }
        at = end
      }
      rest = rest.subarray(at)
    }
    if (rest.length > 0) throw fault('E_DEFECT', { detail: 'the file of sealed frames ends inside of one' })
  } finally {
    await file.close()
  }
}
