// Recomputes what experience.md §5.2 says was measured, from the tokens as they are.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { contrast, linear, parseHex, type Rgb } from '../../protocol/terminal/colour.ts'

const css = await readFile(new URL('tokens.css', import.meta.url), 'utf8')
const readTheme = (selector: string): ReadonlyMap<string, Rgb> => {
  const start = css.indexOf(`${selector} {`)
  const body = css.slice(start, css.indexOf('}', start))
  return new Map(
    [...body.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map(([, name, hex]) => [name!, parseHex(hex!)]),
  )
}
const themes = { light: readTheme(':root'), dark: readTheme('[data-theme="dark"]') }
const grounds = ['canvas', 'surface', 'raised', 'sunken']
const statuses = ['passed', 'failed', 'running', 'hold', 'warn', 'idle']

for (const [theme, tokens] of Object.entries(themes)) {
  const colour = (name: string): Rgb => {
    const value = tokens.get(name)
    assert.ok(value !== undefined, `--${name} is missing in ${theme}`)
    return value
  }
  const check = (name: string, on: readonly string[], least: number) => {
    for (const ground of on) {
      const ratio = contrast(colour(name), colour(ground))
      assert.ok(ratio >= least, `${theme}: ${name} on ${ground} has ${ratio.toFixed(2)}:1, needs ${least}`)
    }
  }

  test(`${theme}: text reaches 4.5:1 on every ground`, () => {
    for (const name of ['ink', 'ink-2', 'ink-muted', 'accent', ...statuses.map((status) => `${status}-text`)])
      check(name, grounds, 4.5)
    check('on-accent', ['accent'], 4.5)
  })

  test(`${theme}: shapes, borders of controls and the focus ring reach 3:1 on every ground`, () => {
    for (const name of [...statuses, 'line-strong', 'focus']) check(name, grounds, 3)
  })

  test(`${theme}: all sixteen log colours reach 4.5:1 on the ground of the log`, () => {
    const ground = theme === 'light' ? 'surface' : 'canvas'
    for (let i = 0; i < 16; i++) check(`ansi-${i}`, [ground], 4.5)
  })

  test(`${theme}: the six status colours stay apart for every kind of colour vision`, () => {
    for (const [kind, matrix] of Object.entries(visions))
      for (const [i, one] of statuses.entries())
        for (const other of statuses.slice(i + 1)) {
          const distance = oklabDistance(see(colour(one), matrix), see(colour(other), matrix))
          assert.ok(distance >= 10, `${theme}, ${kind}: ${one} and ${other} are ${distance.toFixed(1)} apart`)
        }
  })
}

type Matrix = readonly [Triple, Triple, Triple]
type Triple = readonly [number, number, number]

/** Machado, Oliveira, Fernandes 2009, severity 1.0, on linear RGB. */
const visions: Readonly<Record<string, Matrix>> = {
  protan: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deutan: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritan: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
}

const apply = (matrix: Matrix, v: Triple): Triple => {
  const row = (r: Triple): number => r[0] * v[0] + r[1] * v[1] + r[2] * v[2]
  return [row(matrix[0]), row(matrix[1]), row(matrix[2])]
}
const see = (colour: Rgb, vision: Matrix): Triple => {
  const [r, g, b] = apply(vision, [linear(colour[0]), linear(colour[1]), linear(colour[2])])
  const clamp = (n: number): number => Math.min(1, Math.max(0, n))
  return [clamp(r), clamp(g), clamp(b)]
}

/** Björn Ottosson's OKLab, × 100. */
const oklab = (rgb: Triple): Triple => {
  const lms = apply(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    rgb,
  )
  const roots: Triple = [Math.cbrt(lms[0]), Math.cbrt(lms[1]), Math.cbrt(lms[2])]
  return apply(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    roots,
  )
}
const oklabDistance = (a: Triple, b: Triple): number => {
  const [x, y] = [oklab(a), oklab(b)]
  return 100 * Math.hypot(x[0] - y[0], x[1] - y[1], x[2] - y[2])
}
