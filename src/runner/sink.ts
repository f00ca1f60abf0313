// Where an attempt tells what happens: log bytes and events. The server session turns them into sealed frames,
// `mayfly run` into lines on a terminal; the attempt knows neither.
import { Writable } from 'node:stream'
import type { AttemptEvent, PlanResult } from '../protocol/runner-wire.ts'
import type { UsageSeries } from '../protocol/usage-series.ts'

/** An event before it has its number and time. */
export type EventBody = AttemptEvent extends infer E
  ? E extends AttemptEvent
    ? Omit<E, 'seq' | 'atMs'>
    : never
  : never

/** Of one file. The bytes are the caller's again when it returns. */
export interface FileWatch {
  write(bytes: Uint8Array): void
  end(): void
}

export interface AttemptSink {
  /** Bytes of a step, in order. They are the caller's again when it returns. A promise means: no more until it resolves. */
  output(step: number, bytes: Uint8Array): Promise<void> | undefined
  event(event: EventBody): void
  /** What the attempt used so far is told by this, whoever wants to know; absent: nobody does. */
  sampling?(read: () => UsageSeries | null): void
  /** Text of the job on its way elsewhere, with its secrets masked; absent where it has none. */
  mask?(text: string): string
  /** Looks for its secrets in a file of the job that goes elsewhere; absent where it has none. */
  watch?(): FileWatch | undefined
  /** The plan, while its attempt goes on. Resolves when it is told or cannot be: the end of the attempt tells it again. */
  planned?(result: PlanResult): Promise<void>
}

/** Our own words in a step's log. */
export const say = (sink: AttemptSink, step: number, text: string): Promise<void> | undefined =>
  sink.output(step, new TextEncoder().encode(`${text}\n`))

/** A stream that gives everything to `print` with its back-pressure. */
export const outputTo = (print: (bytes: Uint8Array) => Promise<void> | undefined): Writable =>
  new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      const wait = print(chunk)
      if (wait === undefined) done()
      else wait.then(() => done(), done)
    },
  })

/** The same, which also keeps the last `bytesMax` to read afterwards. */
export const tailStream = (
  print: (bytes: Uint8Array) => Promise<void> | undefined,
  bytesMax: number,
): { stream: Writable; text(): string } => {
  let tail = Buffer.alloc(0)
  const stream = outputTo((bytes) => {
    tail = Buffer.concat([tail, bytes]).subarray(-bytesMax)
    return print(bytes)
  })
  return { stream, text: () => tail.toString('utf8') }
}

/** A stream that keeps the first `limitBytes` and drops the rest. */
export const gatherStream = (limitBytes: number): { stream: Writable; bytes(): Buffer } => {
  const chunks: Buffer[] = []
  let size = 0
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      const part = chunk.subarray(0, limitBytes - size)
      size += part.length
      if (part.length > 0) chunks.push(Buffer.from(part))
      done()
    },
  })
  return { stream, bytes: () => Buffer.concat(chunks) }
}
