// Sleeping until told, with a safety net: a ring during the work before is not lost, several rings are one.

export type Wake = {
  ring(): void
  /** Resolves at the next ring, when `signal` aborts, or after `atMostMs`. */
  sleep(atMostMs: number): Promise<void>
}

export const createWake = (signal: AbortSignal): Wake => {
  let rung = false
  let rouse: (() => void) | null = null
  const ring = () => {
    rung = true
    rouse?.()
  }
  signal.addEventListener('abort', ring, { once: true })
  return {
    ring,
    sleep: async (atMostMs) => {
      if (!rung && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, atMostMs)
          rouse = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      rouse = null
      rung = false
    },
  }
}
