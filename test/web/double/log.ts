// The scripted log of the double: a plausible test run with colours, progress lines, links, hidden characters and
// one failure, as follower frames. `bigLog` makes as many lines as one asks for.
import { deflateRawSync, inflateRawSync, zstdCompressSync } from 'node:zlib'
import { plain } from '../../../src/protocol/annotations.ts'
import type { ApiFailureLine } from '../../../src/protocol/api/annotations.ts'
import type { Attempt, LogIndex } from '../../../src/protocol/api/shapes.ts'
import { encodeFollowerFrame, parseFollowerFrame } from '../../../src/protocol/live.ts'
import { failureWords } from '../../../src/protocol/log-words.ts'
import { isRed } from '../../../src/protocol/plan.ts'

type Piece = {
  readonly step: number
  readonly text: string
  readonly tMs: number
  /** Lines before it that were never received. */
  readonly lost?: number
}

const script: readonly Piece[] = [
  {
    step: 0,
    tMs: 10,
    text: 'Sandbox ready in 214 ms: namespace driver, 4 GiB of memory, 2 cores\nRunning on the toolchain of the host\n',
  },
  {
    step: 1,
    tMs: 900,
    text: "Cloning into '/home/user/project'...\nHEAD is now at 9f3c2e1 Round prices half to even\n",
  },
  {
    step: 2,
    tMs: 2_200,
    text: '\u001b[2m> web@4.2.0 ci\u001b[0m\nfetching \u001b[33m1%\u001b[0m\rfetching \u001b[33m58%\u001b[0m\rfetching \u001b[32m100%\u001b[0m\n',
  },
  {
    step: 2,
    tMs: 23_000,
    text: 'added 812 packages in 20s\n\u001b[33mwarn\u001b[0m 2 packages are deprecated\n\u001b]8;;https://evil.example\u0007a link that is only text\u001b]8;;\u0007\n'.concat(
      '::group::Audit of 812 packages\n',
      ...Array.from({ length: 40 }, (_, i) => `package ${i + 1} is known\n`),
      '::endgroup::\n--- Licences\nMIT 640, Apache-2.0 131, ISC 41\n',
    ),
  },
  {
    step: 3,
    tMs: 24_000,
    text: [
      '\u001b[1m RUN \u001b[0m test/',
      ...Array.from(
        { length: 60 },
        (_, i) =>
          `\u001b[32m✓\u001b[0m cart.test.ts › keeps ${i + 1} ${i === 0 ? 'item' : 'items'} in order \u001b[90m(${(i * 7) % 23} ms)\u001b[0m`,
      ),
      '',
    ].join('\n'),
  },
  {
    step: 3,
    tMs: 58_000,
    text: '\u001b[41;97m FAIL \u001b[0m test/invoice.test.ts › rounds half to even\n\n  \u001b[31mAssertionError\u001b[0m: expected \u001b[31m10.02\u001b[0m to equal \u001b[32m10.01\u001b[0m\n\n    86 |   const invoice = makeInvoice({ price: 10.005 })\n    87 |   \n  \u001b[31m>\u001b[0m 88 |   expect(invoice.total).toBe(10.01)\n       |                         \u001b[31m^\u001b[0m\n\n  at test/invoice.test.ts:88:25\n  user input was: "admin\u202etxt.exe" \u001b[38;5;52mvery dark red\u001b[0m \u001b[38;2;255;255;0mbright yellow\u001b[0m\n',
  },
  {
    step: 3,
    tMs: 71_000,
    text: 'sh: 1: \u001b[31mreport\u001b[0m: not found\n\u001b[1mTest files\u001b[22m  \u001b[31m1 failed\u001b[39m | 41 passed\n\u001b[1m     Tests\u001b[22m  \u001b[31m1 failed\u001b[39m | 388 passed\n\u001b[1m  Duration\u001b[22m  46.91s\n',
  },
  { step: 4, tMs: 73_000, text: 'Stored 42 files: https://files.example.com/412?by=unit.\n' },
  {
    step: 4,
    tMs: 74_000,
    lost: 120,
    text: 'Stored the report, token=ghp_4Tz9Qw7Lm2Xc8Vb1Nk5Rj3Hd6Fs0Pa4Yt8Ue\n',
  },
]

const framesOf = (attempt: string, pieces: readonly Piece[]): Uint8Array<ArrayBuffer>[] => {
  const lines = new Map<number, number>()
  return pieces.map((piece, i) => {
    const firstLine = (lines.get(piece.step) ?? 0) + (piece.lost ?? 0) + 1
    const ends = piece.text.split('\n').length - 1
    lines.set(piece.step, firstLine - 1 + ends)
    const body = new Uint8Array(deflateRawSync(piece.text))
    return encodeFollowerFrame({
      attempt,
      seq: i + 1,
      step: piece.step,
      firstLine,
      lines: ends,
      tMs: piece.tMs,
      codec: 'deflate-raw',
      body,
    })
  })
}

/** The same frame for who takes zstd. */
export const inZstd = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => {
  const frame = parseFollowerFrame(bytes)
  if (frame === null) throw new Error('not a frame')
  return encodeFollowerFrame({ ...frame, codec: 'zstd', body: zstdCompressSync(inflateRawSync(frame.body)) })
}

export const scriptedFrames = (attempt: string): Uint8Array<ArrayBuffer>[] => framesOf(attempt, script)

export const bigLine = (number: number, isFailure = false): string =>
  isFailure
    ? `\u001b[31mError:\u001b[0m module ${number} does not compile\n`
    : `\u001b[36m[${number}]\u001b[0m compiled module ${(number * 7919) % 9973} without warnings\n`

/** One more frame of a log that grows. */
export const linesFrame = (
  attempt: string,
  of: {
    readonly seq: number
    readonly step: number
    readonly firstLine: number
    readonly tMs: number
    readonly text: string
  },
): Uint8Array<ArrayBuffer> =>
  encodeFollowerFrame({
    ...{ attempt, ...of, lines: of.text.split('\n').length - 1 },
    ...{ codec: 'zstd', body: new Uint8Array(zstdCompressSync(of.text)) },
  })

/** As a finished log is told: chunks of some 1 MiB. Three quarters down one line speaks of a failure. */
export const bigLog = (attempt: string, lines: number): Uint8Array<ArrayBuffer>[] => {
  const perChunk = 16_000
  const failure = Math.ceil((lines * 3) / 4)
  const pieces = Array.from({ length: Math.ceil(lines / perChunk) }, (_, chunk) => ({
    step: 3,
    tMs: chunk * 100,
    text: Array.from({ length: Math.min(perChunk, lines - chunk * perChunk) }, (_, i) => {
      const number = chunk * perChunk + i + 1
      return bigLine(number, number === failure)
    }).join(''),
  }))
  return framesOf(attempt, pieces)
}

/** What the server tells of these frames, each as a chunk, and where `step` first speaks of a failure. */
export const indexOf = (
  frames: readonly Uint8Array[],
  asked: { readonly after: number; readonly complete: boolean; readonly failureIn: number | null },
): LogIndex => {
  const parsed = frames.map((frame) => parseFollowerFrame(frame)!)
  const failure = parsed
    .filter(({ step }) => step === asked.failureIn)
    .flatMap(({ firstLine, body }) => {
      const found = failureWords.exec(inflateRawSync(body).toString())
      return found === null ? [] : [firstLine + found.input.slice(0, found.index).split('\n').length - 1]
    })
  return {
    complete: asked.complete,
    last_seq: parsed.at(-1)?.seq ?? 0,
    first_failure: failure[0] ?? null,
    chunks: parsed
      .filter(({ seq }) => seq > asked.after)
      .map(({ seq, step, firstLine, lines, tMs, body }) => ({
        ...{ step, lines, first_line: firstLine, seq_from: seq, seq_to: seq },
        ...{ t_ms: tMs, bytes: body.length },
      })),
  }
}

/** What the server says of a failed attempt, of the frames it stored. */
export const failureLineOf = (
  frames: readonly Uint8Array[],
  { id, steps, pinned }: Pick<Attempt, 'id' | 'steps' | 'pinned'>,
): ApiFailureLine => {
  const step = steps.find(({ index, status }) => (pinned === null ? isRed(status) : index === pinned.step))
  if (step === undefined) return { attempt_id: id, untrusted: null }
  const { index, name } = step
  const failure = indexOf(frames, { after: 0, complete: true, failureIn: index }).first_failure
  const lines = frames
    .map((frame) => parseFollowerFrame(frame)!)
    .filter((frame) => frame.step === index)
    .flatMap(({ firstLine, body }) =>
      inflateRawSync(body)
        .toString()
        .split('\n')
        .map((raw, i) => ({ line: firstLine + i, text: plain(raw).trim() })),
    )
    .filter(({ text }) => text !== '')
  const wanted = pinned?.line ?? failure
  const found = wanted === null ? lines.at(-1) : lines.find(({ line }) => line === wanted)
  const why = pinned !== null ? 'pinned' : failure === null ? 'end' : 'words'
  return { attempt_id: id, untrusted: found === undefined ? null : { step: { index, name }, ...found, why } }
}

/** `u32 length + frame` each, the body of `?format=frames`. */
export const joinFrames = (frames: readonly Uint8Array[]): Buffer =>
  Buffer.concat(
    frames.flatMap((frame) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(frame.length)
      return [length, frame]
    }),
  )
