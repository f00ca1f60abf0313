// The class a job is queued for. A word that is no size stands for itself: `acme/gpu` waits for a runner that offers
// exactly that, and `arm.medium` never for one with another processor.
import { classOfSize, defaultClass } from '../../protocol/resource-class.ts'

export const builtInClass = 'tiny'

export const classOf = (word: string | null): string =>
  word === null ? defaultClass : (classOfSize(word) ?? word.slice(0, 128))
