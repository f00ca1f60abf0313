// A button that opens a list of plain links: arrows move, Escape closes and gives the focus back, leaving it closes too. `around` is
// attached to what holds both, and listens there for the keys of what it holds.
import type { Attachment } from 'svelte/attachments'
import { on } from 'svelte/events'

export type Menu = ReturnType<typeof createMenu>

export const createMenu = () => {
  let isOpen = $state(false)
  const close = () => {
    isOpen = false
  }
  const around: Attachment<HTMLElement> = (holder) => {
    const press = (event: KeyboardEvent) => {
      if (!isOpen || !move(holder, event.key)) return
      event.preventDefault()
      // Escape, and the arrows, mean something else to the page.
      event.stopPropagation()
      if (event.key === 'Escape') close()
    }
    const leave = ({ relatedTarget: to }: FocusEvent) => {
      if (!(to instanceof Node) || !holder.contains(to)) close()
    }
    // Not addEventListener: the focus also goes when the list is taken away, in the midst of an update of the page.
    const ends = [on(holder, 'keydown', press), on(holder, 'focusout', leave)]
    return () => {
      for (const end of ends) end()
    }
  }
  return {
    get isOpen() {
      return isOpen
    },
    toggle: () => {
      isOpen = !isOpen
    },
    close,
    around,
  }
}

/** Where the key leads; false: it is none of a menu. */
const move = (holder: HTMLElement, key: string): boolean => {
  const button = holder.querySelector('button')
  const links = [...holder.querySelectorAll('a')]
  const here = document.activeElement
  const at = here instanceof HTMLAnchorElement ? links.indexOf(here) : -1
  if (key === 'Escape') button?.focus()
  else if (key === 'ArrowDown') links[Math.min(at + 1, links.length - 1)]?.focus()
  else if (key === 'ArrowUp') (links[at - 1] ?? button)?.focus()
  else return false
  return true
}
