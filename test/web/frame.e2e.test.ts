// What stands around every page, by keyboard alone, against the double: the palette, the breadcrumb's menus, the keys between runs and
// failures, the icon of the tab, and what a person chose for their pages.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { axeFindings, openPage } from './double/browser.ts'
import { openStand } from './double/stand.ts'

const stand = openStand()
const at = (path: string) => stand.double.url + path

const visit = async (path: string, shows: string, act: (page: Page) => Promise<void>) => {
  await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 })
  await opened.page.goto(at(path))
  await opened.page.getByText(shows).first().waitFor()
  await act(opened.page)
  assert.deepEqual(opened.complaints, [])
}
const activeOption = (page: Page): Promise<string> =>
  page.evaluate(
    'document.getElementById(document.activeElement.getAttribute("aria-activedescendant"))?.textContent ?? ""',
  )

test('the palette is a combobox: found by words, moved through by arrows, left by Escape; what cancels asks', () =>
  visit('/acme/web/runs/413', 'Stream the export', async (page) => {
    await page.keyboard.press('Control+k')
    const field = page.getByRole('combobox', { name: 'Commands' })
    await field.waitFor()
    assert.deepEqual(await axeFindings(page), [])
    await page.keyboard.type('cancel the run')
    assert.match(await activeOption(page), /Cancel the run/)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'Cancel run 413?' }).waitFor()
    await page.keyboard.press('Escape')

    await page.keyboard.press('Control+k')
    await field.waitFor()
    await page.keyboard.type('run')
    const first = await activeOption(page)
    await page.keyboard.press('ArrowDown')
    assert.notEqual(await activeOption(page), first)
    await page.keyboard.press('ArrowUp')
    assert.equal(await activeOption(page), first)
    await page.keyboard.press('Escape')

    await page.keyboard.press('Control+k')
    await field.waitFor()
    await page.keyboard.type('passkeys')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/settings/passkeys')
  }))

test('the palette opens in the same moment as the one before closes, and stays', () =>
  visit('/acme/web/runs/413', 'Stream the export', async (page) => {
    await page.keyboard.press('Control+k')
    const field = page.getByRole('combobox', { name: 'Commands' })
    await field.waitFor()
    // A dialog tells of its end in a task of its own, after this one.
    await page.evaluate(`(async () => {
      const before = document.querySelector('dialog[open]')
      const told = new Promise((resolve) => before.addEventListener('close', resolve))
      before.close()
      window.dispatchEvent(new KeyboardEvent('keydown', { key: 'k', ctrlKey: true }))
      await told
    })()`)
    await field.waitFor()
    await page.keyboard.type('passkeys')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/settings/passkeys')
  }))

test('beside a log, too, the keys are listed and the palette opens: also what one key pressed twice does', () =>
  visit('/acme/web/runs/412/jobs/unit.1', 'rounds half to even', async (page) => {
    await page.keyboard.press('?')
    const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' })
    await help.locator('dt', { hasText: 'g g' }).waitFor()
    await page.keyboard.press('Escape')
    await help.waitFor({ state: 'detached' })
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox', { name: 'Commands' }).waitFor()
    await page.getByRole('option', { name: /g\s*g$/ }).waitFor()
  }))

test('each segment of the breadcrumb opens its siblings, by keys alone', () =>
  visit('/acme/web/runs/412/jobs/unit.1', 'rounds half to even', async (page) => {
    const trail = page.getByRole('navigation', { name: 'You are here' })
    await trail.getByRole('link', { name: 'main', exact: true }).waitFor()
    const button = trail.getByRole('button', { name: 'Other runs of this branch' })
    await button.focus()
    await page.keyboard.press('Enter')
    const runs = trail.getByRole('list', { name: 'Other runs of this branch' })
    await runs.getByRole('link', { name: /#412/ }).waitFor()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Escape')
    await runs.waitFor({ state: 'detached' })
    assert.equal(await button.evaluate((element) => element === document.activeElement), true)
    await trail.getByRole('button', { name: 'Other jobs of this run' }).focus()
    await page.keyboard.press('Enter')
    const jobs = trail.getByRole('list', { name: 'Other jobs of this run' })
    await jobs
      .getByRole('link', { name: /deploy/ })
      .first()
      .waitFor()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.waitForURL((url) => !url.pathname.endsWith('unit.1'))
  }))

test('[ and ] go along the branch, f to the failure; the icon of the tab is the shape of the run', () =>
  visit('/acme/web/runs/412', '1 job failed', async (page) => {
    const icon = () => page.locator('link[rel="icon"]').getAttribute('href')
    assert.match((await icon()) ?? '', /failed/)
    const older = page.waitForRequest((request) => request.url().includes('cursor='))
    await page.keyboard.press('[')
    assert.match((await older).url(), /project=web&branch=main&limit=1&cursor=run_/)
    await page.goto(at('/acme/web/runs/412'))
    await page.getByText('1 job failed').first().waitFor()
    await page.keyboard.press('f')
    await page.waitForURL('**/runs/412/jobs/unit.1*')
    await page.getByText('rounds half to even').first().waitFor()
    await page.keyboard.press('f')
    await page.getByText('No other job failed there.').waitFor({ state: 'attached' })
    await page.goto(at('/runs'))
    await page.getByText('Round prices half to even').first().waitFor()
    assert.match((await icon()) ?? '', /mark/)
  }))

test('zone, clock and letters are kept with the person; without letters they do nothing, and the palette does', () =>
  visit('/settings/preferences', 'Time zone', async (page) => {
    const sent = () =>
      page.waitForRequest((request) => request.method() === 'PATCH' && request.url().endsWith('/preferences'))
    const zone = sent()
    await page.getByLabel('Time zone').selectOption('Asia/Tokyo')
    assert.deepEqual((await zone).postDataJSON(), { time_zone: 'Asia/Tokyo' })
    await page.getByText(/GMT\+9/).waitFor()
    const letters = sent()
    await page.getByLabel('Use single-letter keys').uncheck()
    assert.deepEqual((await letters).postDataJSON(), { letter_keys: false })
    await page.getByRole('heading', { name: 'Preferences' }).click()
    await page.keyboard.press('?')
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox', { name: 'Commands' }).waitFor()
    assert.equal(await page.getByRole('dialog').count(), 1, 'the list of keys stayed closed')
  }))

test('a part of a page whose script cannot be fetched says so', async () => {
  await using opened = await openPage(
    stand.browser,
    { theme: 'light', width: 1280 },
    /Failed to load resource/,
  )
  const { page } = opened
  await page.route(/(palette|run-changes|log\.worker|\blayout)[^/]*\.js/, (route) => route.abort())
  await page.goto(at('/acme/web/runs/413'))
  await page.getByText('Stream the export').first().waitFor()
  const says = page
    .getByRole('heading', { level: 2, name: 'This part of the page could not be fetched' })
    .first()
  await page.keyboard.press('Control+k')
  await says.waitFor()
  await page.goto(at('/acme/web/runs/413?view=changes'))
  await says.waitFor()
  await page.goto(at('/acme/web/runs/413'))
  await says.waitFor()
  await page.goto(at('/acme/web/runs/412/jobs/unit.1'))
  await says.waitFor()
  assert.deepEqual(opened.complaints, [])
})

test('what a page asks for by the clock is waited for when the server is slow', async () => {
  await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 })
  const { page } = opened
  const slow = Promise.withResolvers<void>()
  let asked = 0
  await page.route('**/api/v1/status', async (route) => {
    asked++
    await slow.promise
    await route.continue()
  })
  await page.clock.install()
  await page.goto(at('/status'))
  await page.getByText('Loading').waitFor({ state: 'attached' })
  await page.clock.runFor(15_000)
  assert.equal(asked, 1, 'the first is not given up for another')
  slow.resolve()
  await page.getByRole('heading', { name: 'Processes' }).waitFor()
  await page.clock.runFor(11_000)
  await page.waitForTimeout(100)
  assert.equal(asked, 2)
  assert.deepEqual(opened.complaints, [])
})
