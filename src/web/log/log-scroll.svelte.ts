// Where in the log one is. The log may be taller than an element can be: what the scroller moves is a shorter column, and
// `shift` is how far the rows on screen are drawn from where they would be in it.
import { scrollScale, toPhysical, toVirtual } from './viewport.ts'

/** Once the wheel rests, the scroll bar is set to where the rows are. */
const restMs = 150

export const createLogScroll = (total: () => number) => {
  const scale = $derived(scrollScale(total()))
  let element: HTMLElement | null = null
  let top = $state(0)
  let physicalTop = $state(0)
  let resting = 0

  const place = (virtualTop: number) => {
    if (element === null) return
    element.scrollTop = toPhysical(scale, virtualTop)
    physicalTop = element.scrollTop
    // The engine rounds, and knows where the end is.
    top = scale.virtual === scale.physical ? physicalTop : clamp(virtualTop)
  }
  const clamp = (virtualTop: number) =>
    Math.max(0, Math.min(virtualTop, scale.virtual - (element?.clientHeight ?? 0)))
  const isScaled = () => scale.virtual !== scale.physical

  return {
    get top() {
      return top
    },
    get height() {
      return scale.physical
    },
    /** Rows are drawn this much below where they are in the log. */
    get shift() {
      return physicalTop - top
    },
    attach: (scroller: HTMLElement) => {
      element = scroller
      return () => {
        element = null
        clearTimeout(resting)
      }
    },
    to: place,
    toEnd: () => place(scale.virtual),
    isAtEnd: () => element !== null && element.scrollTop + element.clientHeight >= element.scrollHeight - 4,
    /** Somebody scrolled, or we did; whether they went up. */
    moved: (): boolean => {
      if (element === null) return false
      const before = top
      const delta = element.scrollTop - physicalTop
      const isNear = Math.abs(delta) <= 3 * element.clientHeight
      const isAtEdge =
        element.scrollTop <= 0 || element.scrollTop + element.clientHeight >= element.scrollHeight
      physicalTop = element.scrollTop
      if (!isScaled() || !isNear || isAtEdge) top = clamp(toVirtual(scale, physicalTop))
      else {
        // By wheel and keys a row is a row, also where a pixel of the bar is several.
        top = clamp(top + delta)
        clearTimeout(resting)
        resting = window.setTimeout(() => place(top), restMs)
      }
      return top < before - 1
    },
    /** The log is taller or shorter now: the rows on screen stay, the scroll bar follows. */
    resized: () => {
      if (isScaled()) place(top)
    },
  }
}
export type LogScroll = ReturnType<typeof createLogScroll>
