// Colour arithmetic: contrast of WCAG 2.2 and the lift that keeps foreign colours legible. Pure.

/** Red, green, blue, each 0 to 255. */
export type Rgb = readonly [number, number, number]

const textContrast = 4.5

/** `#fff` or `#ffffff`. */
export const parseHex = (hex: string): Rgb => {
  const digits = hex.replace('#', '')
  const six = digits.length === 3 ? digits.replace(/./g, '$&$&') : digits
  const n = Number.parseInt(six, 16)
  return [(n >> 16) & 255, (n >> 8) & 255, n & 255]
}

/** `12, 34, 56` or `rgb(12, 34, 56)`; null when it is neither. */
export const parseRgb = (text: string): Rgb | null => {
  const match = /(\d{1,3})[,\s]+(\d{1,3})[,\s]+(\d{1,3})/.exec(text)
  return match === null ? null : [Number(match[1]), Number(match[2]), Number(match[3])]
}

/** WCAG 2.2, "contrast ratio". */
export const contrast = (a: Rgb, b: Rgb): number => {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number]
  return (high + 0.05) / (low + 0.05)
}

export const linear = (channel: number): number => {
  const c = channel / 255
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
}

/** The colour itself, or the nearest mix with black or white that has 4.5:1 on `ground`. */
export const liftContrast = (colour: Rgb, ground: Rgb): Rgb => {
  const target: Rgb = luminance(ground) > 0.18 ? [0, 0, 0] : [255, 255, 255]
  for (let share = 0; share < 1; share += 0.05) {
    const lifted = mix(colour, target, share)
    if (contrast(lifted, ground) >= textContrast) return lifted
  }
  return target
}

/** The 256-colour palette of xterm from 16 on; the first sixteen are our own tones. */
export const xtermColour = (index: number): Rgb | null => {
  if (index < 16 || index > 255) return null
  if (index >= 232) {
    const grey = 8 + 10 * (index - 232)
    return [grey, grey, grey]
  }
  const cube = index - 16
  const level = (n: number): number => (n === 0 ? 0 : 55 + 40 * n)
  return [level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)]
}

const luminance = ([r, g, b]: Rgb): number => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)

const mix = (a: Rgb, b: Rgb, share: number): Rgb => {
  const at = (i: 0 | 1 | 2): number => Math.round(a[i] + (b[i] - a[i]) * share)
  return [at(0), at(1), at(2)]
}
