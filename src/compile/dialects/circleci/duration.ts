// Durations as this dialect writes them: `20m`, `1.25h`, `1h30m`. A bare number has no unit and is an error.

const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }
const form = /^(?:\d+(?:\.\d+)?(?:h|ms|m|s))+$/
const part = /(\d+(?:\.\d+)?)(h|ms|m|s)/g

/** Whole milliseconds, or null. */
export const parseDuration = (text: string): number | null => {
  if (text.length > 40 || !form.test(text)) return null
  let total = 0
  for (const [, amount, unit] of text.matchAll(part)) total += Number(amount) * (unitMs[unit ?? ''] ?? 0)
  const whole = Math.round(total)
  return Number.isSafeInteger(whole) ? whole : null
}
