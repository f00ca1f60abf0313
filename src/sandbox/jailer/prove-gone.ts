// When the answers of the kernel about a nest that was destroyed (gone.ts) count: it takes namespaces apart asynchronously, and
// gives their inode numbers to the next ones at once.
import { setTimeout as sleep } from 'node:timers/promises'
import { nestMs } from '../limits.ts'
import { type Departed, findTraces, type Survey } from './gone.ts'
import type { GoneCheck } from './gone-check.ts'
import type { NetLink } from './net.ts'
import { findNamespaceHolders } from './net-holders.ts'

type Asked = {
  readonly links: readonly NetLink[]
  readonly survey: () => Promise<Survey>
  /** Nests that are being made: their processes are in none of ours yet, and may have got a number of this one. */
  readonly making: ReadonlyMap<string, Promise<unknown>>
}

export const proveGone = async (departed: Departed, asked: Asked): Promise<readonly GoneCheck[]> => {
  const gone = await askForAMoment(departed, asked)
  if (isProven(gone) || asked.making.size === 0) return gone
  await Promise.race([Promise.allSettled(asked.making.values()), sleep(nestMs, null, { ref: false })])
  return askForAMoment(departed, asked)
}

const momentMs = 1_000

const askForAMoment = async (departed: Departed, { links, survey }: Asked): Promise<readonly GoneCheck[]> => {
  const deadline = performance.now() + momentMs
  for (;;) {
    const found = await survey()
    // Asked while we hold the namespaces: an inode number that is free belongs to a stranger at once.
    const holders = links.length === 0 ? [] : [findNamespaceHolders(links, found)]
    const gone = [...findTraces(departed, found), ...holders]
    if (isProven(gone) || performance.now() > deadline) return gone
    await sleep(5)
  }
}

const isProven = (gone: readonly GoneCheck[]): boolean => gone.every(({ ok }) => ok)
