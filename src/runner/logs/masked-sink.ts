// The sink of an attempt that holds secrets: everything that a job can put words into goes through its masker, the log as
// one stream for each step. An attempt without secrets keeps the sink it has.
import type { AttemptSink, EventBody } from '../sink.ts'
import type { MaskedStream, Masker } from './mask.ts'

export interface MaskedSink extends AttemptSink {
  /** Says what was kept back of every step. */
  flush(): void
}

export const createMaskedSink = (sink: AttemptSink, masker: Masker): MaskedSink => {
  const streams = new Map<number, MaskedStream>()
  const streamOf = (step: number): MaskedStream => {
    const stream = streams.get(step) ?? masker.stream()
    streams.set(step, stream)
    return stream
  }
  const end = (step: number): void => {
    const rest = streams.get(step)?.flush()
    // A few bytes: whoever writes next waits for room.
    if (rest !== undefined && rest.length > 0) void sink.output(step, rest)
    streams.delete(step)
  }
  const flush = (): void => {
    for (const step of streams.keys()) end(step)
  }
  return {
    output: (step, bytes) => {
      const masked = streamOf(step).write(bytes)
      return masked.length === 0 ? undefined : sink.output(step, masked)
    },
    event: (event) => {
      if (event.kind === 'step-finished') end(event.step)
      // The log is packed from here on.
      if (event.kind === 'phase' && event.phase === 'closing') flush()
      sink.event(maskEvent(event, masker))
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
