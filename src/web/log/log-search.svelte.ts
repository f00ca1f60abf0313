// Going through a log by what is written in it: a text, a regular expression, or whatever looks like a failure.
import { untrack } from 'svelte'
import { failureWords } from '../../protocol/log-words.ts'
import { compileQuery, type Query } from '../../protocol/terminal/search.ts'
import type { LogFeed } from './feed.svelte.ts'
import type { LineAt } from './messages.ts'

const failures: Query = { text: failureWords.source, isRegex: true, matchCase: false }
/** Typing rests for so long before a million lines are looked through. */
const typingMs = 250

export const createLogSearch = (
  feed: LogFeed,
  go: { readonly here: () => LineAt; readonly to: (at: LineAt) => void },
) => {
  let words = $state('')
  let isRegex = $state(false)
  let matchCase = $state(false)
  let query = $state.raw<Query | null>(null)
  let current = $state(-1)
  let typing = 0
  /** Where the first match is wanted, until there is one. */
  let wanted: { readonly from: LineAt; readonly by: 1 | -1 } | null = null

  const matches = $derived(feed.found?.matches ?? [])
  const isProven = $derived((feed.found?.searched ?? 0) > 0 && feed.found?.problem !== 'too-slow')
  const pattern = $derived(query === null || !isProven ? null : compileQuery(query))
  const show = (at: number) => {
    current = at
    const match = matches[at]
    if (match !== undefined) go.to(match)
  }
  const start = (next: Query | null, by: 1 | -1) => {
    clearTimeout(typing)
    query = next
    current = -1
    wanted = { from: go.here(), by }
    feed.find(next)
  }
  const typed = (): Query | null => (words === '' ? null : { text: words, isRegex, matchCase })

  $effect(() => {
    const isDone = (feed.found?.searched ?? 0) >= 1
    if (matches.length === 0 || wanted === null) return
    const { from, by } = wanted
    const after = matches.findIndex((match) => isBehind(match, from))
    // Backwards the last one before is known when all were looked at.
    if (!isDone && (by === -1 || after === -1)) return
    wanted = null
    const before = (after === -1 ? matches.length : after) - 1
    untrack(() => show(by === 1 ? Math.max(after, 0) : (before + matches.length) % matches.length))
  })

  const step = (by: 1 | -1) => {
    if (matches.length > 0 && current !== -1) show((current + by + matches.length) % matches.length)
  }
  return {
    get words() {
      return words
    },
    set words(value: string) {
      words = value
      clearTimeout(typing)
      typing = window.setTimeout(() => start(typed(), 1), typingMs)
    },
    get isRegex() {
      return isRegex
    },
    set isRegex(value: boolean) {
      isRegex = value
      start(typed(), 1)
    },
    get matchCase() {
      return matchCase
    },
    set matchCase(value: boolean) {
      matchCase = value
      start(typed(), 1)
    },
    get current() {
      return current
    },
    get currentLine() {
      return matches[current] ?? null
    },
    /** What lines on screen are marked by: nothing that the worker has not shown to come to an end. */
    get pattern() {
      return pattern
    },
    get isOn() {
      return query !== null
    },
    get isOfFailures() {
      return query === failures
    },
    /** To the next or previous match; starts the search when what is typed has not been looked for. */
    move: (by: 1 | -1) => {
      const isNew = words !== '' && (query === null || query === failures || query.text !== words)
      if (isNew) start(typed(), by)
      else step(by)
    },
    failure: (by: 1 | -1) => {
      if (query === failures) step(by)
      else start(failures, by)
    },
    clear: () => {
      words = ''
      start(null, 1)
    },
    close: () => clearTimeout(typing),
  }
}
export type LogSearch = ReturnType<typeof createLogSearch>

const isBehind = (one: LineAt, other: LineAt): boolean =>
  one.step === other.step ? one.line >= other.line : one.step > other.step
