// The keys of the log.
import { text } from '../text/en.ts'

export const logKeys = (acts: {
  readonly follow: () => void
  readonly timestamps: () => void
  readonly wrap: () => void
  readonly foldAll: () => void
  readonly top: () => void
  readonly bottom: () => void
  readonly find: (words?: string) => void
  readonly onlyMatches: () => void
  readonly match: (by: 1 | -1) => void
  readonly failure: (by: 1 | -1) => void
}) => [
  { keys: 'l', label: text.keys.follow, run: acts.follow },
  { keys: 's', label: text.keys.timestamps, run: acts.timestamps },
  { keys: 'w', label: text.keys.wrap, run: acts.wrap },
  { keys: 'z', label: text.keys.foldAll, run: acts.foldAll },
  { keys: 'g g', label: text.keys.top, run: acts.top },
  { keys: 'G', label: text.keys.bottom, run: acts.bottom },
  { keys: '/', label: text.keys.find, run: () => acts.find() },
  { keys: ':', label: text.keys.goToLine, run: () => acts.find(':') },
  { keys: 'm', label: text.keys.onlyMatches, run: acts.onlyMatches },
  { keys: 'n', label: text.keys.nextMatch, run: () => acts.match(1) },
  { keys: 'N', label: text.keys.previousMatch, run: () => acts.match(-1) },
  { keys: 'e', label: text.keys.nextError, run: () => acts.failure(1) },
  { keys: 'E', label: text.keys.previousError, run: () => acts.failure(-1) },
]
