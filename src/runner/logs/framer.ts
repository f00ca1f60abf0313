// Log bytes of one attempt in, sealed MFL1 frames out (foundation.md §3, performance.md §5.5, §5.7). There is no work
// per line: line ends are counted with indexOf. Output after silence leaves at once, a stream leaves in pieces.
import { constants, zstdCompressSync } from 'node:zlib'
import type { Clock } from '../../base/clock.ts'
import type { AttemptId } from '../../base/ids.ts'
import type { FrameHeader } from '../../protocol/frames.ts'
import { type GcmSeal, sealFrame } from '../../seal/index.ts'
import {
  compressInlineBytes,
  frameRawBytes,
  unsealedLogBytesMax,
  unwatchedFlushMs,
  watchedFlushMs,
} from '../limits.ts'
import { createZstd, plainFrameBytes, zstdPlain } from './zstd.ts'

export type SealedFrame = { readonly seq: number; readonly bytes: Uint8Array; readonly rawBytes: number }

export type FramerDeps = {
  readonly attempt: AttemptId
  /** Output may come before its key is made: frames wait for it. */
  readonly key: Promise<GcmSeal>
  readonly clock: Clock
  /** Gets every frame once, in the order of `seq`. */
  readonly emit: (frame: SealedFrame) => void
}

export interface Framer {
  /** The bytes are the caller's again when it returns. */
  write(step: number, bytes: Uint8Array): void
  /** A promise while too much is written and not emitted: no more output until it resolves. */
  room(): Promise<void> | undefined
  setWatched(watched: boolean): void
  /** Everything written so far has been emitted; answers the last `seq`. */
  finish(): Promise<number>
  close(): void
}

/** Not of a step: what we say goes along with what a job says, which must not wait behind it on the wire. */
const ourWords = 0

/** `room`: of a frame that is being filled; null when nothing is in it. */
type StepBuffer = { room: Buffer | null; bytes: number; nextLine: number; flushedAtMs: number }

export const createFramer = (deps: FramerDeps): Framer => {
  const { clock } = deps
  const startedMs = clock.monotonicMs()
  const sealer = createSealer(deps)
  const rooms = createRooms()
  const steps = new Map<number, StepBuffer>()
  let seq = 0
  let flushMs = unwatchedFlushMs
  let timer: NodeJS.Timeout | null = null

  const flush = (step: number): void => {
    const buffer = steps.get(step)
    if (buffer?.room == null) return
    const raw = buffer.room.subarray(0, buffer.bytes)
    const lines = countLines(raw)
    const now = clock.monotonicMs()
    const tMs = Math.round(now - startedMs)
    const header = { attempt: deps.attempt, seq: ++seq, step, codec: 'zstd', tMs, lines } as const
    sealer.seal({ ...header, firstLine: buffer.nextLine }, raw, rooms.give)
    Object.assign(buffer, { room: null, bytes: 0, nextLine: buffer.nextLine + lines, flushedAtMs: now })
  }
  const flushAll = (): void => {
    if (timer !== null) clearTimeout(timer)
    timer = null
    for (const step of steps.keys()) flush(step)
  }
  const flushLater = (): void => {
    timer ??= setTimeout(flushAll, flushMs)
  }

  return {
    write: (step, bytes) => {
      const buffer = steps.get(step) ?? emptyBuffer()
      steps.set(step, buffer)
      const isQuiet = step !== ourWords && clock.monotonicMs() - buffer.flushedAtMs >= flushMs
      for (let at = 0; at < bytes.length; ) {
        const part = bytes.subarray(at, at + frameRawBytes - buffer.bytes)
        buffer.room = rooms.withRoom(buffer, part.length)
        buffer.room.set(part, buffer.bytes)
        buffer.bytes += part.length
        at += part.length
        if (buffer.bytes < frameRawBytes && !isQuiet) continue
        flush(ourWords)
        flush(step)
      }
      if (buffer.room !== null) flushLater()
    },
    room: sealer.room,
    setWatched: (watched) => {
      flushMs = watched ? watchedFlushMs : unwatchedFlushMs
      if (!watched) return
      for (const step of steps.keys()) if (step !== ourWords) flush(step)
      if (timer !== null) clearTimeout(timer)
      timer = null
      flushLater()
    },
    finish: async () => {
      flushAll()
      await sealer.settled()
      return seq
    },
    close: sealer.close,
  }
}

const emptyBuffer = (): StepBuffer => ({
  ...{ room: null, bytes: 0, nextLine: 1, flushedAtMs: Number.NEGATIVE_INFINITY },
})

/** A log of a few lines takes no memory of a whole frame, of which the collector would hear for each job. */
const smallRoomBytes = 4 * 1024

/** Memory of frames on their way to be compressed, used again: to the collector each would be one more megabyte of waste. */
const createRooms = () => {
  const free: Buffer[] = []
  return {
    /** Of this buffer with what is in it, where so many bytes more fit. */
    withRoom: ({ room, bytes }: StepBuffer, more: number): Buffer => {
      if (room !== null && bytes + more <= room.length) return room
      const whole = free.pop()
      if (whole === undefined && room === null && more <= smallRoomBytes)
        return Buffer.allocUnsafeSlow(smallRoomBytes)
      const larger = whole ?? Buffer.allocUnsafeSlow(frameRawBytes)
      room?.copy(larger, 0, 0, bytes)
      return larger
    },
    give: ({ buffer }: Uint8Array): void => {
      if (buffer.byteLength === frameRawBytes) free.push(Buffer.from(buffer))
    },
  }
}

/** Compresses side by side, seals and emits in order. */
const createSealer = ({ key, emit }: Pick<FramerDeps, 'key' | 'emit'>) => {
  const compressor = createCompressor()
  let emitted: Promise<void> = Promise.resolve()
  let unsealedBytes = 0
  const waiting: (() => void)[] = []
  const hasRoom = () => unsealedBytes <= unsealedLogBytesMax
  const wake = () => {
    for (const done of waiting.splice(0)) done()
  }
  return {
    /** `raw` is not looked at again once `onCompressed` was called with it. */
    seal: (header: FrameHeader, raw: Uint8Array, onCompressed: (raw: Uint8Array) => void): void => {
      const { length: rawBytes } = raw
      const compressed = compressor.compress(raw)
      unsealedBytes += rawBytes
      emitted = emitted.then(async () => {
        const packed = await compressed
        onCompressed(raw)
        const bytes = await sealFrame(await key, header, packed)
        unsealedBytes -= rawBytes
        emit({ seq: header.seq, bytes, rawBytes })
        if (hasRoom()) wake()
      })
      // `finish` hears of a failure; output goes on until then.
      emitted.catch(() => {
        unsealedBytes = Number.NEGATIVE_INFINITY
        wake()
      })
    },
    room: (): Promise<void> | undefined =>
      hasRoom() ? undefined : new Promise<void>((done) => waiting.push(done)),
    settled: () => emitted,
    close: compressor.close,
  }
}

const countLines = (bytes: Uint8Array): number => {
  let lines = 0
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines++
  return lines
}

/** A frame that came to its full size by itself is compressed once, as it will be stored (archive.ts). */
export const isStoredForm = (rawBytes: number): boolean => rawBytes >= frameRawBytes

/** Small frames on the spot, others beside the event loop. */
const createCompressor = () => {
  const [live, stored] = [createZstd(liveLevel), createZstd(storedLevel)]
  return {
    compress: (raw: Uint8Array): Promise<Uint8Array> | Uint8Array =>
      raw.length <= plainFrameBytes
        ? zstdPlain(raw)
        : raw.length < compressInlineBytes
          ? zstdCompressSync(raw, { params: { [constants.ZSTD_c_compressionLevel]: liveLevel } })
          : (isStoredForm(raw.length) ? stored : live).compress(raw),
    close: () => {
      live.close()
      stored.close()
    },
  }
}

const liveLevel = 1
const storedLevel = 3
