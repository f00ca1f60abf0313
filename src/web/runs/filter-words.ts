// The filters of the list in words, for a list that has nothing and for the name of a view.
import type { Status } from '../../protocol/api/shapes.ts'
import { text } from '../text/en.ts'
import type { RunFilters } from './feed.ts'

export const filterWords = (filters: RunFilters): readonly string[] => {
  const { commit, event, mine, status } = filters
  const named: readonly (readonly [string, string])[] = [
    [text.runs.filterProject, filters.project],
    [text.runs.filterStatus, text.status[status as Status] ?? status],
    [text.runs.filterBranch, filters.branch],
    [text.runs.filterEvent, text.event[event] ?? event],
    [text.runs.filterAuthor, filters.author],
    [text.runs.filterClass, filters.class],
    [text.runs.filterSince, filters.since],
    [text.runs.filterUntil, filters.until],
  ]
  return [
    ...(mine === '' ? [] : [text.runs.mine]),
    ...named.flatMap(([name, value]) => (value === '' ? [] : [`${name}: ${value}`])),
    ...(commit === '' ? [] : [text.runs.commitFilter(commit.slice(0, 10))]),
  ]
}
