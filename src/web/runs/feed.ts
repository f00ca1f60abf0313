// The list of runs while it is live: known rows change in place, new ones wait until somebody asks for them, so that
// no row jumps under the cursor. Pure.
import type { RunSummary } from '../../protocol/api/shapes.ts'
import { newRunsQueueMax } from '../limits.ts'

export type RunFilters = {
  readonly project: string
  readonly status: string
  readonly branch: string
  readonly commit: string
  readonly event: string
  readonly author: string
  readonly since: string
  readonly until: string
  readonly class: string
  readonly mine: string
}
/** `of`: the filters that its runs fit. Whoever asked for more, or for news, compares them when the answer is there. */
export type Feed = {
  readonly of: RunFilters
  readonly shown: readonly RunSummary[]
  readonly waiting: readonly RunSummary[]
}

export const readFilters = (query: URLSearchParams): RunFilters => ({
  project: query.get('project') ?? '',
  status: query.get('status') ?? '',
  branch: query.get('branch') ?? '',
  commit: query.get('commit') ?? '',
  event: query.get('event') ?? '',
  author: query.get('author') ?? '',
  since: query.get('since') ?? '',
  until: query.get('until') ?? '',
  class: query.get('class') ?? '',
  mine: query.get('mine') ?? '',
})

/** Filters that a row does not tell by itself: news is asked of the server. */
export const needsServer = ({ class: runnerClass, mine, until }: RunFilters): boolean =>
  runnerClass !== '' || mine !== '' || until !== ''

export const noFilters: RunFilters = readFilters(new URLSearchParams())

export const hasFilters = (filters: RunFilters): boolean => Object.values(filters).some((word) => word !== '')

const fits = (run: RunSummary, filters: RunFilters): boolean =>
  (filters.project === '' || run.project.name === filters.project || run.project.id === filters.project) &&
  (filters.status === '' || run.status === filters.status) &&
  (filters.branch === '' || run.event.branch === filters.branch) &&
  (filters.event === '' || run.event.kind === filters.event) &&
  (filters.author === '' || run.event.author === filters.author) &&
  (filters.commit === '' || run.event.commit.startsWith(filters.commit))

/** What the server found for these filters fits them. */
const receiveFitting = (feed: Feed, run: RunSummary): Feed => ({
  ...receiveRun({ ...feed, of: { ...feed.of, class: '', mine: '', until: '' } }, run),
  of: feed.of,
})

/** An older `rev` than the one shown is news from before: it is dropped. */
export const receiveRun = (feed: Feed, run: RunSummary): Feed => {
  const isShown = feed.shown.some((known) => known.id === run.id)
  if (isShown) return { ...feed, shown: replaceNewer(feed.shown, run) }
  if (feed.waiting.some((known) => known.id === run.id))
    return { ...feed, waiting: replaceNewer(feed.waiting, run) }
  if (needsServer(feed.of) || !fits(run, feed.of)) return feed
  return { ...feed, waiting: [run, ...feed.waiting].slice(0, newRunsQueueMax) }
}

/** What was fetched anew: rows that are shown are updated, unknown ones above them wait. */
export const receivePage = (feed: Feed, page: readonly RunSummary[]): Feed =>
  page.toReversed().reduce(receiveFitting, feed)

/** The page below: an old run that changed is in it, too, and may have been told of before. */
export const receiveOlder = (feed: Feed, page: readonly RunSummary[]): Feed => {
  const isBelow = ({ id }: RunSummary) => page.some((run) => run.id === id)
  return {
    ...feed,
    shown: newestFirst([...feed.shown, ...page, ...feed.waiting.filter(isBelow)]),
    waiting: feed.waiting.filter((run) => !isBelow(run)),
  }
}

export const showWaiting = (feed: Feed): Feed => ({
  ...feed,
  shown: newestFirst([...feed.waiting, ...feed.shown]),
  waiting: [],
})

/** Each once, as its last change left it. */
const newestFirst = (runs: readonly RunSummary[]): readonly RunSummary[] =>
  [...Map.groupBy(runs, ({ id }) => id).values()]
    .map((same) => same.reduce((one, other) => (other.rev > one.rev ? other : one)))
    .sort((a, b) => (a.id < b.id ? 1 : -1))

const replaceNewer = (list: readonly RunSummary[], run: RunSummary): readonly RunSummary[] =>
  list.map((known) => (known.id === run.id && known.rev <= run.rev ? run : known))
