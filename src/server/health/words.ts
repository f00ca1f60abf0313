// Sizes and times as people read them on the status page.

/** `83000` → `1 min`. Coarse: the page says the moment, too. */
export const span = (ms: number): string => {
  const seconds = Math.round(Math.abs(ms) / 1000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86_400)} days`
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** `1610612736` → `1.5 GiB`. */
export const size = (bytes: number): string => {
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10))
  const number = bytes / 1024 ** power
  return `${power === 0 ? number : number.toFixed(1)} ${units[power]}`
}
