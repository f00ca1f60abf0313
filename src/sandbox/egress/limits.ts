// Named limits of the egress gateway (isolation.md §6): a hostile job meets one of these before it costs anybody else.

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
