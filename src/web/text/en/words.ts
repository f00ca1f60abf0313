// Words that every area uses: the statuses, and numbers with their noun.
import type { Status } from '../../../protocol/api/shapes.ts'
import type { CacheHit } from '../../../protocol/stored-object.ts'

export const locale = 'en'

const plural = new Intl.PluralRules(locale)
/** `1 job`, `3 jobs`. */
export const count = (n: number, one: string, many: string): string =>
  `${n.toLocaleString(locale)} ${plural.select(n) === 'one' ? one : many}`

export const statusWords: Readonly<Record<Status, string>> = {
  waiting: 'waiting',
  queued: 'queued',
  on_hold: 'on hold',
  running: 'running',
  passed: 'passed',
  unstable: 'unstable',
  failed: 'failed',
  timed_out: 'timed out',
  errored: 'errored',
  cancelled: 'cancelled',
  skipped: 'skipped',
}

/** What a step that restores a cache found. */
export const cacheWords: Readonly<Record<CacheHit, string>> = {
  exact: 'cache hit',
  prefix: 'cache hit by prefix',
  miss: 'cache miss',
}
