// The page of a run, by hand and by keyboard: its views, the order of its jobs and the run beside it stand in the address.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { openPage } from './double/browser.ts'
import { openStand } from './double/stand.ts'
import { idOf, runById } from './double/world.ts'

const stand = openStand()
const flow = (title: string, run: (page: Page) => Promise<void>) =>
  test(title, async () => {
    await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 })
    await run(opened.page)
    assert.deepEqual(opened.complaints, [])
  })
const at = (page: Page, query: string) => page.waitForURL(`${stand.double.url}/acme/web/runs/412${query}`)
const go = (page: Page, query = '') => page.goto(`${stand.double.url}/acme/web/runs/412${query}`)

flow('each number shows a view, and y copies its address', async (page) => {
  await go(page)
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.getByRole('button', { name: 'Graph' }).waitFor()
  const words = ['table', 'timeline', 'tests', 'annotations', 'config', 'changes', 'raw']
  for (const [i, word] of words.entries()) {
    await page.keyboard.press(String(i + 2))
    await at(page, `?view=${word}`)
  }
  await page.keyboard.press('y')
  await page.getByText('Address copied').waitFor({ state: 'attached' })
  assert.match(
    String(await page.evaluate('navigator.clipboard.readText()')),
    /\/acme\/web\/runs\/412\?view=raw$/,
  )
  await page.keyboard.press('1')
  await at(page, '')
})

flow('a failed job names the tests that failed, and leads to all of them', async (page) => {
  await go(page)
  const list = page.getByRole('list', { name: 'Failed tests of unit' })
  await list.getByText('refuses an expired link').waitFor()
  await list.getByRole('link', { name: '2 failed tests' }).press('Enter')
  await at(page, '/jobs/unit.1?attempt=2&view=tests')
})

flow('a graph that is wider than its place begins at the job that failed', async (page) => {
  await page.setViewportSize({ width: 390, height: 860 })
  await page.goto(`${stand.double.url}/acme/web/runs/405`)
  const graph = page.getByRole('region', { name: 'Jobs of workflow build-test-deploy' })
  const failed = graph.getByRole('link', { name: /^service-40/ })
  await failed.waitFor()
  await page.locator('svg.map').waitFor()
  const [place, node] = [await graph.boundingBox(), await failed.boundingBox()]
  assert.ok(place && node && node.x >= place.x && node.x + node.width <= place.x + place.width, 'in sight')
})

flow('jobs are sorted by a column, both ways and back, and the address says how', async (page) => {
  await go(page, '?view=table')
  const table = page.getByRole('table').first()
  const first = () => table.getByRole('row').nth(1).textContent()
  await table.getByRole('button', { name: 'Duration' }).click()
  await at(page, '?view=table&sort=-duration')
  assert.match((await first()) ?? '', /e2e/)
  assert.equal(
    await table.getByRole('columnheader', { name: 'Duration' }).getAttribute('aria-sort'),
    'descending',
  )
  await table.getByRole('button', { name: 'Duration' }).press('Enter')
  await at(page, '?view=table&sort=duration')
  await table.getByRole('button', { name: 'Duration' }).press('Enter')
  await at(page, '?view=table')
  await table.getByRole('button', { name: 'Status' }).click()
  await at(page, '?view=table&sort=status')
  assert.match((await first()) ?? '', /unit.*failed/)
})

flow('another run is put beside it, chosen anew, and taken away', async (page) => {
  await go(page)
  await page.getByRole('button', { name: 'Compare' }).click()
  await at(page, '?compare=411')
  const asked = page.waitForRequest((request) => request.url().includes('/compare?with='))
  await page.getByLabel('Compare with run').fill('409')
  await page.getByLabel('Compare with run').press('Enter')
  await at(page, '?compare=409')
  // The older run comes first.
  assert.match(new URL((await asked).url()).pathname, /\/runs\/run_0+[0-9a-v]+\/compare$/)
  await page.getByText('2 tests failing now').waitFor()
  await page.getByText('knows <script>alert(1)</script> as a name').waitFor()
  await page.getByRole('button', { name: 'Close the comparison' }).click()
  await at(page, '')
})

flow('a failed job shows the line of its log that tells why, and leads to it', async (page) => {
  await go(page)
  const failures = page.locator('section', { has: page.getByRole('heading', { name: '1 job failed' }) })
  await failures
    .getByRole('link', { name: 'FAIL  test/invoice.test.ts › rounds half to even' })
    .press('Enter')
  await page.waitForURL(/\/runs\/412\/jobs\/[^/]+#s3L\d+$/)
})

flow('the run as JSON is what the API answers', async (page) => {
  await go(page, '?view=raw')
  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Download' }).click()
  assert.equal((await download).suggestedFilename(), 'run-412.json')
})

flow('a large graph is made to fit by a key, larger by a button, and moved by its map', async (page) => {
  await page.goto(`${stand.double.url}/acme/web/runs/405`)
  const graph = page.getByRole('region', { name: /^Jobs of workflow/ })
  const widthOf = async () => (await graph.getByRole('link', { name: /service-0/ }).boundingBox())?.width ?? 0
  const whole = await widthOf()
  await page.keyboard.press('0')
  assert.ok((await widthOf()) < whole, 'it is smaller')
  await page.getByRole('button', { name: 'Larger' }).click()
  await page.getByRole('button', { name: 'Larger' }).press('Enter')
  const before = await graph.evaluate((element) => (element as { scrollLeft: number }).scrollLeft)
  const map = page.locator('svg.map')
  const box = (await map.boundingBox()) ?? assert.fail()
  await map.click({ position: { x: box.width - 5, y: 5 } })
  assert.ok((await graph.evaluate((element) => (element as { scrollLeft: number }).scrollLeft)) > before)
  await graph.getByRole('link', { name: /service-71/ }).hover()
  assert.ok((await graph.locator('.node.lit').count()) > 6, 'what it needs is lit up')
  assert.match((await graph.locator('path title').first().textContent()) ?? '', /: runs after: passed$/)
})

flow(
  'the line below a graph says what leads to a job, by pointer and by keyboard, and the table says it too',
  async (page) => {
    await go(page)
    const graph = page.getByRole('region', { name: /^Jobs of workflow/ })
    const meaning = page.getByRole('list', { name: 'What the lines mean' })
    await meaning.getByText('the workspace goes along it').waitFor()
    await graph.getByRole('link', { name: /lint/ }).hover()
    const said = page
      .getByText('install: runs after: passed, workspace of install (46.2 MiB)', { exact: true })
      .last()
    await said.waitFor()
    await page.mouse.move(0, 0)
    await meaning.waitFor()
    const deploy = graph.getByRole('link', { name: /deploy to production/ })
    await deploy.focus()
    const described = await deploy.getAttribute('aria-describedby')
    const words = await page.locator(`#${described}`).textContent()
    assert.match(words ?? '', /^approve: runs after a person approved, ended otherwise/)
    await page
      .getByText(/^approve: runs after a person approved.*workspace of package, install/)
      .last()
      .waitFor()
    await page.keyboard.press('t')
    const row = page.getByRole('row', { name: /deploy to production/ })
    await row.getByText('takes the workspace of package, install (46.2 MiB)').waitFor()
  },
)

flow('the head says how long machines of each class were taken', async (page) => {
  await go(page)
  const machine = page.getByText('Machine time').locator('xpath=..')
  assert.match((await machine.textContent()) ?? '', /\d+m \d+s medium, .* large, .* built-in/)
})

for (const view of ['tests', 'annotations', 'config', 'changes', 'graph'])
  flow(`a run that changes asks again for nothing that it did not change: ${view}`, async (page) => {
    const run = runById(idOf('run', 413))!
    await page.goto(`${stand.double.url}/acme/web/runs/413?view=${view}`)
    await page.getByText('Live', { exact: true }).first().waitFor()
    await page.waitForLoadState('networkidle')
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    for (let n = 1; n <= 5; n++) {
      const next = { ...run, rev: run.rev + n, headline: `change ${n}` }
      stand.double.tell({ t: 'run', topic: `run:${run.id}`, rev: next.rev, run: next, jobs: [] })
      await page.waitForTimeout(50)
    }
    await page.waitForTimeout(200)
    assert.deepEqual(asked, [])
  })
