// Follower frames to raw bytes, in order. The browser inflates deflate-raw by itself.
import type { FollowerFrame } from '../../protocol/live.ts'
import { parseFollowerFrame } from '../../protocol/live.ts'
import { frameRawBytesMax } from '../limits.ts'
import type { RawFrame } from './book.ts'

export const inflateFrame = async (frame: FollowerFrame): Promise<RawFrame> => ({
  seq: frame.seq,
  step: frame.step,
  firstLine: frame.firstLine,
  tMs: frame.tMs,
  bytes: await inflateRaw(frame.deflated),
})

/** `u32 length + frame` each, as the HTTP log answers (`format=frames`); stops at the first that is cut off. */
export const splitFrames = (bytes: Uint8Array): readonly FollowerFrame[] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const frames: FollowerFrame[] = []
  let at = 0
  while (at + 4 <= bytes.length) {
    const end = at + 4 + view.getUint32(at)
    const frame = end <= bytes.length ? parseFollowerFrame(bytes.subarray(at + 4, end)) : null
    if (frame === null) break
    frames.push(frame)
    at = end
  }
  return frames
}

const inflateRaw = async (deflated: Uint8Array): Promise<Uint8Array> => {
  // SAFE: frames come over fetch or a WebSocket; neither gives shared memory.
  const input = new Blob([deflated as Uint8Array<ArrayBuffer>])
  const reader = input.stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader()
  const out = new Uint8Array(await new Response(collect(reader)).arrayBuffer())
  return out
}

/** Bounded: a frame that inflates to more than the protocol allows is cut there. */
const collect = (
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> => {
  let total = 0
  return new ReadableStream({
    pull: async (controller) => {
      const { done, value } = await reader.read()
      const isOver = done || total >= frameRawBytesMax
      if (isOver) {
        controller.close()
        if (!done) await reader.cancel()
        return
      }
      total += value.length
      controller.enqueue(value)
    },
  })
}
