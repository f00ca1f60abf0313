// What is in a log that is not packed yet: the headers of its frames stand in the clear in the stored requests. Small frames
// of a step are told as one chunk. A header is proven authentic only when its frame is opened, which whoever asks does next.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { AttemptId } from '../../base/ids.ts'
import { type FrameHeader, frameHeaderBytes, parseFrameHeader } from '../../protocol/frames.ts'
import type { Db } from '../db/database.ts'
import { limits } from '../limits.ts'
import type { LogChunk } from '../log-use-cases.ts'

type Row = { readonly header: Buffer; readonly bytes: number }

/** The first `limits.logIndexFrames` frames above `after`. */
export const readStoredIndex = async (
  db: Db,
  attempt: AttemptId,
  after: number,
): Promise<readonly LogChunk[]> => {
  const { rows } = await sql<Row>`
    select substring(b.body from f.starts[i] + 1 for ${frameHeaderBytes}) as header, f.lengths[i] as bytes
    from log_frames f join log_batches b on b.id = f.batch_id, generate_subscripts(f.starts, 1) as i
    where f.attempt_id = ${attempt} and f.seq_to > ${after} and f.seq_from + i - 1 > ${after}
    order by f.seq_from, i limit ${limits.logIndexFrames}`.execute(db)
  return chunksOf(
    rows.map(({ header, bytes }) => {
      const parsed = parseFrameHeader(header)
      if (parsed === null) throw fault('E_OBJECT_TAMPERED', { detail: `a frame of ${attempt}` })
      return { header: parsed, bytes }
    }),
  )
}

type Indexed = { readonly header: FrameHeader; readonly bytes: number }
type Open = { -readonly [K in keyof LogChunk]: LogChunk[K] }

/** All of them, one statement after another. */
export const readWholeIndex = async (db: Db, attempt: AttemptId): Promise<readonly LogChunk[]> => {
  const all: LogChunk[] = []
  for (let after = 0; ; ) {
    const chunks = await readStoredIndex(db, attempt, after)
    if (chunks.length === 0) return all
    all.push(...chunks)
    after = Math.max(...chunks.map(({ seqTo }) => seqTo))
  }
}

/** In the order of their first frames. */
export const chunksOf = (frames: readonly Indexed[]): readonly LogChunk[] => {
  const open = new Map<number, Open>()
  const chunks: LogChunk[] = []
  for (const { header, bytes } of frames) {
    const { step, seq, firstLine, lines, tMs } = header
    const before = open.get(step)
    const goesOn =
      before !== undefined &&
      before.bytes + bytes <= limits.logIndexChunkBytes &&
      before.firstLine + before.lines === firstLine
    if (goesOn) {
      before.lines += lines
      before.bytes += bytes
      before.seqTo = seq
    } else {
      const chunk = { step, firstLine, lines, bytes, tMs, seqFrom: seq, seqTo: seq }
      open.set(step, chunk)
      chunks.push(chunk)
    }
  }
  return chunks
}
