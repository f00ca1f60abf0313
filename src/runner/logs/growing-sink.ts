// A masked sink whose secrets come while its attempt goes on: identity tokens. Each is known here before a step has it.
// What the mask held back is said when another comes, so a printed token is found unless its own bytes are cut just then.
import type { AttemptSink } from '../sink.ts'
import { createMasker, type MaskedSecret, type Masker } from './mask.ts'
import { createMaskedSink, type MaskedSink } from './masked-sink.ts'

export type GrowingSink = {
  readonly sink: AttemptSink
  add(secrets: readonly MaskedSecret[]): void
  /** Says what was kept back, and overwrites what it knows. */
  close(): void
}

/** Of these the newest are looked for: an older one has expired long since. */
const maskedMax = 64

export const createGrowingSink = (sink: AttemptSink): GrowingSink => {
  let known: readonly MaskedSecret[] = []
  let masker: Masker | null = null
  let masked: MaskedSink | null = null
  const told = new Set<string>()
  const alarm = ({ name }: MaskedSecret): void => {
    if (told.has(name)) return
    told.add(name)
    sink.event({ kind: 'alarm', what: 'leak', secret: name })
  }
  const end = (): void => {
    masked?.flush()
    masker?.close()
    masked = null
    masker = null
  }
  return {
    sink: {
      output: (step, bytes) => (masked ?? sink).output(step, bytes),
      event: (event) => (masked ?? sink).event(event),
      sampling: (read) => sink.sampling?.(read),
      mask: (text) => {
        const own = masker === null ? text : masker.text(text)
        return sink.mask === undefined ? own : sink.mask(own)
      },
      watch: () => (masked ?? sink).watch?.(),
    },
    add: (secrets) => {
      end()
      for (const { value } of known.slice(0, Math.max(0, known.length + secrets.length - maskedMax)))
        value.fill(0)
      known = [...known, ...secrets].slice(-maskedMax)
      masker = createMasker(known)
      masked = masker === null ? null : createMaskedSink(sink, masker, alarm)
    },
    close: () => {
      end()
      for (const { value } of known) value.fill(0)
      known = []
    },
  }
}
