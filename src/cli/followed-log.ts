// A log that grows, to its end, also where an answer ends before it: a proxy gives up one that is silent for a minute, and servers are
// started again. It is asked for from its beginning then, and what was there before is left out, step by step: a log that is over may
// stand in another order than it came in, but not a step of it.
import { promisify } from 'node:util'
import { inflateRaw, zstdDecompress } from 'node:zlib'
import { fault } from '../base/faults.ts'
import { type FollowerFrame, parseFollowerFrame } from '../protocol/live.ts'
import { createPatience } from './api/patience.ts'
import { linesOf } from './log-lines.ts'
import type { Surroundings } from './surroundings.ts'

type Ask = () => Promise<AsyncIterable<Uint8Array>>
type Around = Pick<Surroundings, 'interrupted'>

/** What the jobs wrote; `ask` is for frames. */
export const followBytes = (around: Around, ask: Ask): AsyncGenerator<Uint8Array> => {
  const seen = new Map<number, number>()
  return toTheEnd(around, async function* () {
    const known = new Map(seen)
    for await (const frame of framesOf(await ask())) {
      const { step } = frame
      const bytes = await inflate(frame)
      const before = known.get(step) ?? 0
      known.set(step, Math.max(0, before - bytes.length))
      if (bytes.length <= before) continue
      seen.set(step, (seen.get(step) ?? 0) + bytes.length - before)
      yield bytes.subarray(before)
    }
  })
}

/** JSON lines; `ask` is for these. Of a line that came in pieces those before the break may come again. */
export const followLines = (around: Around, ask: Ask): AsyncGenerator<Uint8Array> => {
  const seen = new Map<number, number>()
  return toTheEnd(around, async function* () {
    for await (const json of linesOf(await ask())) {
      // SAFE: the server writes it by its own shape (server/http/log-download.ts).
      const { step, line, more } = JSON.parse(json) as { step: number; line: number; more?: true }
      if (line <= (seen.get(step) ?? 0)) continue
      if (more !== true) seen.set(step, line)
      yield Buffer.from(`${json}\n`)
    }
  })
}

const toTheEnd = async function* (
  around: Around,
  read: () => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const patience = createPatience(around)
  for (;;) {
    try {
      for await (const piece of read()) {
        patience.answered()
        yield piece
      }
      return
    } catch (error) {
      if (around.interrupted.aborted) throw error
      await patience.bear(error)
    }
  }
}

/** A frame holds at most 256 KiB of what a job wrote, a chunk of a finished log one MiB. */
const frameBytesMax = 1024 * 1024
const inflaters = { 'deflate-raw': promisify(inflateRaw), zstd: promisify(zstdDecompress) } as const

const inflate = ({ codec, body }: FollowerFrame): Promise<Buffer> =>
  inflaters[codec](body, { maxOutputLength: frameBytesMax })

/** `u32 length + frame` each. */
const framesOf = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<FollowerFrame> {
  let rest = Buffer.alloc(0)
  for await (const piece of source) {
    rest = Buffer.concat([rest, piece])
    while (rest.length >= 4) {
      const end = 4 + rest.readUInt32BE(0)
      if (end > 2 * frameBytesMax) throw noFrame()
      if (rest.length < end) break
      const frame = parseFollowerFrame(rest.subarray(4, end))
      if (frame === null) throw noFrame()
      yield frame
      rest = rest.subarray(end)
    }
  }
}

const noFrame = () => fault('E_PROTOCOL', { public: 'what the server sent of the log is no frame of one' })
