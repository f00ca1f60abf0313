// How `mayfly up` is told to stop: Ctrl-C, or `mayfly down`. Used while the machine is prepared, and by the supervisor after it.

/** Aborts when it is; said at once, for what is under way may take a while to end. */
export const listenForStop = (say: (line: string) => void): AbortSignal => {
  const stop = new AbortController()
  const onSignal = () => {
    if (!stop.signal.aborted) say('stopping …')
    stop.abort()
  }
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, onSignal)
  return stop.signal
}
