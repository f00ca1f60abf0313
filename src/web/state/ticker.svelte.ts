// The present moment, once a second, for running timers and ages: no page asks the server what time it is.

export const createTicker = (window: Window) => {
  let now = $state(Date.now())
  const timer = window.setInterval(() => {
    if (window.document.visibilityState === 'visible') now = Date.now()
  }, 1000)
  return {
    get now() {
      return now
    },
    close: () => window.clearInterval(timer),
  }
}
export type Ticker = ReturnType<typeof createTicker>
