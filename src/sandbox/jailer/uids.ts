// Throw-away user ids for nests (isolation.md §2.5): a block of 65,536 far above what systems hand out, chosen by the
// installation's id, handed out round robin so that none returns soon.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** Above the range of container managers (ends at 0x6fffffff), below 2^31. */
const firstBlock = 0x7000
const blocks = 0x0f00
const blockSize = 0x10000

export interface Uids {
  take(): number
  give(uid: number): void
}

export const openUids = (installation: string, start: number): Uids => {
  const used = usedRanges()
  const hash = createHash('sha256').update(installation).digest().readUInt32BE(0)
  let block = hash % blocks
  while (used.some(([from, to]) => from < baseOf(block) + blockSize && to > baseOf(block)))
    block = (block + 1) % blocks
  return createUids(baseOf(block), start)
}

/** Without root: the one there is, for every nest. */
export const ownUid = (): Uids => {
  const own = process.getuid?.() ?? -1
  return { take: () => own, give: () => undefined }
}

const baseOf = (block: number): number => (firstBlock + block) * blockSize

export const createUids = (base: number, start: number): Uids => {
  const taken = new Set<number>()
  let next = start % blockSize
  return {
    take: () => {
      do next = (next + 1) % blockSize
      while (taken.has(base + next))
      taken.add(base + next)
      return base + next
    },
    give: (uid) => void taken.delete(uid),
  }
}

/** Ranges of passwd (single ids) and subuid. */
const usedRanges = (): readonly (readonly [number, number])[] => [
  ...fields('/etc/passwd').map(([, , uid]): [number, number] => [Number(uid), Number(uid) + 1]),
  ...fields('/etc/subuid').map(([, from, count]): [number, number] => [
    Number(from),
    Number(from) + Number(count),
  ]),
]

const fields = (path: string): string[][] => {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(':'))
  } catch {
    return []
  }
}
