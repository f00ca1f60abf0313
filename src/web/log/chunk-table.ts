// What there is of a log: per step its chunks in order of their lines, whether they are here or only on the server.
import type { LogChunk } from '../../protocol/api/shapes.ts'
import type { FollowerFrame } from '../../protocol/live.ts'
import { liveChunkBytes } from '../limits.ts'
import type { MissingLines } from './messages.ts'

/** `frames`: here, still compressed; null: to be fetched. */
export type Chunk = {
  readonly step: number
  readonly firstLine: number
  lines: number
  readonly seqFrom: number
  seqTo: number
  bytes: number
  frames: FollowerFrame[] | null
}

export const createChunkTable = () => {
  const steps = new Map<number, Chunk[]>()
  let lastSeq = 0

  const chunksOf = (step: number): Chunk[] => {
    const known = steps.get(step) ?? []
    steps.set(step, known)
    return known
  }
  return {
    /** The cursor to resume from. */
    get lastSeq() {
      return lastSeq
    },
    /** What the server tells of; what is above `lastSeq` is new, the rest is known. False: a part of a chunk is here in others. */
    addIndex: (chunks: readonly LogChunk[]): boolean => {
      for (const chunk of chunks) {
        const last = chunksOf(chunk.step).at(-1)
        if (last !== undefined && chunk.seq_to <= last.seqTo) continue
        if (last !== undefined && chunk.seq_from <= last.seqTo) return false
        chunksOf(chunk.step).push({
          ...{ step: chunk.step, firstLine: chunk.first_line, lines: chunk.lines, bytes: chunk.bytes },
          ...{ seqFrom: chunk.seq_from, seqTo: chunk.seq_to, frames: null },
        })
        lastSeq = Math.max(lastSeq, chunk.seq_to)
      }
      return true
    },
    /** Whether it begins with lines that are here: the server packed the log since, and tells of it in larger pieces. */
    overlaps: ({ seq, step, firstLine }: FollowerFrame): boolean => {
      const last = steps.get(step)?.at(-1)
      return seq > lastSeq && last !== undefined && firstLine < last.firstLine + last.lines
    },
    /** A frame as it came; the chunk it is part of, null when it was there already. Small ones share a chunk. */
    addFrame: (frame: FollowerFrame): Chunk | null => {
      if (frame.seq <= lastSeq) return null
      lastSeq = frame.seq
      const { step, firstLine, lines, seq } = frame
      const bytes = frame.body.length
      const last = chunksOf(step).at(-1)
      const goesOn =
        last?.frames != null &&
        last.bytes + bytes <= liveChunkBytes &&
        last.firstLine + last.lines === firstLine
      if (goesOn) {
        last.frames?.push(frame)
        last.lines += lines
        last.bytes += bytes
        last.seqTo = seq
        return last
      }
      const chunk = { step, firstLine, lines, bytes, seqFrom: seq, seqTo: seq, frames: [frame] }
      chunksOf(step).push(chunk)
      return chunk
    },
    clear: (): void => {
      steps.clear()
      lastSeq = 0
    },
    steps: (): readonly number[] => [...steps.keys()].sort((a, b) => a - b),
    chunksOf: (step: number): readonly Chunk[] => steps.get(step) ?? [],
    /** Lines that have ended. */
    endedLines: (step: number): number => {
      const last = steps.get(step)?.at(-1)
      return last === undefined ? 0 : last.firstLine - 1 + last.lines
    },
    /** What the numbers of a step leave out between its chunks. */
    missing: (): readonly MissingLines[] =>
      [...steps].flatMap(([step, chunks]) =>
        chunks.flatMap((chunk, at) => {
          const before = chunks[at - 1]
          const from = before === undefined ? 1 : before.firstLine + before.lines
          return chunk.firstLine > from ? [{ step, from, to: chunk.firstLine - 1 }] : []
        }),
      ),
    /** The chunk in which a line ends, or the last one for the line that has not; -1 when it is nowhere. */
    find: (step: number, line: number): number => {
      const chunks = steps.get(step) ?? []
      let low = 0
      let high = chunks.length
      while (low < high) {
        const middle = (low + high) >> 1
        const chunk = chunks[middle]
        if (chunk !== undefined && chunk.firstLine + chunk.lines > line) high = middle
        else low = middle + 1
      }
      const found = chunks[low] ?? chunks.at(-1)
      if (found === undefined || line < found.firstLine) return -1
      return Math.min(low, chunks.length - 1)
    },
  }
}
export type ChunkTable = ReturnType<typeof createChunkTable>
