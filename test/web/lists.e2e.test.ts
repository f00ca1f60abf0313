// The list of runs as people narrow it, against the double: filters are words of the address, and a view of them is kept.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { openPage } from './double/browser.ts'
import { openStand } from './double/stand.ts'
import { deliveries, idOf, projects, summaries } from './double/world.ts'

const stand = openStand()

test('filters stand in the address as words; a view of them is named, saved, opened and removed', async () => {
  await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 })
  const { page } = opened
  await page.goto(`${stand.double.url}/runs`)
  await page.getByLabel('Mine').check()
  await page.getByLabel('Since').first().selectOption('7d')
  await page.waitForURL('**/runs?mine=yes&since=7d')
  const asked = page.waitForRequest((request) => request.url().includes('class=large'))
  await page.getByText('More filters').click()
  await page.getByLabel('Runner class').fill('large')
  await page.keyboard.press('Enter')
  assert.match((await asked).url(), /mine=yes&.*class=large|class=large&.*mine=yes/)

  await page.getByRole('button', { name: 'Save this view' }).click()
  const saved = page.waitForRequest(
    (request) => request.method() === 'POST' && request.url().endsWith('/api/v1/views'),
  )
  await page.getByLabel('Name of the view').fill('Large and mine')
  await page.keyboard.press('Enter')
  assert.deepEqual((await saved).postDataJSON(), {
    ...{ name: 'Large and mine', query: 'since=7d&class=large&mine=yes' },
  })
  const views = page.getByRole('navigation', { name: 'Saved views' })
  const own = views.getByRole('link', { name: 'Large and mine' })
  await own.waitFor()
  assert.equal(await own.getAttribute('aria-current'), 'page')

  await views.getByRole('link', { name: 'Red on main' }).click()
  await page.waitForURL('**/runs?status=failed&branch=main')
  await page.getByRole('button', { name: 'Remove view Red on main' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove view' }).click()
  await views.getByRole('link', { name: 'Red on main' }).waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Save this view' }).waitFor()
  assert.deepEqual(opened.complaints, [])
})

test('a run is started from the list, of the project the list is about', async () => {
  await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 })
  const { page } = opened
  await page.goto(`${stand.double.url}/runs?project=web`)
  await page.getByRole('button', { name: 'Start a run' }).click()
  const started = page.waitForRequest(
    (request) => request.method() === 'POST' && request.url().endsWith('/api/v1/runs'),
  )
  await page.getByLabel('Branch or tag').fill('release')
  await page.keyboard.press('Enter')
  assert.deepEqual((await started).postDataJSON(), { project: 'web', ref: 'release' })
  await page.waitForURL('**/acme/web/runs/*')
})

test('who comes back from a run is where they were in the list, as soon as it is there again', async () => {
  await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 })
  const { page } = opened
  const [like] = summaries()
  const items = Array.from({ length: 60 }, (_, i) => ({
    ...like!,
    id: idOf('run', 600 - i),
    number: 600 - i,
  }))
  await page.route(/\/api\/v1\/runs\?(?!.*number=)/, async (route) => {
    await setTimeout(300)
    await route.fulfill({ json: { items, next_cursor: null } })
  })
  await page.goto(`${stand.double.url}/runs`)
  const row = page.locator('[data-row]').nth(40)
  await row.scrollIntoViewIfNeeded()
  const top = () => page.evaluate('scrollY')
  const before = Number(await top())
  assert.ok(before > 500, `${before} px down`)
  await row.click()
  await page.waitForURL('**/acme/web/runs/560')
  assert.equal(await top(), 0)
  await page.goBack()
  const soon = Date.now() + 5_000
  while (Math.abs(Number(await top()) - before) >= 2) {
    assert.ok(Date.now() < soon, `at ${await top()}, not at ${before}`)
    await setTimeout(50)
  }
  assert.deepEqual(opened.complaints, [])
})

test('who comes back to a list of which they fetched more is as far down in it', async () => {
  await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 })
  const { page } = opened
  const [like] = summaries()
  const numbered = (number: number) => ({ ...like!, id: idOf('run', number), number })
  await page.route(/\/api\/v1\/runs\?(?!.*number=)/, async (route) => {
    const first = Number(new URL(route.request().url()).searchParams.get('cursor') ?? 600)
    const items = Array.from({ length: 50 }, (_, i) => numbered(first - i))
    await route.fulfill({ json: { items, next_cursor: first > 400 ? String(first - 50) : null } })
  })
  await page.goto(`${stand.double.url}/runs`)
  const more = page.getByRole('button', { name: 'Older runs' })
  const rows = page.locator('[data-row]')
  await more.click()
  await rows.nth(99).waitFor()
  await more.click()
  await rows.nth(149).waitFor()
  await rows.nth(140).scrollIntoViewIfNeeded()
  const top = async () => Number(await page.evaluate('scrollY'))
  const before = await top()
  await rows.nth(140).click()
  await page.waitForURL('**/acme/web/runs/460')
  await page.goBack()
  const soon = Date.now() + 5_000
  while (Math.abs((await top()) - before) >= 2) {
    assert.ok(Date.now() < soon, `at ${await top()}, not at ${before}`)
    await setTimeout(50)
  }
  assert.equal(await rows.count(), 150)
  await page.getByLabel('Status').selectOption('failed')
  await rows.nth(50).waitFor({ state: 'detached' })
  assert.equal(await rows.count(), 50, 'another list begins with its first page')
  assert.deepEqual(opened.complaints, [])
})

test('runs of the filters before are seen to be that while the answer to others is on its way', async () => {
  await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 })
  const { page } = opened
  await page.goto(`${stand.double.url}/runs`)
  await page.getByText('Stream the export').first().waitFor()
  const answered = Promise.withResolvers<void>()
  await page.route(/\/api\/v1\/runs\?.*status=failed/, async (route) => {
    await answered.promise
    await route.continue()
  })
  await page.getByLabel('Status').selectOption('failed')
  const busy = page.locator('[aria-busy="true"]', { hasText: 'Stream the export' })
  await busy.waitFor()
  answered.resolve()
  await busy.waitFor({ state: 'detached' })
  await page.getByText('Stream the export').first().waitFor({ state: 'detached' })
  assert.deepEqual(opened.complaints, [])
})

/** A list of 150 runs, or of deliveries, in pages of fifty; `older` is what those below the first wait for. */
const paged = async (page: Page, what: RegExp, like: object, prefix: string, older?: Promise<void>) => {
  const item = (number: number) => ({ ...like, id: idOf(prefix, number), number })
  await page.route(what, async (route) => {
    const cursor = new URL(route.request().url()).searchParams.get('cursor')
    if (cursor !== null) await older
    const first = Number(cursor ?? 600)
    const items = Array.from({ length: 50 }, (_, i) => item(first - i))
    await route.fulfill({ json: { items, next_cursor: first > 500 ? String(first - 50) : null } })
  })
}
const listOfRuns = /\/api\/v1\/runs\?(?!.*number=|.*status=)/

test('an old run that changes is in the list once, also when its page is fetched afterwards', async () => {
  await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 })
  const { page } = opened
  const [like] = summaries()
  await paged(page, listOfRuns, like!, 'run')
  await page.goto(`${stand.double.url}/runs`)
  const rows = page.locator('[data-row]')
  await rows.nth(49).waitFor()
  await page.getByText('Live', { exact: true }).first().waitFor()
  stand.double.tell({
    ...{ t: 'runs', topic: 'runs' },
    run: { ...like!, id: idOf('run', 530), number: 530, rev: like!.rev + 1 },
  })
  await page.getByRole('button', { name: '1 new run' }).click()
  await rows.nth(50).waitFor()
  await page.getByRole('button', { name: 'Older runs' }).click()
  await rows.nth(99).waitFor()
  assert.equal(await rows.count(), 100)
  assert.deepEqual(opened.complaints, [])
})

test('older runs that come after other filters were chosen are not among theirs', async () => {
  await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 })
  const { page } = opened
  const older = Promise.withResolvers<void>()
  await paged(page, listOfRuns, summaries()[0]!, 'run', older.promise)
  await page.goto(`${stand.double.url}/runs`)
  const rows = page.locator('[data-row]')
  await rows.nth(49).waitFor()
  await page.getByRole('button', { name: 'Older runs' }).click()
  await page.getByLabel('Status').selectOption('failed')
  await rows.nth(20).waitFor({ state: 'detached' })
  const found = await rows.count()
  const answered = page.waitForResponse(/cursor=550/)
  older.resolve()
  await (await answered).finished()
  await setTimeout(200)
  assert.equal(await rows.count(), found)
  assert.deepEqual(opened.complaints, [])
})

test('older runs that cannot be fetched are said to be so', async () => {
  await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 }, /ERR_FAILED/)
  const { page } = opened
  await paged(page, listOfRuns, summaries()[0]!, 'run')
  await page.goto(`${stand.double.url}/runs`)
  await page.getByRole('button', { name: 'Older runs' }).waitFor()
  await page.route(/cursor=550/, (route) => route.abort())
  await page.getByRole('button', { name: 'Older runs' }).click()
  await page.getByText('The server cannot be reached').waitFor()
  await page.unroute(/cursor=550/)
  await page.getByRole('button', { name: 'Older runs' }).click()
  await page.locator('[data-row]').nth(99).waitFor()
  assert.deepEqual(opened.complaints, [])
})

test('older deliveries asked for twice come once', async () => {
  await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 })
  const { page } = opened
  const older = Promise.withResolvers<void>()
  await paged(page, /\/api\/v1\/deliveries\?/, deliveries[0]!, 'dlv', older.promise)
  await page.goto(`${stand.double.url}/acme/web/deliveries`)
  const more = page.getByRole('button', { name: 'Older deliveries' })
  await more.dblclick()
  older.resolve()
  const rows = page.getByRole('list', { name: 'Deliveries' }).locator('> li')
  await rows.nth(99).waitFor()
  assert.equal(await rows.count(), 100)
  assert.deepEqual(opened.complaints, [])
})

test('news that comes when the list was left is for nobody', async () => {
  await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 })
  const { page } = opened
  const asked = Promise.withResolvers<void>()
  const left = Promise.withResolvers<void>()
  let lists = 0
  await page.route(/\/api\/v1\/runs\?(?!.*number=)/, async (route) => {
    // The second is the look at what came before the stream told.
    if (++lists === 2) {
      asked.resolve()
      await left.promise
    }
    await route.continue()
  })
  await page.goto(`${stand.double.url}/runs`)
  await asked.promise
  await page.getByRole('link', { name: 'Runners' }).click()
  await page.getByText('brook').first().waitFor()
  const answered = page.waitForResponse(/\/api\/v1\/runs\?/)
  left.resolve()
  await (await answered).finished()
  await page.waitForTimeout(100)
  assert.deepEqual(opened.complaints, [])
})

test('the hundred-and-first project is in the list, in the search and among the filters', async () => {
  await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 })
  const { page } = opened
  await page.route(/\/api\/v1\/projects\?/, async (route) => {
    const query = new URL(route.request().url()).searchParams
    const first = Number(query.get('cursor') ?? 1)
    const last = Math.min(120, first + Number(query.get('limit')) - 1)
    const items = Array.from({ length: last - first + 1 }, (_, i) => {
      const number = first + i
      return { ...projects[0]!, id: idOf('prj', number), name: `shop-${number}`, last_run: null }
    })
    await route.fulfill({ json: { items, next_cursor: last < 120 ? String(last + 1) : null } })
  })
  await page.goto(`${stand.double.url}/projects`)
  await page.getByRole('link', { name: 'shop-101' }).waitFor()
  await page.getByRole('combobox', { name: 'Search' }).fill('shop-101')
  await page.getByRole('option', { name: 'shop-101' }).first().waitFor()
  await page.goto(`${stand.double.url}/runs`)
  await page.getByLabel('Project').locator('option', { hasText: 'shop-101' }).waitFor({ state: 'attached' })
  assert.deepEqual(opened.complaints, [])
})
