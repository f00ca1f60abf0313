// The dialects' words for sizes, mapped to the classes that runners offer (isolation.md §8). A word that is not here
// stands for itself: `acme/gpu` waits for a runner that offers exactly that.

export const builtInClass = 'tiny'
const defaultClass = 'small'

const classes: Readonly<Record<string, string>> = {
  'medium+': 'medium',
  'medium-plus': 'medium',
  xlarge: 'large',
  '2xlarge': 'large',
  '2xlarge+': 'large',
  'arm.medium': 'medium',
  'arm.large': 'large',
  'arm.xlarge': 'large',
  'arm.2xlarge': 'large',
}

export const classOf = (word: string | null): string => {
  if (word === null) return defaultClass
  return Object.hasOwn(classes, word) ? (classes[word] ?? word) : word.slice(0, 128)
}
