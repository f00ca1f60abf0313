// Every number of the HTTP side: bodies, rates, waits, the static site (trust-model.md §9).
import type { RouteName } from '../../protocol/api/routes.ts'

const kib = 1024
const mib = 1024 * kib

export const limits = {
  bodyBytes: 64 * kib,
  /** Kept in memory before anybody has proven who he is. */
  hookBodyBytes: 64 * kib,
  urlBytes: 4 * kib,
  headerBytes: 16 * kib,
  paramLength: 128,
  /** Of objects and lists in each other. */
  bodyDepth: 64,
  requestMs: 60_000,
  keepAliveMs: 65_000,
  /** How long nothing of an answer may be taken. */
  stalledMs: 60_000,
  /** Together, at a door: past them nobody new is let in, and the database and the logs keep their descriptors. */
  connections: 10_000,
  /** Requests per minute. `address` is coarse: many people may sit behind one. */
  rate: { windowMs: 60_000, address: 3_000, credential: 600, hook: 120, addressesRemembered: 10_000 },
  staticSite: { files: 2_000, bytes: 64 * mib },
  securityTxtMs: 365 * 24 * 3_600_000,
  logDownloadMs: 6 * 3_600_000,
  /** Jobs whose logs are read for one page of annotations. */
  annotatedJobsMax: 20,
} as const

/** Routes whose body may be larger than `limits.bodyBytes`. */
export const bodyBytesOf: Partial<Record<RouteName, number>> = {
  lint: 4 * mib,
  secretPut: 2 * mib,
  contextSecretPut: 2 * mib,
  /** Every project that one statement may name, with the longest address and all its host keys. */
  admissionsSet: 256 * kib,
}
