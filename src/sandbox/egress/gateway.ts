// The runner's half of the network wall (isolation.md §6): answers the job's DNS, ends its TCP connections and makes
// its own outside, as policy allows. Runs unprivileged, in the host's network namespace, on handles that the jailer
// bound in a namespace without uplink. Must never connect to an address it has not checked.
import type { Socket as UdpSocket } from 'node:dgram'
import type { Server, Socket } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import type { EgressPolicy, EgressRecord } from '../driver.ts'

export type GatewayListeners = {
  /** Not yet accepting anything of ours: the gateway adds its own `connection` listener. Port 53 is DNS. */
  readonly tcp: readonly { readonly port: number; readonly server: Server }[]
  readonly udp: UdpSocket
}

export type GatewayDeps = {
  readonly listeners: GatewayListeners
  /** Every address of a name, asked once per connection. Rejects when there is none. */
  readonly resolve: (name: string, signal: AbortSignal) => Promise<readonly string[]>
  readonly connect: (address: string, port: number) => Socket
  /** Addresses of the host's own interfaces, read now. */
  readonly hostAddresses: () => readonly string[]
  readonly onRecord?: (record: EgressRecord) => void
  readonly clock: Clock
}

export interface Gateway {
  /** From now on connections from `address` (a NetLink's jobAddress) follow `policy`; others are reset. */
  admit(link: {
    readonly address: string
    readonly cell: string
    readonly policy: EgressPolicy
    readonly egressBytes: number
    readonly connections: number
  }): { revoke(): void }
  addListener(listener: { readonly port: number; readonly server: Server }): void
  records(): readonly EgressRecord[]
  usage(): { readonly up: number; readonly down: number }
  /** Closes listeners and connections; idempotent. */
  close(): Promise<void>
}
