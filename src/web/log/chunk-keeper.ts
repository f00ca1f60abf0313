// Chunks of a log with their frames, as many as may be kept; the others are fetched. Gives what a job wrote, and what a chunk
// needs of those before it.
import { concatBytes } from '../../base/bytes.ts'
import type { FollowerFrame } from '../../protocol/live.ts'
import { carryBytesMax, keptChunkBytes } from '../limits.ts'
import type { Chunk } from './chunk-table.ts'
import { carryOf, type RawFrame } from './decode.ts'
import { inflateRaw } from './inflate.ts'
import type { FrameRange } from './messages.ts'
import { unzstd } from './unzstd.ts'

/** The chunk that was asked for is not what the server has. */
export class StaleIndex extends Error {}

export type FetchFrames = (range: FrameRange) => Promise<readonly FollowerFrame[]>

export const createChunkKeeper = (fetchFrames: FetchFrames) => {
  const note = createRoom()
  const underWay = new Map<Chunk, Promise<readonly FollowerFrame[]>>()
  const fetchChunk = async (chunk: Chunk): Promise<readonly FollowerFrame[]> => {
    const { step, seqFrom, seqTo } = chunk
    const frames = await fetchFrames({ step, after: seqFrom - 1, until: seqTo })
    if (!isOf(chunk, frames)) throw new StaleIndex()
    chunk.frames = [...frames]
    note(chunk)
    return frames
  }
  const framesOf = (chunk: Chunk): Promise<readonly FollowerFrame[]> => {
    if (chunk.frames !== null) return Promise.resolve(chunk.frames)
    const flight = underWay.get(chunk) ?? fetchChunk(chunk).finally(() => underWay.delete(chunk))
    underWay.set(chunk, flight)
    return flight
  }
  /** What was inflated last: the chunk that grows and the one before it are asked for again and again. */
  const inflated = new Map<Chunk, Promise<RawFrame>[]>()
  const rawOf = async (chunk: Chunk): Promise<readonly RawFrame[]> => {
    const frames = await framesOf(chunk)
    const raw = inflated.get(chunk) ?? []
    for (const frame of frames.slice(raw.length)) raw.push(toRaw(frame))
    inflated.delete(chunk)
    inflated.set(chunk, raw)
    const oldest = inflated.keys().next().value
    if (inflated.size > inflatedMax && oldest !== undefined) inflated.delete(oldest)
    return Promise.all(raw)
  }
  const bytesOf = async (chunk: Chunk): Promise<Uint8Array> =>
    concatBytes((await rawOf(chunk)).map(({ bytes }) => bytes))
  const carryInto = async (list: readonly Chunk[], at: number): Promise<Uint8Array> => {
    const [before, chunk] = [list[at - 1], list[at]]
    // Nothing goes on across a hole.
    if (before === undefined || before.firstLine + before.lines !== chunk?.firstLine) return new Uint8Array(0)
    const bytes = await bytesOf(before)
    const carry = carryOf(bytes)
    if (carry.isWhole || at === 1) return carry.bytes
    let first = at - 1
    while (first > 0 && list[first]?.lines === 0) first--
    const start = list[first]
    if (start === undefined || first === at - 1) return carry.bytes
    const beginning = carryOf(await bytesOf(start)).bytes
    return concatBytes([beginning, bytes.subarray(Math.max(0, bytes.length - carryBytesMax))])
  }
  /** Frames to where they belong; those that fit no chunk are left to be asked for alone. */
  const fill = (list: readonly Chunk[], frames: readonly FollowerFrame[]): void => {
    const byStep = Map.groupBy(frames, ({ step }) => step)
    for (const chunk of list) {
      const own = (byStep.get(chunk.step) ?? []).filter(
        ({ seq }) => seq >= chunk.seqFrom && seq <= chunk.seqTo,
      )
      if (!isOf(chunk, own)) continue
      chunk.frames = own
      note(chunk)
    }
  }
  return {
    rawOf,
    carryInto,
    note,
    /** Of the chunk and what of its first line stands before it. */
    textOf: async (list: readonly Chunk[], at: number): Promise<string> => {
      const chunk = list[at]
      if (chunk === undefined) return ''
      const bytes = await bytesOf(chunk)
      return new TextDecoder().decode(concatBytes([await carryInto(list, at), bytes]))
    },
    /** Chunks of one step that are not here, in one request. */
    bring: async (list: readonly Chunk[]): Promise<void> => {
      const missing = list.filter(({ frames }) => frames === null)
      const [first, last] = [missing[0], missing.at(-1)]
      if (first === undefined || last === undefined) return
      const range = { step: first.step, after: first.seqFrom - 1, until: last.seqTo }
      fill(missing, await fetchFrames(range))
    },
    fill,
  }
}
export type ChunkKeeper = ReturnType<typeof createChunkKeeper>

const inflatedMax = 3
const toRaw = async ({ firstLine, tMs, codec, body }: FollowerFrame): Promise<RawFrame> => ({
  ...{ firstLine, tMs, bytes: codec === 'zstd' ? unzstd(body) : await inflateRaw(body) },
})

const isOf = (chunk: Chunk, frames: readonly FollowerFrame[]): boolean =>
  frames[0]?.firstLine === chunk.firstLine &&
  frames.reduce((sum, frame) => sum + frame.lines, 0) === chunk.lines

/** Notes a chunk whose frames are here; those that were noted first lose theirs when all take too much room. */
const createRoom = () => {
  const kept = new Set<Chunk>()
  return (chunk: Chunk): void => {
    kept.delete(chunk)
    kept.add(chunk)
    let bytes = 0
    for (const { bytes: size } of kept) bytes += size
    for (const oldest of kept) {
      if (bytes <= keptChunkBytes || oldest === chunk) break
      bytes -= oldest.bytes
      oldest.frames = null
      kept.delete(oldest)
    }
  }
}
