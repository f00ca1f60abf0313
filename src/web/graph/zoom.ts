// How large a graph is drawn, and which part of it is seen. Pure: numbers in, numbers out.

export const zoomMin = 0.3
export const zoomMax = 1.5
const zoomStep = 1.25

/** From this many nodes on a small map shows where one is. */
export const minimapFrom = 60
const minimapPx = { width: 180, height: 120 }

type Size = { readonly width: number; readonly height: number }

export const closer = (zoom: number): number => clamp(zoom * zoomStep)
export const farther = (zoom: number): number => clamp(zoom / zoomStep)

/** As large as it can be with all of its width in sight, and never larger than it is. */
export const fitting = (graph: Size, roomPx: number): number =>
  clamp(Math.min(1, roomPx / Math.max(1, graph.width)))

/** Words can still be read. */
const readable = 0.75

/** Before anybody chose: whole where it nearly fits, else in its own size, to be scrolled. */
export const atFirst = (graph: Size, roomPx: number): number => {
  const whole = fitting(graph, roomPx)
  return whole < readable ? 1 : whole
}

const clamp = (zoom: number): number => Math.min(zoomMax, Math.max(zoomMin, zoom))

/** What a pixel of the graph is on the map. */
export const minimapScale = ({ width, height }: Size): number =>
  Math.min(minimapPx.width / Math.max(1, width), minimapPx.height / Math.max(1, height))
