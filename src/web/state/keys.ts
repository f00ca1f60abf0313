// The keyboard: single letters and sequences such as `g r`, the ones of the frame and the ones of the page.
// Off while somebody types, with a modifier, or when a person switched single-letter keys off (WCAG 2.1.4).
import { keySequenceMs } from '../limits.ts'

/** `notACommand`: a move among rows, of no use in a list of commands. `keys`: `j`, `?`, `Escape`, `g r`. The label is for the list that `?` shows. */
export type Binding = {
  readonly keys: string
  readonly label: string
  readonly run: () => void
  readonly notACommand?: true
}

export type KeyPress = {
  readonly key: string
  /** When it was pressed, in milliseconds of a clock that only goes on: a busy page hears of it later. */
  readonly at: number
  readonly isTyping: boolean
  readonly hasModifier: boolean
}

export const createKeys = (deps: { readonly isEnabled: () => boolean }) => {
  const layers: (readonly Binding[])[] = []
  let prefix = ''
  let prefixAt = 0

  const find = (keys: string): Binding | undefined =>
    layers.flatMap((layer) => layer.filter((binding) => binding.keys === keys)).at(-1)
  const startsSequence = (keys: string): boolean =>
    layers.some((layer) => layer.some((binding) => binding.keys.startsWith(`${keys} `)))

  return {
    /** Adds bindings above the present ones; the answer takes them away. */
    add: (bindings: readonly Binding[]): (() => void) => {
      layers.push(bindings)
      return () => {
        const at = layers.indexOf(bindings)
        if (at !== -1) layers.splice(at, 1)
      }
    },
    /** True when the press was used and the browser should not act on it. */
    press: (event: KeyPress): boolean => {
      if (event.isTyping || event.hasModifier) return false
      if (event.key.length === 1 && !deps.isEnabled()) return false
      const isInTime = prefix !== '' && event.at - prefixAt <= keySequenceMs
      const keys = isInTime ? `${prefix} ${event.key}` : event.key
      const binding = find(keys) ?? (isInTime ? find(event.key) : undefined)
      prefix = ''
      if (binding !== undefined) {
        binding.run()
        return true
      }
      if (startsSequence(event.key)) {
        prefix = event.key
        prefixAt = event.at
        return true
      }
      return false
    },
    /** Each key once: what the page means by it, else what the frame does. */
    list: (): readonly Binding[] => [
      ...new Map(layers.flat().map((binding) => [binding.keys, binding])).values(),
    ],
  }
}
export type Keys = ReturnType<typeof createKeys>
