// The network half of a sandbox in the runner: one gateway per nest that has a network, which alone speaks to the outside
// (isolation.md §6). All of them stand behind one front, which has the listeners the jailer bound once (decision 0008).
// Without a network there is nothing to ask and nothing to record.
import { createHash } from 'node:crypto'
import type { Clock } from '../../../base/clock.ts'
import type { Log } from '../../../base/log.ts'
import type { EgressPolicy, EgressRecord } from '../../driver.ts'
import { createFront, type Front } from '../../egress/front.ts'
import { connectOutside, createGateway } from '../../egress/gateway.ts'
import { openPorts } from '../../egress/limits.ts'
import { readOwnAddresses } from '../../egress/own-addresses.ts'
import { createHostResolver, type Resolve } from '../../egress/resolve.ts'
import type { JailerClient, Reply } from './client.ts'
import type { NestHold } from './nest.ts'

export interface Network {
  /** Connections from `address` follow `policy` until revoked. */
  admit(address: string, cell: string, policy: EgressPolicy): Promise<{ revoke(): void }>
  records(): readonly EgressRecord[]
  usage(): { readonly up: number; readonly down: number }
  close(): void
}

export type NetworkDeps = {
  readonly client: JailerClient
  readonly clock: Clock
  readonly log: Log
  readonly resolve?: Resolve
  readonly shared: SharedFront
}

/** The listeners of all nests: asked for when first needed, kept until the driver closes. */
export interface SharedFront {
  readonly front: Front
  /** Resolves when these ports, those of the open mode and DNS are listened on. */
  listen(ports: readonly number[]): Promise<void>
  close(): Promise<void>
}

export const createSharedFront = (client: JailerClient, clock: Clock): SharedFront => {
  const front = createFront(clock)
  const asked = new Set<number>()
  let last: Promise<void> = Promise.resolve()
  const listen = (ports: readonly number[]): Promise<void> => {
    const missing = [...new Set([...openPorts, ...ports])].filter((port) => !asked.has(port))
    if (missing.length === 0) return last
    for (const port of missing) asked.add(port)
    const work = last.then(async () => listenOn(front, await client.call('net.listen', { ports: missing })))
    // Who asks later may be luckier; who asked before has what was asked for.
    last = work.catch(() => {
      for (const port of missing) asked.delete(port)
    })
    return work
  }
  return { front, listen, close: front.close }
}

const listenOn = (front: Front, reply: Reply): void => {
  for (const part of reply.parts()) {
    const [, proto, port] = /^(tcp|udp):(\d+)$/.exec(part) ?? []
    // SAFE: the expression allows these two.
    if (proto !== undefined)
      front.addListener({ proto: proto as 'tcp' | 'udp', port: Number(port), handle: reply.take(part) })
  }
}

const noNetwork: Network = {
  admit: async () => ({ revoke: () => undefined }),
  records: () => [],
  usage: () => ({ up: 0, down: 0 }),
  close: () => undefined,
}

export const openNetwork = (deps: NetworkDeps, nest: NestHold): Network => {
  if (nest.address === null) return noNetwork
  const { limits } = nest.kind
  const gateway = createGateway({
    front: deps.shared.front,
    resolve: deps.resolve ?? createHostResolver(),
    connect: connectOutside,
    hostAddresses: readOwnAddresses,
    clock: deps.clock,
    onFlood: () => {
      deps.log.warn('a job floods the gateway: its network is taken away', { nest: nest.id })
      void deps.client.call('net.cut', { nest: nest.id }).catch(() => undefined)
    },
  })
  return {
    admit: async (address, cell, policy) => {
      if (policy.mode === 'none') return { revoke: () => undefined }
      const { egressBytes, connections } = limits
      await deps.shared.listen(
        policy.allow.filter((rule) => rule.proto === 'tcp').flatMap((rule) => rule.ports),
      )
      return gateway.admit({ address, cell, policy, egressBytes, connections })
    },
    records: gateway.records,
    usage: gateway.usage,
    close: gateway.close,
  }
}

export const digestOf = (records: readonly EgressRecord[]): string =>
  `sha256:${createHash('sha256').update(JSON.stringify(records)).digest('hex')}`
