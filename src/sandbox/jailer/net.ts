// The network of one nest, root half (isolation.md §6.1): two network namespaces joined by a veth, listeners bound
// in the gateway's one by main/binder.ts, and the questions asked afterwards. The jailer calls it; the handles go on
// to the runner, whose gateway (egress/gateway.ts) owns every byte. Nothing here forwards a packet.

/** A raw libuv handle, never read here: the jailer only sends it on (`child.send(message, handle)`). */
export type NetHandle = {
  readonly port: number
  readonly proto: 'tcp' | 'udp'
  readonly handle: unknown
}

/** One job namespace with its /30. `nsPath` is for `nsenter --net=`, valid until `close` and only in this process's life. */
export interface NetLink {
  readonly index: number
  readonly nsPath: string
  /** The address connections of this link come from: the key of the gateway's policies. */
  readonly jobAddress: string
  readonly gatewayAddress: string
}

export type GoneCheck = { readonly check: string; readonly ok: boolean; readonly detail: string }

export interface NestNet {
  readonly nestId: string
  readonly link: NetLink
  readonly listeners: readonly NetHandle[]
  /** Binds further TCP ports (a policy that names others than the pooled ones). */
  listen(ports: readonly number[]): Promise<readonly NetHandle[]>
  /** Another job namespace on the same gateway, for a clean cell with a list of its own. */
  addLink(): Promise<NetLink & { close(): Promise<void> }>
  /** Idempotent. The answers become `gone` entries of the receipt. Close the runner's listeners first. */
  close(): Promise<readonly GoneCheck[]>
}
