// The built pages, their double and a browser, for as long as the tests of a file run.
import { after, before } from 'node:test'
import type { Browser } from 'playwright-core'
import { openBrowser } from './browser.ts'
import { type BuiltWeb, buildWeb } from './build.ts'
import { type Double, startDouble } from './server.ts'

export type Stand = { readonly browser: Browser; readonly double: Double }

/** To be called once, beside the tests; what it answers is there from the first of them on. */
export const openStand = (): Stand => {
  const stand: { browser?: Browser; double?: Double; web?: BuiltWeb } = {}
  before(async () => {
    stand.web = await buildWeb()
    stand.double = await startDouble(stand.web.root)
    stand.browser = await openBrowser()
  })
  after(async () => {
    await stand.browser?.close()
    await stand.double?.close()
    await stand.web?.remove()
  })
  // SAFE: tests run after `before`, which fills it or fails them all.
  return stand as Stand
}
