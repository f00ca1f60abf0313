// How far down each entry of the history was. A browser goes back there at once, while the page is still fetched and too
// short for it: this goes there as soon as the page is long enough. One per tab, made by the router.
import { scrollBackMs } from '../limits.ts'

/** What somebody does who wants to be elsewhere. */
const moves = ['wheel', 'touchstart', 'pointerdown', 'keydown'] as const

export const createScrollMemory = (window: Window) => {
  const tops = new Map<unknown, number>()
  let giveUp = (): void => undefined
  const here = (): unknown => window.history.state?.entry ?? null

  const remember = () => {
    tops.set(here(), window.scrollY)
  }
  const goTo = (top: number) => {
    const { body, documentElement: root } = window.document
    const growing = new ResizeObserver(() => {
      if (root.scrollHeight - window.innerHeight < top) return
      end()
      window.scrollTo(0, top)
    })
    const end = () => {
      growing.disconnect()
      window.clearTimeout(timer)
      for (const move of moves) window.removeEventListener(move, end)
    }
    const timer = window.setTimeout(end, scrollBackMs)
    for (const move of moves) window.addEventListener(move, end, { passive: true })
    growing.observe(body)
    giveUp = end
  }
  window.addEventListener('scroll', remember, { passive: true })

  return {
    /** What tells an entry from the others, also from those before a reload. */
    newEntry: (): number => {
      giveUp()
      return window.performance.timeOrigin + window.performance.now()
    },
    /** The entry is another one, from before. */
    goBack: () => {
      giveUp()
      const top = tops.get(here()) ?? 0
      if (top > 0) goTo(top)
    },
    close: () => {
      giveUp()
      window.removeEventListener('scroll', remember)
    },
  }
}
