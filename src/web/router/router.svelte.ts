// The address bar as state: plain links are followed here without loading the page anew, everything else is the
// browser's. One per tab, made by main.ts.
import { createListDepth } from './list-depth.ts'
import { parseLineRange, placeOf } from './place.ts'
import { createScrollMemory } from './scroll-memory.ts'

export const createRouter = (window: Window) => {
  const read = () => ({
    place: placeOf(window.location.pathname),
    path: window.location.pathname,
    query: new URLSearchParams(window.location.search),
    hash: window.location.hash,
  })
  let here = $state.raw(read())
  const scrolls = createScrollMemory(window)

  const go = (url: string, how: { readonly replace?: boolean } = {}) => {
    const samePath = new URL(url, window.location.href).pathname === window.location.pathname
    // `visited` tells page-head.svelte that this page is not the first of the tab.
    if (how.replace) window.history.replaceState(window.history.state, '', url)
    else window.history.pushState({ visited: true, entry: scrolls.newEntry() }, '', url)
    here = read()
    if (!samePath) window.scrollTo(0, 0)
  }

  const follow = (event: MouseEvent) => {
    const url = ownLink(event)
    if (url === null) return
    event.preventDefault()
    go(url)
  }
  const reread = () => {
    here = read()
    scrolls.goBack()
  }
  window.document.addEventListener('click', follow)
  window.addEventListener('popstate', reread)

  return {
    get place() {
      return here.place
    },
    get path() {
      return here.path
    },
    get query() {
      return here.query
    },
    get lines() {
      return parseLineRange(here.hash)
    },
    lists: createListDepth(window),
    go,
    /** Changes words of the query and keeps the rest; an empty word goes away. */
    setQuery: (words: Readonly<Record<string, string>>) => {
      const query = new URLSearchParams(here.query)
      for (const [name, value] of Object.entries(words))
        value === '' ? query.delete(name) : query.set(name, value)
      const text = query.toString()
      go(`${here.path}${text === '' ? '' : `?${text}`}`, { replace: true })
    },
    /** Also with words of the query that what it names depends on. */
    setHash: (hash: string, words: Readonly<Record<string, string>> = {}) => {
      const query = new URLSearchParams(here.query)
      for (const [name, value] of Object.entries(words)) query.set(name, value)
      const text = query.toString()
      go(`${here.path}${text === '' ? '' : `?${text}`}${hash}`, { replace: true })
    },
    close: () => {
      window.document.removeEventListener('click', follow)
      window.removeEventListener('popstate', reread)
      scrolls.close()
    },
  }
}
export type Router = ReturnType<typeof createRouter>

/** Where a plain click on one of our own links leads; null for everything the browser should do by itself. */
const ownLink = (event: MouseEvent): string | null => {
  if (event.defaultPrevented || event.button !== 0) return null
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return null
  const link = event.target instanceof Element ? event.target.closest('a') : null
  if (link === null || link.target !== '' || link.hasAttribute('download')) return null
  const url = new URL(link.href, window.location.href)
  const leavesApp = url.origin !== window.location.origin || /^\/(api|assets|hooks)\//.test(url.pathname)
  return leavesApp ? null : url.pathname + url.search + url.hash
}
