// What a phone has no room for, against the double: tables become cards that stay tables, the search becomes a button.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { axeFindings, openPage } from './double/browser.ts'
import { openStand } from './double/stand.ts'

const stand = openStand()

/** Run in the page: what one could press in a table that is not on the screen without going sideways. */
const offScreen = `[...document.querySelectorAll('table :is(button, a)')]
  .filter((one) => one.getBoundingClientRect().right > innerWidth || one.getBoundingClientRect().left < 0)
  .map((one) => one.textContent.trim())`

/** How often each role stands in what a screen reader is told of the table. */
const rolesOf = async (page: Page): Promise<ReadonlyMap<string, number>> => {
  const session = await page.context().newCDPSession(page)
  const { nodes } = await session.send('Accessibility.getFullAXTree')
  const roles = nodes.filter(({ ignored }) => !ignored).map(({ role }) => String(role?.value))
  const wanted = ['table', 'row', 'columnheader', 'rowheader', 'cell', 'gridcell']
  return new Map(wanted.map((role) => [role, roles.filter((one) => one === role).length]))
}

for (const [name, address, label] of [
  ['secrets', '/acme/web/secrets', 'Goes to'],
  ['signers', '/settings/signers', 'Person'],
  ['tokens', '/settings/tokens', 'Scopes'],
] as const)
  test(`${name} are cards on a phone, in both themes, with all that one can do to each`, async () => {
    await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 })
    const { page } = opened
    await page.goto(stand.double.url + address)
    await page.getByRole('rowheader').first().waitFor()
    const before = await rolesOf(page)
    assert.ok((before.get('row') ?? 0) > 1)
    for (const theme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: theme })
      await page.setViewportSize({ width: 390, height: 844 })
      await page.locator(`html[data-theme="${theme}"]`).waitFor()
      assert.deepEqual(await page.evaluate(offScreen), [])
      assert.deepEqual(await rolesOf(page), before)
      assert.deepEqual(await axeFindings(page), [])
    }
    const labels = await page.evaluate(
      `[...document.querySelectorAll('td')].map((cell) => getComputedStyle(cell, '::before').content)`,
    )
    assert.ok(
      (labels as string[]).some((words) => words.includes(label)),
      String(labels),
    )
    assert.deepEqual(opened.complaints, [])
  })

test('the search that was left with words in it looks on a phone as it does without any', async () => {
  await using opened = await openPage(stand.browser, { theme: 'light', width: 390 })
  const { page } = opened
  await page.goto(`${stand.double.url}/runs`)
  const field = page.getByRole('combobox', { name: 'Search' })
  await field.waitFor()
  const looks = async () => {
    // Where a finger was last the browser takes it to be still.
    await page.mouse.move(282, 24)
    return page.screenshot({ clip: { x: 150, y: 0, width: 240, height: 47 } })
  }
  const empty = await looks()
  await field.fill('release of the year')
  assert.ok(!(await looks()).equals(empty), 'it is wide while one types')
  await field.blur()
  assert.ok((await looks()).equals(empty))
  await field.focus()
  assert.equal(await field.inputValue(), 'release of the year')
  assert.deepEqual(opened.complaints, [])
})
