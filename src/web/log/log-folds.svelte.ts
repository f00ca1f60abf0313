// What of a log is folded now: the groups that a job wrote, as the reader opened and closed them; or, while only matches are
// wanted, all other lines. Steps and heights are log-view.svelte, the arithmetic is folds.ts.
import { revealedLines } from '../limits.ts'
import type { LogFeed } from './feed.svelte.ts'
import { type Fold, foldOf, foldsBetween, groupFolds, joinFolds, type Lines } from './folds.ts'
import type { Group } from './groups.ts'
import type { LogSearch } from './log-search.svelte.ts'
import type { LineAt } from './messages.ts'

/** Lines that are shown before and after a match. */
export const aroundChoices = [0, 3, 10] as const
export type Around = (typeof aroundChoices)[number]

const none: readonly Fold[] = []
const visitedMax = 100

export const createLogFolds = (feed: LogFeed, search: LogSearch) => {
  let isFiltered = $state(false)
  let around = $state<Around>(0)
  /** By step and first line; what is not in here is as the group says. */
  let chosen = $state.raw<ReadonlyMap<string, boolean>>(new Map())
  /** What the reader asked to see beside the matches. */
  let revealed = $state.raw<ReadonlyMap<number, readonly Lines[]>>(new Map())

  const isOn = $derived(isFiltered && search.isOn)
  const countOf = (step: number) => feed.drawn.counts.get(step) ?? 0
  /** Where the reader went: what holds it is open, also when that is known later. */
  let visited = $state.raw<readonly LineAt[]>([])
  /** Groups that were drawn before they ended stay open under the reader's eyes. */
  const seenOpen = new Set<string>()
  $effect(() => {
    for (const [step, groups] of feed.groups.of)
      for (const { from, to } of groups) if (to === null) seenOpen.add(`${step} ${from}`)
  })
  const isVisited = (at: number, { from, to }: Group) =>
    visited.some(({ step, line }) => step === at && from <= line && line <= (to ?? line))
  const isFolded = (step: number, group: Group) => {
    const key = `${step} ${group.from}`
    return chosen.get(key) ?? (group.isFolded && !seenOpen.has(key) && !isVisited(step, group))
  }
  const matchesOf = $derived(
    isOn ? Map.groupBy(feed.found?.matches ?? [], ({ step }) => step) : new Map<number, LineAt[]>(),
  )

  const show = (step: number, lines: Lines): void => {
    revealed = new Map([...revealed, [step, [...(revealed.get(step) ?? []), lines]]])
  }
  const wantedOf = (step: number): readonly Lines[] => [
    ...(matchesOf.get(step) ?? []).map(({ line }) => ({ from: line - around, to: line + around })),
    ...(revealed.get(step) ?? []),
  ]
  const foldsOf = (step: number): readonly Fold[] => {
    const missing = feed.missing
      .filter((lines) => lines.step === step)
      .map(({ from, to }) => ({ from, to, kind: 'missing' as const, name: '' }))
    const groups = isOn ? [] : (feed.groups.of.get(step) ?? [])
    if (!isOn && groups.length === 0 && missing.length === 0) return none
    const count = countOf(step)
    const others = isOn
      ? foldsBetween(wantedOf(step), count)
      : groupFolds(groups, { count, isFolded: (group) => isFolded(step, group) })
    return joinFolds([...others, ...missing])
  }
  /** Made once per drawing: heights ask for them again and again. */
  const all = $derived(new Map([...feed.drawn.counts.keys()].map((step) => [step, foldsOf(step)])))

  return {
    /** Only matches are shown, and what stands around them. */
    get isOn() {
      return isOn
    },
    set isOn(on: boolean) {
      isFiltered = on
      revealed = new Map()
    },
    get around() {
      return around
    },
    set around(lines: Around) {
      around = lines
    },
    of: (step: number): readonly Fold[] => all.get(step) ?? none,
    hasMatches: (step: number): boolean => matchesOf.has(step),
    /** The group that a line names, folded or not. */
    groupAt: (step: number, line: number): Group | null =>
      isOn ? null : (feed.groups.of.get(step)?.find((group) => group.from === line) ?? null),
    toggle: (step: number, group: Group): void => {
      chosen = new Map([...chosen, [`${step} ${group.from}`, !isFolded(step, group)]])
    },
    /** Opens what the line stands behind. */
    reveal: (step: number, line: number): void => {
      const fold = foldOf(all.get(step) ?? none, line)
      if (fold?.kind === 'left-out') show(step, { from: line - revealedLines, to: line + revealedLines })
      else {
        visited = [...visited.slice(-visitedMax), { step, line }]
        const around = (feed.groups.of.get(step) ?? []).filter(
          ({ from, to }) => from <= line && line <= (to ?? line),
        )
        const keys = new Set(around.map(({ from }) => `${step} ${from}`))
        chosen = new Map([...chosen].filter(([key]) => !keys.has(key)))
      }
    },
    /** Some of what a filter left out, from both its ends; all of it when that is not much more. */
    showMore: (step: number, { from, to }: Fold): void => {
      if (to - from < 4 * revealedLines) show(step, { from, to })
      else {
        show(step, { from, to: from + revealedLines - 1 })
        show(step, { from: to - revealedLines + 1, to })
      }
    },
  }
}
export type LogFolds = ReturnType<typeof createLogFolds>
