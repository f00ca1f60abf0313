// The network half of a sandbox in the runner: one gateway per nest that has a network, which alone speaks to the outside
// (isolation.md §6). Without a network there is nothing to ask and nothing to record.
import { createHash } from 'node:crypto'
import type { Clock } from '../../../base/clock.ts'
import type { EgressPolicy, EgressRecord } from '../../driver.ts'
import { connectOutside, createGateway, readHostAddresses } from '../../egress/gateway.ts'
import { createHostResolver, type Resolve } from '../../egress/resolve.ts'
import type { JailerClient } from './client.ts'
import { listenersOf, type NestHold } from './nest.ts'

export interface Network {
  /** Connections from `address` follow `policy` until revoked. */
  admit(address: string, cell: string, policy: EgressPolicy): Promise<{ revoke(): void }>
  records(): readonly EgressRecord[]
  usage(): { readonly up: number; readonly down: number }
  close(): Promise<void>
}

export type NetworkDeps = { readonly client: JailerClient; readonly clock: Clock; readonly resolve?: Resolve }

const noNetwork: Network = {
  admit: async () => ({ revoke: () => undefined }),
  records: () => [],
  usage: () => ({ up: 0, down: 0 }),
  close: async () => undefined,
}

export const openNetwork = (deps: NetworkDeps, nest: NestHold): Network => {
  if (nest.address === null) return noNetwork
  const { limits } = nest.kind
  const gateway = createGateway({
    listeners: nest.listeners,
    resolve: deps.resolve ?? createHostResolver(),
    connect: connectOutside,
    hostAddresses: readHostAddresses,
    clock: deps.clock,
  })
  const bound = new Set(nest.listeners.filter((listener) => listener.proto === 'tcp').map(({ port }) => port))
  const bindMissing = async (policy: EgressPolicy) => {
    const named = policy.allow.filter((rule) => rule.proto === 'tcp').flatMap((rule) => rule.ports)
    const ports = [...new Set(named)].filter((port) => !bound.has(port))
    if (ports.length === 0) return
    for (const port of ports) bound.add(port)
    const reply = await deps.client.call('net.listen', { nest: nest.id, ports })
    for (const listener of listenersOf(reply)) gateway.addListener(listener)
  }
  return {
    admit: async (address, cell, policy) => {
      if (policy.mode === 'none') return { revoke: () => undefined }
      const { egressBytes, connections } = limits
      await bindMissing(policy)
      return gateway.admit({ address, cell, policy, egressBytes, connections })
    },
    records: gateway.records,
    usage: gateway.usage,
    close: gateway.close,
  }
}

export const digestOf = (records: readonly EgressRecord[]): string =>
  `sha256:${createHash('sha256').update(JSON.stringify(records)).digest('hex')}`
