// What an attempt used over time: few points however long it took, made by the runner, carried by messages that are sent anyway,
// stored as it is and drawn on the page of its job.

/** No attempt has more; a longer one has longer points. */
export const usagePointsMax = 120

/** Of a class, in the units of a series. */
export type UsageLimits = { readonly cpuMilli: number; readonly memoryKiB: number; readonly diskKiB: number }

/** Point by point, oldest first; every list is as long as `ms`. Whole numbers. */
export type UsageSeries = {
  /** When the first point begins: Unix milliseconds of the runner's clock. */
  readonly startMs: number
  /** How long each point is. */
  readonly ms: readonly number[]
  /** Thousandths of one core, the mean. null: this machine cannot tell. */
  readonly cpuMilli: readonly number[] | null
  /** Of processes, the most that was seen: without files in memory and without what the kernel may drop. null: as above. */
  readonly memoryKiB: readonly number[] | null
  /** Of the disk in memory, the most that was seen. */
  readonly diskKiB: readonly number[]
  /** Through the gateway, in this time. */
  readonly upBytes: readonly number[]
  readonly downBytes: readonly number[]
  readonly limits: UsageLimits
  /** The next smaller class that there is. */
  readonly smaller: (UsageLimits & { readonly name: string }) | null
}
