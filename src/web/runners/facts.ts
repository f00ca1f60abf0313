// What a runner said about itself, field by field: it is a machine's own word, so nothing is taken for granted. Pure.
import { text } from '../text/en.ts'

export type RunnerFactsView = {
  readonly rows: readonly { readonly name: string; readonly value: string }[]
  readonly weak: readonly string[]
}

export const viewFacts = (facts: Readonly<Record<string, unknown>>): RunnerFactsView => {
  const words = text.runners
  const images = textOf(facts.images)
  const tier = textOf(facts.tier)
  const rows = [
    {
      name: words.isolation,
      value: [textOf(facts.driver), text.tier[tier] ?? tier].filter(Boolean).join(', '),
    },
    { name: words.slots, value: typeof facts.slots === 'number' ? String(facts.slots) : '' },
    { name: words.classes, value: wordsOf(facts.classes).join(', ') },
    { name: words.network, value: wordsOf(facts.egress).join(', ') },
    { name: words.images, value: words.imagesWords[images] ?? images },
    { name: words.version, value: textOf(facts.version) },
  ]
  return { rows: rows.filter((row) => row.value !== ''), weak: wordsOf(facts.weak) }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const wordsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((word) => typeof word === 'string') : []
