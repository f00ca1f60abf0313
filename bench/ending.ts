// Whoever interrupts the bench leaves nothing running.

const exitOfInterrupt = 130

export const endOnSignals = (end: () => Promise<void>): void => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void end().finally(() => process.exit(exitOfInterrupt)))
}
