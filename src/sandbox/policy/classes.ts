// Resource classes as data (isolation.md §8) and the most anybody may ask for.
// Limits travel as numbers; the jailer checks them against `limitsMax`, so no class can be invented by a runner.
import type { Limits } from '../../protocol/receipt.ts'
import { type ClassName, classOfSize, sizeWords } from '../../protocol/resource-class.ts'

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB
const minute = 60_000

export type ResourceClass = { readonly name: ClassName; readonly limits: Limits; readonly jobMs: number }

const small: Limits = {
  cpu: 1,
  memory: 2 * GiB,
  ramdisk: 2 * GiB,
  pids: 512,
  inodes: 400_000,
  shm: 64 * MiB,
  fds: 4096,
  logBytes: 256 * MiB,
  egressBytes: 5 * GiB,
  connections: 256,
}

/** Everything but descriptors, log and connections grows with the class. */
const times = (limits: Limits, factor: number): Limits => ({
  ...limits,
  cpu: limits.cpu * factor,
  memory: limits.memory * factor,
  ramdisk: limits.ramdisk * factor,
  pids: limits.pids * factor,
  inodes: limits.inodes * factor,
  shm: limits.shm * factor,
  egressBytes: limits.egressBytes * factor,
})

export const classes: Readonly<Record<ClassName, ResourceClass>> = {
  tiny: {
    name: 'tiny',
    jobMs: 15 * minute,
    limits: {
      ...small,
      memory: 384 * MiB,
      ramdisk: 256 * MiB,
      shm: 16 * MiB,
      pids: 256,
      inodes: 100_000,
      fds: 1024,
    },
  },
  small: { name: 'small', jobMs: 60 * minute, limits: small },
  medium: { name: 'medium', jobMs: 120 * minute, limits: times(small, 2) },
  large: { name: 'large', jobMs: 240 * minute, limits: times(small, 4) },
}

/** The largest class that has less memory; null: there is none. */
export const nextSmaller = ({ memory }: Pick<Limits, 'memory'>): ResourceClass | null =>
  Object.values(classes)
    .filter(({ limits }) => limits.memory < memory)
    .toSorted((a, b) => b.limits.memory - a.limits.memory)[0] ?? null

/** No nest gets more, whoever asks. */
export const limitsMax: Limits = {
  cpu: 256,
  memory: 1024 * GiB,
  ramdisk: 1024 * GiB,
  pids: 65_536,
  inodes: 50_000_000,
  shm: 64 * GiB,
  fds: 1_048_576,
  logBytes: 16 * GiB,
  egressBytes: 1024 * GiB,
  connections: 4096,
}

export type FoundClass =
  | { readonly ok: true; readonly class: ResourceClass }
  /** `nearest` is the known word with the fewest differing letters. */
  | { readonly ok: false; readonly nearest: string }

/** The class for a word of a dialect or of ours. */
export const findClass = (word: string): FoundClass => {
  const name = classOfSize(word)
  if (name !== null) return { ok: true, class: classes[name] }
  const [nearest] = sizeWords.toSorted((a, b) => distance(word, a) - distance(word, b))
  return { ok: false, nearest: nearest ?? 'medium' }
}

/** Levenshtein's distance; words here are short, longer ones are cut. */
const distance = (left: string, b: string): number => {
  const a = left.slice(0, 32)
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
