// Pages in their states, both themes, at a desk and on a phone: drawn under the real policy without a violation,
// without a console error, without a finding of axe, no wider than the screen, nor a cell of a table than its column. MAYFLY_PICTURES names a directory for pictures.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { axeFindings, openPage, takePicture, type View } from '../double/browser.ts'
import { type Mode, usualMode } from '../double/server.ts'
import { openStand } from '../double/stand.ts'

type PageCase = {
  readonly name: string
  readonly address: string
  /** Text that shows that the page is there. */
  readonly shows: string | RegExp
  /** What opens what is to be seen. */
  readonly act?: (page: Page) => Promise<void>
  readonly mode?: Partial<Mode>
  /** Console errors that the case causes on purpose. */
  readonly expected?: RegExp
}

const views: readonly (View & { readonly finds: 'all' | 'colours' })[] = [
  { theme: 'light', width: 1280, finds: 'all' },
  { theme: 'dark', width: 1280, finds: 'colours' },
  { theme: 'dark', width: 360, finds: 'all' },
  { theme: 'light', width: 360, finds: 'colours' },
]
/** Run in the page: what stands in cells that it does not fit into. */
const overflowing = `[...document.querySelectorAll('th, td')]
  .filter((cell) => cell.scrollWidth > cell.clientWidth + 1)
  .map((cell) => cell.textContent)`

/** A test for each; to be called once in a file. */
export const drawnWell = (cases: readonly PageCase[]): void => {
  const stand = openStand()
  for (const one of cases)
    test(`${one.name} is drawn well in both themes, at a desk and on a phone`, async () => {
      Object.assign(stand.double.mode, usualMode, one.mode)
      await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 }, one.expected)
      const { page, complaints } = opened
      await page.goto(stand.double.url + one.address)
      await page.getByText(one.shows).first().waitFor({ state: 'attached', timeout: 10_000 })
      await one.act?.(page)
      await page.evaluate('document.fonts.ready.then(() => undefined)')
      for (const { finds, ...view } of views) {
        await look(page, view, one.name)
        assert.deepEqual(await axeFindings(page, finds), [], `${one.name}, ${view.theme}, ${view.width} px`)
      }
      assert.deepEqual(complaints, [], one.name)
    })
}

const look = async (page: Page, { theme, width }: View, name: string): Promise<void> => {
  await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
  await page.setViewportSize({ width, height: 860 })
  await page.locator(`html[data-theme="${theme}"]`).waitFor({ timeout: 5_000 })
  await takePicture(page, `${name}-${theme}-${width}`)
  const where = `${name}, ${theme}, ${width} px`
  const wide = Number(await page.evaluate('document.documentElement.scrollWidth'))
  assert.ok(wide <= width, `${where}: ${wide} px wide`)
  assert.deepEqual(await page.evaluate(overflowing), [], `${where}: a cell of a table reaches over the next`)
  // What an act has scrolled half behind the bar at the top is not too small for it.
  await page.evaluate('scrollTo(0, 0)')
}

/** Brings it to the middle, for the picture. */
export const scrolledTo = (selector: string) => (page: Page) =>
  page
    .locator(selector)
    .first()
    .evaluate((element) =>
      (element as { scrollIntoView: (how: object) => void }).scrollIntoView({ block: 'center' }),
    )
