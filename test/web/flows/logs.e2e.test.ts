// What people do with a log, by keyboard and pointer: open it at the failure, follow, search, fold, link to lines.
import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { Locator } from 'playwright-core'
import { idOf, runById } from '../double/world.ts'
import { isAt, openFlows, shows, soon } from './flow.ts'

const { flow, stand } = openFlows()

flow('a log opens at the failure; a range of lines becomes the address', {}, async (page) => {
  await page.goto(`${stand.double.url}/acme/web/runs/412/jobs/unit.1`)
  await shows(page, 'rounds half to even')
  await page.getByRole('link', { name: 'Line 62' }).click()
  await isAt(page, '/acme/web/runs/412/jobs/unit.1?attempt=2#s3L62')
  await page.getByRole('link', { name: 'Line 66' }).click({ modifiers: ['Shift'] })
  await isAt(page, '/acme/web/runs/412/jobs/unit.1?attempt=2#s3L62-L66')
  assert.equal(await page.locator('.line.chosen').count(), 5)
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  const copied = () => page.evaluate('navigator.clipboard.readText()') as Promise<string>
  await page.keyboard.press('y')
  await page.getByRole('button', { name: 'Copied' }).waitFor(soon)
  assert.equal(await copied(), page.url())
  await page.getByRole('button', { name: 'Copy text' }).click()
  await page.getByRole('button', { name: 'Copied' }).nth(1).waitFor(soon)
  const chosen = await copied()
  assert.match(chosen, /^ FAIL .*rounds half to even\n/)
  await page.getByRole('button', { name: 'Copy as quotation' }).click()
  await page.getByRole('button', { name: 'Copied' }).nth(2).waitFor(soon)
  assert.equal(await copied(), `[unit, Lines 62 to 66](${page.url()})\n\n\`\`\`text\n${chosen}\n\`\`\`\n`)
  await page.keyboard.press('s')
  await page.locator('.line .time').first().waitFor(soon)
  await page.keyboard.press('z')
  await page
    .locator('.line')
    .first()
    .waitFor({ state: 'detached', ...soon })
})

flow(
  'a log of 100,000 lines stays small, jumps to any line, wraps and folds',
  { mode: { logLines: 100_000 } },
  async (page) => {
    const start = performance.now()
    await page.goto(`${stand.double.url}/acme/web/runs/412/jobs/unit.1#s3L90000`)
    await page.getByText('[90000]').first().waitFor({ timeout: 20_000 })
    console.log(`100,000 lines, line 90,000 on screen after ${Math.round(performance.now() - start)} ms`)
    await shows(page, '100,000 lines')
    assert.ok((await page.locator('.line').count()) < 150)
    const jump = await page.evaluate(`new Promise((resolve) => {
    const box = document.querySelector('.scroller')
    const start = performance.now()
    box.scrollTop = 12345 * 19
    const look = () => document.body.textContent.includes('[12350]') ? resolve(performance.now() - start) : requestAnimationFrame(look)
    requestAnimationFrame(look)
  })`)
    console.log(`jump to another line: ${Math.round(Number(jump))} ms`)
    assert.ok(Number(jump) < 300, `${jump} ms`)
    await page.getByRole('button', { name: 'Wrap' }).click()
    await page.locator('.scroller.wraps').waitFor(soon)
    assert.ok((await page.locator('.line').count()) < 150)
  },
)

flow(
  'a log as plain lists: a heading, its lines, page by page',
  { mode: { logLines: 100_000 } },
  async (page) => {
    await page.goto(`${stand.double.url}/acme/web/runs/412/jobs/unit.1`)
    await page.locator('.line').first().waitFor(soon)
    await page.getByRole('button', { name: 'Plain list' }).press('Enter')
    await page.getByRole('heading', { name: 'npm test lines 99,801 to 100,000 of 100,000' }).waitFor(soon)
    await page.getByRole('listitem').filter({ hasText: '[100000]' }).waitFor(soon)
    assert.equal(await page.locator('.plain').getByRole('listitem').count(), 200)
    await page.getByRole('button', { name: 'Earlier lines' }).press('Enter')
    await page.getByRole('listitem').filter({ hasText: '[99601]' }).waitFor(soon)
    await page.getByRole('button', { name: 'Plain list' }).press('Enter')
    await page.locator('.line').first().waitFor(soon)
  },
)

flow('following sticks to the end until one scrolls up', { mode: { logLines: 0 } }, async (page) => {
  const looks: string[] = []
  page.on('request', (request) => {
    if (request.url().endsWith('/annotations')) looks.push(request.url())
  })
  await page.goto(`${stand.double.url}/acme/web/runs/413/jobs/unit.1`)
  await page.getByRole('link', { name: 'Line 61' }).waitFor(soon)
  const follow = page.getByRole('button', { name: 'Follow' })
  assert.equal(await follow.getAttribute('aria-pressed'), 'true')
  await page.locator('.scroller').hover()
  await page.mouse.wheel(0, -400)
  await page.locator('button[aria-pressed="false"]', { hasText: 'Follow' }).waitFor(soon)
  const top = await page.locator('.scroller').evaluate((box) => box.scrollTop)
  stand.double.finishLog(runById(idOf('run', 413))?.jobs[5]?.attempts.at(-1)?.id ?? '')
  await page.getByRole('button', { name: /^\d+ new lines$/ }).waitFor(soon)
  assert.equal(await page.locator('.scroller').evaluate((box) => box.scrollTop), top)
  await page.getByRole('button', { name: /^\d+ new lines$/ }).click()
  await shows(page, 'Stored 42 files')
  assert.equal(looks.length, 1, 'the log is looked through when it is opened, not at each of its steps')
})

flow('what comes while a log is read anew is not lost', {}, async (page) => {
  const held = { isOn: false, asked: Promise.withResolvers<void>(), go: Promise.withResolvers<void>() }
  await page.route(/\/log\/index/, async (route) => {
    const response = await route.fetch()
    if (held.isOn) {
      held.asked.resolve()
      await held.go.promise
    }
    await route.fulfill({ response })
  })
  await page.goto(`${stand.double.url}/acme/web/runs/413/jobs/unit.1`)
  await shows(page, 'keeps 60 items in order')
  held.isOn = true
  await page.getByRole('button', { name: 'Regular expression' }).click()
  await page.getByLabel('Find in the log').fill('([^]+[^]?)+\\u0007')
  await held.asked.promise
  stand.double.finishLog(runById(idOf('run', 413))?.jobs[5]?.attempts.at(-1)?.id ?? '')
  await page.waitForTimeout(1_000)
  const read = page.waitForResponse(/\/log\/index/)
  held.go.resolve()
  await read
  await page.keyboard.press('Escape')
  await page.waitForTimeout(1_000)
  await page.getByRole('button', { name: 'Follow' }).press('Enter')
  await shows(page, 'Stored 42 files')
})

flow('groups of a log fold and open by keyboard, and whatever one goes to is shown', {}, async (page) => {
  await page.goto(`${stand.double.url}/acme/web/runs/412/jobs/unit.1?attempt=2#s2L1`)
  const group = page.getByRole('button', { name: 'Audit of 812 packages' })
  await group.waitFor(soon)
  assert.equal(await group.getAttribute('aria-expanded'), 'false')
  assert.equal(await page.getByText('package 7 is known').count(), 0)
  await group.focus()
  await page.keyboard.press('Enter')
  await shows(page, 'package 7 is known')
  assert.equal(await group.getAttribute('aria-expanded'), 'true')
  assert.equal(
    await group.evaluate(
      (button) =>
        button ===
        (button as unknown as { ownerDocument: { activeElement: unknown } }).ownerDocument.activeElement,
    ),
    true,
    'focus stays',
  )
  await page.keyboard.press('Enter')
  await page.getByText('package 7 is known').waitFor({ state: 'detached', ...soon })
  await page.keyboard.press('/')
  await page.keyboard.type('package 31 ')
  await page.locator('.line.current', { hasText: 'package 31 is known' }).waitFor(soon)
  await shows(page, 'package 30 is known')
  await page.goto(`${stand.double.url}/runs`)
  await page.goto(`${stand.double.url}/acme/web/runs/412/jobs/unit.1?attempt=2#s2L30`)
  await page.locator('.line.chosen', { hasText: 'package 24 is known' }).waitFor(soon)
})

flow(
  'only lines that match are shown with their numbers, more on demand, and leaving keeps the place',
  {},
  async (page) => {
    await page.goto(`${stand.double.url}/acme/web/runs/412/jobs/unit.1?attempt=2`)
    await shows(page, 'rounds half to even')
    const numbers = async () => {
      const all = await page.locator('.line > a').allTextContents()
      return all.map(Number)
    }
    await page.keyboard.press('/')
    await page.keyboard.type('keeps 3')
    await page.locator('.line.current', { hasText: 'keeps 3 items' }).waitFor(soon)
    await page.keyboard.press('Enter')
    await page.locator('.line.current', { hasText: 'keeps 30 items' }).waitFor(soon)
    await page.getByLabel('Find in the log').blur()
    await page.keyboard.press('m')
    await shows(page, '26 lines left out')
    assert.deepEqual(await numbers(), [4, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40])
    const current = page.locator('.line.current')
    const yOf = async (box: Locator) => (await box.boundingBox())?.y ?? Number.NaN
    /** Within the log: the bar above it may take another row. */
    const topOf = async () => (await yOf(current)) - (await yOf(page.locator('.scroller')))
    await page.getByLabel('Lines around a match').selectOption('3 around')
    await shows(page, 'keeps 27 items')
    await page.getByRole('button', { name: '20 lines left out: show more' }).click()
    await shows(page, 'keeps 17 items')
    await current.scrollIntoViewIfNeeded()
    const before = await topOf()
    await page.getByRole('button', { name: 'Only matches' }).click()
    await shows(page, 'keeps 48 items')
    assert.ok(Math.abs((await topOf()) - before) <= 1, `${before} px before, ${await topOf()} px after`)
  },
)

flow('a plain list follows the search and shows only matches, too', {}, async (page) => {
  await page.goto(`${stand.double.url}/acme/web/runs/412/jobs/unit.1?attempt=2`)
  await shows(page, 'rounds half to even')
  await page.getByRole('button', { name: 'Plain list' }).click()
  await page.getByLabel('Find in the log').fill('package 31 ')
  await page.locator('li[aria-current]', { hasText: 'package 31 is known' }).waitFor(soon)
  await page.getByRole('button', { name: 'Only matches' }).click()
  await shows(page, '36 lines left out')
  assert.equal(await page.getByText('package 30 is known').count(), 0)
  await page.getByRole('combobox', { name: 'Steps' }).selectOption('4')
  await page.getByRole('button', { name: 'Only matches' }).click()
  await shows(page, 'Lines 2 to 121 were not received.')
})

flow(
  'what of a log cannot be fetched is asked for again after a while, and not at once',
  { expected: /Failed to load resource/ },
  async (page) => {
    const asked = new Map<string, number>()
    const frames = /\/log\?format=frames/
    await page.route(frames, (route) => {
      const url = route.request().url()
      asked.set(url, (asked.get(url) ?? 0) + 1)
      return route.fulfill({ status: 503 })
    })
    await page.goto(`${stand.double.url}/acme/web/runs/412/jobs/unit.1`)
    await shows(page, 'Part of the log could not be fetched')
    // Less than until the next time. Each part is asked for by its page, and once to see where its step ends.
    await setTimeout(2_000)
    for (const [url, times] of asked) assert.ok(times <= 2, `${url}: ${times} times`)
    await page.unroute(frames)
    await shows(page, 'rounds half to even')
  },
)

flow('a log that was refused is there again as soon as it is told', {}, async (page) => {
  const attempt = runById(idOf('run', 413))?.jobs[5]?.attempts.at(-1)?.id ?? ''
  await page.goto(`${stand.double.url}/acme/web/runs/413/jobs/unit.1`)
  await shows(page, 'keeps 60 items in order')
  stand.double.tell({ t: 'refused', topic: `log:${attempt}`, reason: 'not allowed any more' })
  await shows(page, 'The log cannot be shown: not allowed any more')
  const log = page.getByRole('region', { name: 'Log of unit' })
  assert.equal(await log.count(), 0)
  stand.double.finishLog(attempt)
  await log.waitFor(soon)
  assert.equal(await page.getByText('The log cannot be shown').count(), 0)
})

flow(
  'of a finished log whose index breaks off while it is read anew, the rest is told all the same',
  { expected: /ERR_FAILED/ },
  async (page) => {
    let breaksOff = false
    await page.route(/\/log\/index/, async (route) => {
      const isFirst = new URL(route.request().url()).searchParams.get('after') === '0'
      if (breaksOff && !isFirst) return route.abort()
      const index = await (await route.fetch()).json()
      return route.fulfill({
        json: { ...index, chunks: breaksOff ? index.chunks.slice(0, 1) : index.chunks },
      })
    })
    await page.goto(`${stand.double.url}/acme/web/runs/412/jobs/unit.1`)
    await shows(page, 'rounds half to even')
    const title = page.getByRole('heading', { name: /^Log/ })
    const whole = (await title.textContent()) ?? ''
    breaksOff = true
    await page.getByRole('button', { name: 'Regular expression' }).click()
    const anew = page.waitForRequest(/\/log\/index\?after=[1-9]/, soon)
    await page.getByLabel('Find in the log').fill('([^]+[^]?)+\\u0007')
    await anew
    await page.keyboard.press('Escape')
    await page.getByRole('heading', { name: whole }).waitFor(soon)
  },
)
