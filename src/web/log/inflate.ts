// Follower frames that came over HTTP to the bytes a job wrote. The browser inflates deflate-raw by itself.
import type { FollowerFrame } from '../../protocol/live.ts'
import { parseFollowerFrame } from '../../protocol/live.ts'
import { frameRawBytesMax } from '../limits.ts'

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

/** Bounded: what inflates to more than the protocol allows is cut there; what does not inflate is nothing. */
export const inflateRaw = async (deflated: Uint8Array): Promise<Uint8Array> => {
  // SAFE: frames come over fetch, a WebSocket or from the page; none gives shared memory.
  const input = new Blob([deflated as Uint8Array<ArrayBuffer>])
  const reader = input.stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader()
  const parts: Uint8Array<ArrayBuffer>[] = []
  for (let total = 0; total < frameRawBytesMax; ) {
    const next = await reader.read().catch(() => null)
    if (next === null || next.done) break
    total += next.value.length
    parts.push(next.value)
  }
  void reader.cancel().catch(() => undefined)
  return new Uint8Array(await new Blob(parts).arrayBuffer())
}
