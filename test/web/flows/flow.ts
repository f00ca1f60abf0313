// What people do, against the double: each page is watched for policy violations and errors, too.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { openPage } from '../double/browser.ts'
import { type Mode, usualMode } from '../double/server.ts'
import { openStand, type Stand } from '../double/stand.ts'

type Flow = (
  title: string,
  options: { readonly mode?: Partial<Mode>; readonly expected?: RegExp },
  act: (page: Page) => Promise<void>,
) => void

/** To be called once in a file; `flow` is a test of it. */
export const openFlows = (): { readonly stand: Stand; readonly flow: Flow } => {
  const stand = openStand()
  const flow: Flow = (title, options, act) => {
    test(title, async () => {
      Object.assign(stand.double.mode, usualMode, options.mode)
      await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 }, options.expected)
      await act(opened.page)
      assert.deepEqual(opened.complaints, [])
    })
  }
  return { stand, flow }
}

export const soon = { timeout: 20_000 }

/** Path, query and fragment of where the page is. */
export const address = (page: Page): string => {
  const url = new URL(page.url())
  return url.pathname + url.search + url.hash
}

export const shows = (page: Page, words: string | RegExp) => page.getByText(words).first().waitFor(soon)

export const isAt = (page: Page, wanted: string) =>
  page.waitForURL((url) => url.pathname + url.search + url.hash === wanted, soon)
