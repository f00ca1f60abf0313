// The one clock of the bench: monotonic, in the driver's process. Nothing else takes the time.

/** Answers the milliseconds since it was made. */
export const startClock = (): (() => number) => {
  const start = performance.now()
  return () => performance.now() - start
}
