// One admitted job network as the gateway sees it: its policy, what it may still use, and its open connections.
import type { EgressRecord } from '../driver.ts'
import type { Judge } from './judge.ts'

export interface Link {
  readonly cell: string
  readonly judge: Judge
  /** Aborted when the link is revoked: everything of it ends. */
  readonly signal: AbortSignal
  /** False when the job has as many connections as it may. The caller calls `leave` once for each true. */
  enter(): boolean
  leave(): void
  /** Records what `enter` refused. */
  refuse(host: string, port: number): void
  /** Counts bytes; false when there are no more to spend: the connection then ends. */
  spend(direction: 'up' | 'down', bytes: number): boolean
  record(record: Omit<EgressRecord, 'cell'>): void
}

export type LinkLimits = { readonly egressBytes: number; readonly connections: number }

export const createLink = (
  parts: Pick<Link, 'cell' | 'judge' | 'signal' | 'record' | 'refuse'>,
  limits: LinkLimits,
  onBytes: (direction: 'up' | 'down', bytes: number) => void,
): Link => {
  let connections = 0
  let bytesLeft = limits.egressBytes
  return {
    ...parts,
    enter: () => {
      if (connections >= limits.connections) return false
      connections++
      return true
    },
    leave: () => {
      connections--
    },
    spend: (direction, bytes) => {
      bytesLeft -= bytes
      onBytes(direction, bytes)
      return bytesLeft >= 0
    },
  }
}
