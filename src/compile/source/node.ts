// YAML as the dialects see it: maps, lists and scalars that know where they stand. Aliases and merges are resolved,
// so nodes may be shared and must never be changed. A scalar keeps its source text until a typed position asks.

import type { Spot } from './file.ts'

export type SourceNode = ScalarNode | MapNode | ListNode

export type ScalarNode = Spot & {
  readonly kind: 'scalar'
  readonly text: string
  /** Written without quotes, so that its text may mean a number, a boolean or null. */
  readonly plain: boolean
  /** Set on values that a dialect computed: they are what they are, whatever their text looks like. */
  readonly computed?: ScalarValue
  /** A value of the pipeline as such, which a text parameter takes whatever its type is. */
  readonly ofPipeline?: true
  /** The outside value with unsafe characters that this text contains, if any (decision 6). */
  readonly untrusted?: string
  readonly templated: boolean
  readonly size: number
}

export type MapNode = Spot & {
  readonly kind: 'map'
  readonly entries: ReadonlyMap<string, Entry>
  /** Whether a text below contains `<<`. */
  readonly templated: boolean
  /** Nodes below and including this one, aliases counted as often as they are used. */
  readonly size: number
}

export type ListNode = Spot & {
  readonly kind: 'list'
  readonly items: readonly SourceNode[]
  readonly templated: boolean
  readonly size: number
}

export type Entry = { readonly key: ScalarNode; readonly value: SourceNode }

export type ScalarValue =
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'integer' | 'float'; readonly value: number }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'null'; readonly value: null }

export const scalarNode = (spot: Spot, text: string, plain: boolean): ScalarNode => ({
  kind: 'scalar',
  file: spot.file,
  start: spot.start,
  end: spot.end,
  text,
  plain,
  templated: text.includes('<<'),
  size: 1,
})

/** A value that a dialect computed, standing where it was asked for. Never scanned for substitutions again. */
export const computedNode = (spot: Spot, computed: ScalarValue, untrusted?: string): ScalarNode => ({
  kind: 'scalar',
  file: spot.file,
  start: spot.start,
  end: spot.end,
  text: computed.value === null ? '' : String(computed.value),
  plain: false,
  computed,
  ...(untrusted === undefined ? {} : { untrusted }),
  templated: false,
  size: 1,
})

export const mapNode = (spot: Spot, entries: ReadonlyMap<string, Entry>): MapNode => {
  let size = 1
  let templated = false
  for (const { key, value } of entries.values()) {
    size += 1 + value.size
    templated ||= key.templated || value.templated
  }
  return { kind: 'map', file: spot.file, start: spot.start, end: spot.end, entries, templated, size }
}

export const listNode = (spot: Spot, items: readonly SourceNode[]): ListNode => {
  let size = 1
  let templated = false
  for (const item of items) {
    size += item.size
    templated ||= item.templated
  }
  return { kind: 'list', file: spot.file, start: spot.start, end: spot.end, items, templated, size }
}

const trueWords = new Set(['true', 'True', 'TRUE', 'yes', 'Yes', 'YES', 'on', 'On', 'ON'])
const falseWords = new Set(['false', 'False', 'FALSE', 'no', 'No', 'NO', 'off', 'Off', 'OFF'])
const nullWords = new Set(['', '~', 'null', 'Null', 'NULL'])
const integerForm = /^[-+]?(0|[1-9][0-9]*)$/
const hexForm = /^0x[0-9a-fA-F]+$/
const floatForm = /^[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$/

/**
 * What a scalar means where any type may stand. Words without quotes that are booleans in YAML 1.1 are booleans (decision
 * record 0044). Timestamps, `1e3`, `010`, `12:30` and `1_000` stay text, and so do `y` and `n` outside of boolean positions.
 */
export const resolveScalar = (node: ScalarNode): ScalarValue => {
  if (node.computed) return node.computed
  const text = node.text
  if (!node.plain) return { type: 'string', value: text }
  if (nullWords.has(text)) return { type: 'null', value: null }
  if (trueWords.has(text)) return { type: 'boolean', value: true }
  if (falseWords.has(text)) return { type: 'boolean', value: false }
  if (integerForm.test(text) || hexForm.test(text)) {
    const value = Number(text)
    if (Number.isSafeInteger(value)) return { type: 'integer', value: value === 0 ? 0 : value }
  }
  if (floatForm.test(text) && Number.isFinite(Number(text))) return { type: 'float', value: Number(text) }
  return { type: 'string', value: text }
}

const yesWords = new Set(['yes', 'on', 'y', 'true'])
const noWords = new Set(['no', 'off', 'n', 'false'])

/** A boolean position: these words in any case count, quoted text does not. */
export const resolveBoolean = (node: ScalarNode): boolean | null => {
  if (node.computed) return node.computed.type === 'boolean' ? node.computed.value : null
  if (!node.plain) return null
  const word = node.text.toLowerCase()
  if (yesWords.has(word)) return true
  return noWords.has(word) ? false : null
}

/** `key:` with nothing after it means that the key is absent. */
export const isNull = (node: SourceNode): boolean =>
  node.kind === 'scalar' &&
  (node.computed ? node.computed.type === 'null' : node.plain && nullWords.has(node.text))

/** The value of a key, or null when it is absent or empty. */
export const entryOf = (map: MapNode, key: string): SourceNode | null => {
  const value = map.entries.get(key)?.value
  return value === undefined || isNull(value) ? null : value
}

/** What a node is, in a reader's words. */
export const describe = (node: SourceNode): string => {
  if (node.kind !== 'scalar') return `a ${node.kind}`
  const { type } = resolveScalar(node)
  if (type === 'null') return 'empty'
  return type === 'integer' ? 'an integer' : type === 'string' ? 'a text' : `a ${type}`
}
