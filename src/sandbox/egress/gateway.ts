// The runner's half of the network wall (isolation.md §6), one per nest: answers the job's DNS, ends its TCP connections
// and makes its own outside, as policy allows. Runs unprivileged, in the host's network namespace, on what the front
// accepts in a namespace without uplink. Must never connect to an address it has not checked.
import { connect as connectTcp } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import type { EgressPolicy, EgressRecord } from '../driver.ts'
import { createResponder } from './dns.ts'
import { createFakeAddresses } from './fake-addresses.ts'
import type { Front } from './front.ts'
import { createJudge } from './judge.ts'
import { ownAddressesMs } from './limits.ts'
import { createLink, type LinkLimits } from './link.ts'
import { createRecordBook } from './records.ts'
import { type RelayDeps, relay } from './relay.ts'
import type { Resolve } from './resolve.ts'

export type GatewayDeps = {
  readonly front: Front
  readonly resolve: Resolve
  readonly connect: RelayDeps['connect']
  /** Addresses of the host's own interfaces, read now. */
  readonly hostAddresses: () => readonly string[]
  readonly onRecord?: (record: EgressRecord) => void
  /** A job of this nest floods the front and is not served any more. */
  readonly onFlood?: () => void
  readonly clock: Clock
}

export type Admission = LinkLimits & {
  /** The NetLink's jobAddress: a job without raw sockets or CAP_NET_ADMIN cannot come from another. */
  readonly address: string
  /** The name its records carry. */
  readonly cell: string
  readonly policy: EgressPolicy
}

export interface Gateway {
  /**
   * From now on connections from `address` follow `policy`; from unknown addresses they are reset. Faults for a policy
   * that cannot be kept (E_CONFIG_INVALID, E_SANDBOX_UNAVAILABLE). `revoke` ends what is open.
   */
  admit(admission: Admission): { revoke(): void }
  records(): readonly EgressRecord[]
  usage(): { readonly up: number; readonly down: number }
  /** Ends all connections; idempotent. */
  close(): void
}

export const createGateway = (deps: GatewayDeps): Gateway => {
  const admitted = new Map<string, () => void>()
  const book = createRecordBook()
  const used = { up: 0, down: 0 }
  const fakes = createFakeAddresses()
  const respond = createResponder({ fakes, resolve: deps.resolve, clock: deps.clock })
  const relayDeps = { ...deps, fakes, ownAddresses: createOwnAddresses(deps) }
  const admit = ({ address, cell, policy, ...limits }: Admission) => {
    const end = new AbortController()
    const record = (entry: Omit<EgressRecord, 'cell'>) => {
      book.add({ ...entry, cell })
      deps.onRecord?.({ ...entry, cell })
    }
    const refuse = (host: string, port: number, why = 'connections') =>
      record(refusal(host, port, why, deps.clock.now()))
    const parts = { cell, judge: createJudge(policy), signal: end.signal, record, refuse }
    const link = createLink(parts, limits, (direction, bytes) => {
      used[direction] += bytes
    })
    admitted.get(address)?.()
    const guest = deps.front.admit(address, {
      ...{ link, respond },
      accept: (socket, port) => void relay(relayDeps, socket, port, link),
      onFlood: () => {
        refuse('', 0, 'flood')
        end.abort()
        deps.onFlood?.()
      },
    })
    const revoke = () => {
      end.abort()
      guest.leave()
      if (admitted.get(address) === revoke) admitted.delete(address)
    }
    admitted.set(address, revoke)
    return { revoke }
  }
  return {
    admit,
    records: () => book.all(),
    usage: () => ({ ...used }),
    close: () => {
      for (const revoke of admitted.values()) revoke()
    },
  }
}

const refusal = (host: string, port: number, why: string, now: number): Omit<EgressRecord, 'cell'> => ({
  ...{ at: new Date(now).toISOString(), proto: 'tcp', host, ip: null, port, verdict: 'denied', why },
  ...{ up: 0, down: 0, ms: 0 },
})

/** Read at most once a minute: a job must not make us walk the interfaces for each of its connections. */
const createOwnAddresses = ({ hostAddresses, clock }: GatewayDeps): (() => ReadonlySet<string>) => {
  let readAt = Number.NEGATIVE_INFINITY
  let addresses: ReadonlySet<string> = new Set()
  return () => {
    if (clock.monotonicMs() - readAt >= ownAddressesMs) {
      addresses = new Set(hostAddresses())
      readAt = clock.monotonicMs()
    }
    return addresses
  }
}

/** The real `connect`: literal addresses only, so nothing is ever looked up behind the check. */
export const connectOutside: RelayDeps['connect'] = (address, port) =>
  connectTcp({
    host: address,
    port,
    allowHalfOpen: true,
    noDelay: true,
    lookup: (name, _options, callback) => callback(new Error(`not an address: ${name}`), ''),
  })
