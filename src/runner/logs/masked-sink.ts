// The sink of an attempt that holds secrets: everything that a job can put words into goes through its masker, the log as
// one stream for each step. An attempt without secrets keeps the sink it has.
import type { AttemptSink, EventBody } from '../sink.ts'
import { createLeakScan, type LeakStream } from './leak-scan.ts'
import type { MaskedSecret, MaskedStream, Masker } from './mask.ts'

export interface MaskedSink extends AttemptSink {
  /** Says what was kept back of every step. */
  flush(): void
}

/** `onLeak` hears of secrets that are packed in the log or in a file, where they cannot be masked; more than once. */
export const createMaskedSink = (
  sink: AttemptSink,
  masker: Masker,
  onLeak: (secret: MaskedSecret) => void,
): MaskedSink => {
  const streams = new Map<number, { readonly mask: MaskedStream; readonly leaks: LeakStream }>()
  const newScan = () => createLeakScan((bytes) => masker.look(bytes, onLeak))
  const [scan, scanOfFiles] = [newScan(), newScan()]
  const streamOf = (step: number) => {
    const stream = streams.get(step) ?? { mask: masker.stream(), leaks: scan.stream() }
    streams.set(step, stream)
    return stream
  }
  const say = (step: number, masked: Uint8Array, leaks: LeakStream): Promise<void> | undefined => {
    if (masked.length === 0) return undefined
    leaks.write(masked)
    return sink.output(step, masked)
  }
  const end = (step: number): void => {
    const stream = streams.get(step)
    if (stream === undefined) return
    // A few bytes: whoever writes next waits for room.
    void say(step, stream.mask.flush(), stream.leaks)
    stream.leaks.end()
    streams.delete(step)
  }
  const flush = (): void => {
    for (const step of streams.keys()) end(step)
  }
  return {
    output: (step, bytes) => {
      const { mask, leaks } = streamOf(step)
      return say(step, mask.write(bytes), leaks)
    },
    event: (event) => {
      if (event.kind === 'step-finished') end(event.step)
      // The log is packed from here on.
      if (event.kind === 'phase' && event.phase === 'closing') flush()
      sink.event(maskEvent(event, masker))
    },
    sampling: (read) => sink.sampling?.(read),
    mask: masker.text,
    watch: () => {
      const [open, packed, further] = [masker.stream(onLeak), scanOfFiles.stream(), sink.watch?.()]
      return {
        write: (bytes) => {
          packed.write(open.write(bytes))
          further?.write(bytes)
        },
        end: () => {
          packed.write(open.flush())
          packed.end()
          further?.end()
        },
      }
    },
    flush,
  }
}

const maskEvent = (event: EventBody, { text }: Masker): EventBody => {
  switch (event.kind) {
    case 'step-started':
      return { ...event, name: text(event.name) }
    case 'step-finished':
      return { ...event, message: event.message === null ? null : text(event.message) }
    case 'note':
      return { ...event, text: text(event.text) }
    case 'egress':
      return {
        ...event,
        records: event.records.map((record) => ({
          ...record,
          host: text(record.host).slice(0, hostCharactersMax),
          why: text(record.why).slice(0, hostCharactersMax),
        })),
      }
    case 'alarm':
    case 'phase':
    case 'usage':
      return event
  }
}

/** What the server takes; a name for a secret may be longer than the secret. */
const hostCharactersMax = 256
