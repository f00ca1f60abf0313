// The dialects' words for sizes and the classes they mean (isolation.md §8), in one table: the server queues by it, the
// runner and `mayfly run` find limits by it, and the compiler warns of what is not in it.

export const classNames = ['tiny', 'small', 'medium', 'large'] as const
export type ClassName = (typeof classNames)[number]

/** Of jobs that name none. */
export const defaultClass: ClassName = 'small'

/**
 * The lane of our own jobs (plans, looks at sources), which come before all others. No size, and no word of a job: whoever named it would
 * come before the jobs of others.
 */
export const builtInClass = 'built-in'

/** CircleCI's sizes (Docker and Linux machines) by what they give there, and our own `tiny`. */
const classes: Readonly<Record<string, ClassName>> = {
  tiny: 'tiny',
  small: 'small',
  medium: 'medium',
  'medium+': 'large',
  large: 'large',
  xlarge: 'large',
  '2xlarge': 'large',
  '2xlarge+': 'large',
}

export const sizeWords: readonly string[] = Object.keys(classes)

/**
 * null: not a size. The word stands for itself then: `acme/gpu` waits for a runner that offers exactly that. A generation of machines (`large.gen2`) is a size; another processor or system is not.
 */
export const classOfSize = (word: string): ClassName | null => {
  const size = word.replace(/\.gen\d{1,2}$/, '')
  return Object.hasOwn(classes, size) ? (classes[size] ?? null) : null
}

const foreign: readonly (readonly [RegExp, string])[] = [
  [/(?:^|\.)gpu\./, 'a GPU'],
  [/^arm\./, 'an ARM processor'],
  [/^windows\./, 'Windows'],
  [/^(?:macos|m\d\w*)\./, 'macOS'],
]

/** What a size of the platform for another kind of machine needs, in words; null: of this kind, or somebody's own name. */
export const foreignNeed = (word: string | null): string | null =>
  word === null || word.includes('/') ? null : (foreign.find(([form]) => form.test(word))?.[1] ?? null)
