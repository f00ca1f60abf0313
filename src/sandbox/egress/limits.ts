// Named limits of the egress gateway (isolation.md §6): a hostile job meets one of these before it costs anybody else.

/** What the open mode listens on, besides DNS. */
export const openPorts: readonly number[] = [22, 80, 443, 8080, 8443, 9418]
/** Connections of one job in a second, once it has had as many as `connectionsAtFirst`: more are refused at once. */
export const connectionsPerSecond = 500
export const connectionsAtFirst = 1_000
/**
 * Connections and questions of one job in one second, refused ones included. More is a flood, which would fill the
 * queues that all jobs share: far fewer than can be refused in a second.
 */
export const arrivalsPerSecondMax = 2_500

/** ClientHello or one HTTP request head. */
export const headBytesMax = 16 * 1024
export const headMs = 5_000
export const connectMs = 30_000
export const idleMs = 15 * 60_000
export const resolveMs = 10_000
/** Addresses of one name that are tried, in order. All of them are checked, however many. */
export const addressesTried = 3
export const dnsPerSecond = 200
export const dnsMessageMax = 4096
export const dnsTcpIdleMs = 10_000
export const dnsAtOnceMax = 64
export const dnsTtlSeconds = 60
/** 198.18.0.0/15 without its first and last address. */
export const fakeAddressesMax = 131_070
export const recordsMax = 10_000
/** How long an answer about the host's own interfaces stays good. */
export const ownAddressesMs = 60_000
