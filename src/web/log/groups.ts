// Groups that a job wrote into its output so that readers can fold them: GitHub and Azure (`::group::`, `##[group]`), GitLab's
// sections, and headings (`--- words`). Read line by line in the worker; what they do to a page is folds.ts.

import { plainText } from '../../protocol/terminal/search.ts'
import { groupNameCharsMax } from '../limits.ts'

export type GroupMark = {
  readonly line: number
  readonly kind: 'open' | 'close' | 'heading'
  /** Of GitLab's sections, whose ends say which one it is of. */
  readonly id: string | null
  readonly name: string
}

/** Lines `from` … `to`, the first of which names it; `to` null: up to the end of the step. */
export type Group = {
  readonly from: number
  readonly to: number | null
  readonly name: string
  /** Folded until somebody opens it: its writer closed it, so nothing went wrong in there. */
  readonly isFolded: boolean
}

/** Marks in the text of a chunk whose first line is `firstLine`. */
export const groupMarks = (text: string, firstLine: number): readonly GroupMark[] => {
  const marks: GroupMark[] = []
  const plain = plainText(text)
  for (let line = firstLine, at = 0; at < plain.length; line++) {
    const next = plain.indexOf('\n', at)
    const end = next === -1 ? plain.length : next
    const mark = opensMark.has(plain[at] ?? '') ? readMark(plain.slice(at, Math.min(end, at + 1_024))) : null
    if (mark !== null) marks.push({ line, ...mark })
    at = end + 1
  }
  return marks
}

/** Most lines begin with none of these, and cost no more than that. */
const opensMark = new Set([':', '#', '-', '+', '~', '\u001b', 's'])

const sectionMark =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: GitLab hides its marks behind them.
  /^(?:\u001b\[0K)?section_(start|end):\d+:([\w.-]+)(?:\[[^\]]*\])?\r(?:\u001b\[0K)?(.*)/

const readMark = (line: string): Omit<GroupMark, 'line'> | null => {
  const command = /^(?:::|##\[)(end)?group(?:::|\])(.*)/.exec(line)
  if (command !== null)
    return { kind: command[1] === undefined ? 'open' : 'close', id: null, name: nameOf(command[2]) }
  const section = sectionMark.exec(line)
  if (section !== null)
    return {
      kind: section[1] === 'start' ? 'open' : 'close',
      id: section[2] ?? '',
      name: nameOf(section[3] || section[2]),
    }
  const heading = /^(?:---|\+\+\+|~~~) (?!(?:PASS|FAIL|SKIP|BENCH): )(\S.*)/.exec(line)
  return heading === null ? null : { kind: 'heading', id: line.slice(0, 3), name: nameOf(heading[1]) }
}

const nameOf = (words = ''): string => words.trim().slice(0, groupNameCharsMax)

type OpenGroup = { readonly mark: GroupMark; readonly isHeading: boolean }

/** The groups of one step, by their first lines; one may be within another. */
export const groupsOf = (marks: readonly GroupMark[]): readonly Group[] => {
  const groups: Group[] = []
  const open: OpenGroup[] = []
  const end = ({ mark, isHeading }: OpenGroup, to: number | null) => {
    if (to === null || to > mark.line)
      groups.push({ from: mark.line, to, name: mark.name, isFolded: !isHeading && to !== null })
  }
  /** Ends what was opened at `at`, with what is within. */
  const endFrom = (at: number, line: number) => {
    for (const one of open.splice(at)) end(one, line)
  }
  for (const mark of withoutDiffs(marks)) {
    const last = open.length - 1
    if (mark.kind === 'heading' && open[last]?.isHeading) endFrom(last, mark.line - 1)
    if (mark.kind !== 'close') open.push({ mark, isHeading: mark.kind === 'heading' })
    else {
      const at = open.findLastIndex(({ mark: { kind, id } }) => kind === 'open' && id === mark.id)
      if (at !== -1) endFrom(at, mark.line)
    }
  }
  for (const one of open) end(one, null)
  return groups.sort((a, b) => a.from - b.from)
}

/** `--- a` above `+++ b` is how a diff begins, not a heading. */
const withoutDiffs = (marks: readonly GroupMark[]): readonly GroupMark[] =>
  marks.filter((mark, i) => {
    const [before, after] = [marks[i - 1], marks[i + 1]]
    const isOld = mark.id === '---' && after?.id === '+++' && after.line === mark.line + 1
    const isNew = mark.id === '+++' && before?.id === '---' && before.line === mark.line - 1
    return mark.kind !== 'heading' || !(isOld || isNew)
  })
