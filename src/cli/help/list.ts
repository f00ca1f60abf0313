// Terms with what they mean, as help shows them.
import { wrapText } from '../look.ts'

const aboutColumnsMin = 30

/** Terms with what they mean: in two columns where there is room, else one below the other. */
export const list = (
  items: readonly (readonly [term: string, about: string])[],
  columns: number,
): readonly string[] => {
  const width = Math.max(0, ...items.map(([term]) => term.length))
  const room = columns - width - 4
  if (room < aboutColumnsMin)
    return items.flatMap(([term, about]) => [
      `  ${term}`,
      ...wrapText(about, columns - 6).map((line) => `      ${line}`),
    ])
  return items.flatMap(([term, about]) =>
    wrapText(about, room).map((line, i) => `  ${(i === 0 ? term : '').padEnd(width)}  ${line}`.trimEnd()),
  )
}
