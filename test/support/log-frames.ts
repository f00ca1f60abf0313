// Frames of a log as `format=frames` answers them: text of a job, piece by piece.
import { deflateRawSync } from 'node:zlib'
import { encodeFollowerFrame } from '../../src/protocol/live.ts'

type Piece = { readonly text: string; readonly step?: number; readonly firstLine?: number }

export const logFrames = (pieces: readonly Piece[]): Buffer =>
  Buffer.concat(
    pieces.flatMap(({ text, step = 3, firstLine = 1 }, i) => {
      const bytes = encodeFollowerFrame({
        ...{ attempt: `att_${'0'.repeat(26)}`, seq: i + 1, step, firstLine, tMs: 0 },
        ...{ lines: text.split('\n').length - 1, codec: 'deflate-raw', body: deflateRawSync(text) },
      })
      const length = Buffer.alloc(4)
      length.writeUInt32BE(bytes.length)
      return [length, bytes]
    }),
  )
