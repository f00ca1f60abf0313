// How somebody likes to read logs, remembered in this browser.

export type TimestampMode = 'off' | 'relative' | 'absolute'
const modes: readonly TimestampMode[] = ['off', 'relative', 'absolute']
const wrapKey = 'mayfly-log-wrap'
const plainKey = 'mayfly-log-plain'
const timeKey = 'mayfly-log-time'

export const createLogPreferences = (storage: Storage) => {
  let wraps = $state(storage.getItem(wrapKey) === '1')
  let isPlain = $state(storage.getItem(plainKey) === '1')
  let timestamps = $state<TimestampMode>(modes.find((mode) => mode === storage.getItem(timeKey)) ?? 'off')
  const setTimestamps = (value: TimestampMode) => {
    timestamps = value
    storage.setItem(timeKey, value)
  }
  return {
    get wraps() {
      return wraps
    },
    set wraps(value: boolean) {
      wraps = value
      storage.setItem(wrapKey, value ? '1' : '0')
    },
    get isPlain() {
      return isPlain
    },
    set isPlain(value: boolean) {
      isPlain = value
      storage.setItem(plainKey, value ? '1' : '0')
    },
    get timestamps() {
      return timestamps
    },
    set timestamps(value: TimestampMode) {
      setTimestamps(value)
    },
    nextTimestamps: () => setTimestamps(modes[(modes.indexOf(timestamps) + 1) % modes.length] ?? 'off'),
  }
}
export type LogPreferences = ReturnType<typeof createLogPreferences>
