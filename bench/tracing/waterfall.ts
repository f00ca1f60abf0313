// Spans of one run as a waterfall: when each part began, how long it took, and where on the way. Pure.

export type Span = {
  readonly id: string
  readonly parent: string | null
  readonly name: string
  /** Milliseconds on one clock. */
  readonly start: number
  readonly end: number
}

const barWidth = 48

export const formatWaterfall = (spans: readonly Span[]): string => {
  const from = Math.min(...spans.map(({ start }) => start))
  const whole = Math.max(1, Math.max(...spans.map(({ end }) => end)) - from)
  const lines = ordered(spans).map(({ span, depth }) => {
    const at = Math.min(barWidth - 1, Math.floor(((span.start - from) / whole) * barWidth))
    const length = Math.max(1, Math.round(((span.end - span.start) / whole) * barWidth))
    return {
      name: `${'  '.repeat(depth)}${span.name}`,
      start: `${span.start - from}`,
      took: `${span.end - span.start} ms`,
      bar: `${' '.repeat(at)}${'█'.repeat(Math.min(length, barWidth - at))}`,
    }
  })
  const widthOf = (key: 'name' | 'start' | 'took') => Math.max(...lines.map((line) => line[key].length))
  const [name, start, took] = [widthOf('name'), widthOf('start'), widthOf('took')]
  return lines
    .map((line) =>
      `${line.name.padEnd(name)}  +${line.start.padStart(start)}  ${line.took.padStart(took)}  ${line.bar}`.trimEnd(),
    )
    .join('\n')
}

type Placed = { readonly span: Span; readonly depth: number }

/** Each span above its parts, parts in the order of their beginning. One whose parent is not here stands at the top. */
const ordered = (spans: readonly Span[]): readonly Placed[] => {
  const known = new Set(spans.map(({ id }) => id))
  const below = Map.groupBy(spans, ({ parent }) => (parent !== null && known.has(parent) ? parent : null))
  const place = (parent: string | null, depth: number): readonly Placed[] =>
    (below.get(parent) ?? [])
      .toSorted((a, b) => a.start - b.start || b.end - a.end)
      .flatMap((span) => [{ span, depth }, ...place(span.id, depth + 1)])
  return place(null, 0)
}
