// Frames of one attempt, fresh from their request or from their rows: opened, and for who takes deflate only brought into that form, once, however many follow. A page
// that has frames never changes and is kept for a while; an empty one only answers those who asked before it was read.
import { promisify } from 'node:util'
import { constants, deflateRaw, deflateRawSync, zstdDecompress, zstdDecompressSync } from 'node:zlib'
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { AttemptId } from '../../base/ids.ts'
import { type FrameCodec, frameRawBytesMax } from '../../protocol/frames.ts'
import type { FollowerFrame } from '../../protocol/live.ts'
import { type GcmOpen, openFrame } from '../../seal/index.ts'
import type { Db } from '../db/database.ts'
import { limits } from '../limits.ts'
import type { FreshFrames } from './fresh-frames.ts'

/**
 * Frames above a seq, some of them. `isEnd`: there are none and none will come. `isNewest`: whoever was listening when it
 * asked hears of all that come after these.
 */
export type FramePage = {
  readonly frames: readonly FollowerFrame[]
  readonly isEnd: boolean
  readonly isNewest: boolean
}

export type StoredFrames = {
  /** Take it before a wait is armed: pages that were under way by then do not count as news. */
  mark(): number
  pageAfter(
    attempt: AttemptId,
    options: Opening & { readonly after: number; readonly since: number },
  ): Promise<FramePage>
}

/** `codec`: what the reader takes; whoever takes zstd takes deflate-raw as well. */
type Opening = { readonly key: GcmOpen; readonly codec: FrameCodec }
type Flight = { readonly number: number; readonly page: Promise<FramePage> }

export const createStoredFrames = (db: Db, fresh: FreshFrames): StoredFrames => {
  let flights = 0
  const underWay = new Map<string, Flight>()
  const kept = createPageCache()
  const fly = (name: string, read: () => Promise<FramePage>): Flight => {
    const page = read().finally(() => underWay.delete(name))
    const flight = { number: ++flights, page }
    underWay.set(name, flight)
    return flight
  }
  return {
    mark: () => flights,
    pageAfter: async (attempt, { after, since, ...opening }) => {
      const name = `${attempt} ${after} ${opening.codec}`
      for (;;) {
        const known = kept.find(name)
        if (known !== null) return known
        const { frames, isNewest } = fresh.after(attempt, after)
        const isFresh = frames.length > 0
        const read = () =>
          isFresh ? openPage(attempt, opening, frames) : readPage(db, attempt, { after, ...opening })
        // Who joins a flight of fresh frames must know of the same ones.
        const flightName = isFresh ? `${name} ${frames.length}` : name
        const flight = underWay.get(flightName) ?? fly(flightName, read)
        const page = await flight.page
        if (page.frames.length > 0) kept.keep(name, page)
        if (isFresh) return { ...page, isNewest }
        if (page.frames.length > 0 || page.isEnd || flight.number > since) return page
      }
    },
  }
}

const createPageCache = () => {
  const pages = new Map<string, FramePage>()
  let bytes = 0
  const sizeOf = ({ frames }: FramePage) => frames.reduce((sum, frame) => sum + frame.body.length, 0)
  return {
    find: (name: string): FramePage | null => pages.get(name) ?? null,
    keep: (name: string, page: FramePage): void => {
      if (pages.has(name)) return
      pages.set(name, page)
      bytes += sizeOf(page)
      for (const [oldest, old] of pages) {
        if (bytes <= limits.logPagesCachedBytes || oldest === name) break
        pages.delete(oldest)
        bytes -= sizeOf(old)
      }
    },
  }
}

type Row = {
  readonly isComplete: boolean
  readonly lastSeq: number
  readonly from: number | null
  readonly starts: number[]
  readonly lengths: number[]
  readonly body: Buffer
}

/** Frames above `after` up to `until`, and no others. */
export const readStoredRange = async function* (
  db: Db,
  attempt: AttemptId,
  range: Opening & { readonly after: number; readonly until: number },
): AsyncGenerator<FollowerFrame> {
  for (let { after } = range; after < range.until; ) {
    const { frames } = await readPage(db, attempt, { ...range, after })
    yield* frames
    const last = frames.at(-1)
    if (last === undefined) return
    after = last.seq
  }
}

/** To who was not taken for a follower, or was no longer: never an end that is none. */
const movedOn = 'The log was stored elsewhere while it was read: read it again'
const highestSeq = 2 ** 31 - 1

/** One statement, so one moment: a log that was complete then has no other frames than these. */
const readPage = async (
  db: Db,
  attempt: AttemptId,
  { after, until = highestSeq, ...opening }: Opening & { readonly after: number; readonly until?: number },
): Promise<FramePage> => {
  const { rows } = await sql<Row>`
    select a.log_complete as "isComplete", a.last_seq as "lastSeq", f.* from attempts a left join lateral (
      select f.seq_from as from, f.starts, f.lengths,
        substring(b.body from f.starts[1] + 1 for f.starts[cardinality(f.starts)] + f.lengths[cardinality(f.lengths)] - f.starts[1]) as body
      from log_frames f join log_batches b on b.id = f.batch_id
      where f.attempt_id = a.id and f.seq_to > ${after} and f.seq_from <= ${until}
      order by f.seq_from limit ${limits.logBatchesPerPage}) f on true
    where a.id = ${attempt} order by f.from`.execute(db)
  const sealed = rows.flatMap((row) => slices(row).filter(({ seq }) => seq > after && seq <= until))
  if (sealed.length === 0) {
    const { isComplete, lastSeq } = rows[0] ?? { isComplete: true, lastSeq: after }
    if (isComplete && lastSeq > after) throw fault('E_CONFLICT', { public: movedOn })
    return { frames: [], isEnd: isComplete, isNewest: false }
  }
  return openPage(
    attempt,
    opening,
    sealed.map(({ bytes }) => bytes),
  )
}

const slices = ({ from, starts, lengths, body }: Row) =>
  from === null
    ? []
    : starts.map((start, i) => {
        const at = start - (starts[0] ?? 0)
        return { seq: from + i, bytes: body.subarray(at, at + (lengths[i] ?? 0)) }
      })

const openPage = async (
  attempt: AttemptId,
  opening: Opening,
  sealed: readonly Uint8Array[],
): Promise<FramePage> => ({
  frames: await Promise.all(sealed.map((bytes) => toFollowerFrame(attempt, opening, bytes))),
  isEnd: false,
  isNewest: false,
})

const inflateZstd = promisify(zstdDecompress)
const deflate = promisify(deflateRaw)

const toFollowerFrame = async (
  attempt: AttemptId,
  { key, codec }: Opening,
  bytes: Uint8Array,
): Promise<FollowerFrame> => {
  const opened = await openFrame(key, bytes)
  if (opened === null || opened.header.attempt !== attempt)
    throw fault('E_OBJECT_TAMPERED', { detail: `a frame of ${attempt}` })
  const { header, compressed } = opened
  return {
    attempt,
    seq: header.seq,
    step: header.step,
    firstLine: header.firstLine,
    lines: header.lines,
    tMs: header.tMs,
    ...(header.codec === 'zstd' && codec === 'deflate-raw'
      ? { codec, body: await zstdToDeflate(compressed, frameRawBytesMax) }
      : { codec: header.codec, body: compressed }),
  }
}

/** The one form that every browser opens by itself. A line or two is done sooner than handed to another thread. */
export const zstdToDeflate = async (compressed: Uint8Array, rawBytesMax: number): Promise<Uint8Array> => {
  const level = constants.Z_BEST_SPEED
  if (compressed.length <= limits.smallFrameBytes) {
    const raw = zstdDecompressSync(compressed, { maxOutputLength: rawBytesMax })
    return exactly(deflateRawSync(raw, { level }))
  }
  const raw = await inflateZstd(compressed, {
    maxOutputLength: rawBytesMax,
    chunkSize: limits.inflatePieceBytes,
  })
  return exactly(await deflate(raw, { level, chunkSize: limits.deflatePieceBytes }))
}

/** What zlib gives is a view of a larger piece; what is kept must not keep that. */
const exactly = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes)
