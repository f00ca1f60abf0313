// The page of a job, by keyboard and pointer, against the double: where links of a log lead, and a line that is pinned as the error.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { axeFindings, openPage } from './double/browser.ts'
import { openStand } from './double/stand.ts'
import { pin } from './double/world/attempts.ts'
import { idOf, runById } from './double/world.ts'

const soon = { timeout: 20_000 }
const stand = openStand()
const job = '/acme/web/runs/412/jobs/unit.1'

const flow = (title: string, act: (page: Page) => Promise<void>) =>
  test(title, async () => {
    Object.assign(stand.double.mode, {
      session: 'signed-in',
      role: 'owner',
      data: 'full',
      stream: 'on',
      logLines: 0,
    })
    await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 })
    await act(opened.page)
    assert.deepEqual(opened.complaints, [])
  })
const go = (page: Page, address: string) => page.goto(stand.double.url + address)

flow('an address in a log is a link to itself that tells nobody where one comes from', async (page) => {
  await go(page, `${job}?attempt=2#s4L1`)
  const link = page.locator('.log-text a.link')
  await link.waitFor(soon)
  const attributes = await link.evaluate((a) =>
    ['href', 'target', 'rel', 'referrerpolicy'].map((name) =>
      (a as unknown as { getAttribute(n: string): string }).getAttribute(name),
    ),
  )
  assert.deepEqual(attributes, [
    'https://files.example.com/412?by=unit',
    '_blank',
    'noopener noreferrer nofollow',
    'no-referrer',
  ])
  assert.equal(await link.textContent(), 'https://files.example.com/412?by=unit')
})

flow(
  'a link whose words are not where it leads shows its address first, and leads nowhere by itself',
  async (page) => {
    const asked: string[] = []
    page.context().on('request', (request) => {
      if (!request.url().startsWith(stand.double.url)) asked.push(request.url())
    })
    await go(page, `${job}?attempt=2#s2L5`)
    const link = page.getByRole('button', { name: 'a link that is only text' })
    await link.waitFor(soon)
    assert.equal(await page.locator('.log-text a[href*="evil.example"]').count(), 0)
    await link.focus()
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog', { name: 'To evil.example?' })
    await dialog.waitFor(soon)
    await dialog.getByText('https://evil.example/').waitFor(soon)
    assert.equal(await dialog.getByRole('link').getAttribute('rel'), 'noopener noreferrer nofollow')
    assert.deepEqual(await axeFindings(page), [])
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached', ...soon })
    await link.click({ modifiers: ['Control'] })
    await dialog.waitFor(soon)
    assert.equal(page.context().pages().length, 1, 'a modifier opens nothing past it')
    assert.deepEqual(asked, [])
  },
)

flow(
  'by keyboard a line is pinned as the error: the page opens there, until it is unpinned',
  async (page) => {
    await go(page, `${job}?attempt=2#s3L67`)
    const pin = page.getByRole('button', { name: 'Pin as the error' })
    await pin.waitFor(soon)
    await pin.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Line 67 of npm test' }).waitFor(soon)
    await page.getByText('Ada Lovelace').first().waitFor(soon)
    assert.equal(await pin.getAttribute('aria-pressed'), 'true')
    assert.deepEqual(await axeFindings(page), [])
    // Somebody else, who comes without a line.
    await go(page, `${job}?attempt=2`)
    await page.locator('.line.pinned', { hasText: '87' }).waitFor(soon)
    const log = page.getByRole('region', { name: 'Log of unit' })
    const top = await page
      .locator('.line.pinned')
      .evaluate(
        (line) => (line as unknown as { getBoundingClientRect(): { y: number } }).getBoundingClientRect().y,
      )
    const box = await log.boundingBox()
    assert.ok(box !== null && top > box.y && top < box.y + box.height, 'the pinned line is in sight')
    await page.getByRole('button', { name: 'Unpin' }).click()
    await page.getByRole('button', { name: 'Line 67 of npm test' }).waitFor({ state: 'detached', ...soon })
    assert.equal(await page.locator('.line.pinned').count(), 0)
  },
)

flow(
  'what somebody else pins is on a page that is open, and goes from it, without a reload',
  async (page) => {
    await go(page, `${job}?attempt=2`)
    await page.getByRole('region', { name: 'Log of unit' }).waitFor(soon)
    await page.getByText('Live', { exact: true }).first().waitFor(soon)
    const run = runById(idOf('run', 412))!
    const shard = run.jobs[5]!
    const attempt = shard.attempts.at(-1)!.id
    const tell = (rev: number) =>
      stand.double.tell({
        t: 'run',
        topic: `run:${run.id}`,
        rev,
        run: { ...run, rev },
        jobs: [{ ...shard, rev }],
      })
    pin(attempt, { step: 3, line: 70 })
    tell(run.rev + 1)
    await page.getByRole('button', { name: 'Line 70 of npm test' }).waitFor(soon)
    pin(attempt, null)
    tell(run.rev + 2)
    await page.getByRole('button', { name: 'Line 70 of npm test' }).waitFor({ state: 'detached', ...soon })
  },
)

flow('a log is read for its annotations once while its job goes on', async (page) => {
  const run = runById(idOf('run', 413))!
  const shard = run.jobs[5]!
  await page.goto(`${stand.double.url}/acme/web/runs/413/jobs/unit.1`)
  await page.getByText('Live', { exact: true }).first().waitFor(soon)
  await page.waitForLoadState('networkidle')
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.url().split('/').at(-1) ?? ''))
  for (let n = 1; n <= 3; n++) {
    const rev = run.rev + n
    const attempts = shard.attempts.map((attempt) => ({ ...attempt }))
    const jobs = [{ ...shard, attempts, rev: shard.rev + n }]
    stand.double.tell({ t: 'run', topic: `run:${run.id}`, rev, run: { ...run, rev }, jobs })
    await page.waitForTimeout(100)
  }
  assert.ok(asked.length > 0, 'its steps are asked for')
  // What it uses is asked for by the clock.
  assert.equal(asked.includes('annotations'), false)
})

flow('on a phone nothing stands on the words of a line', async (page) => {
  await page.setViewportSize({ width: 390, height: 860 })
  await go(page, `${job}?attempt=2`)
  await page.getByText('nothing for 34s').waitFor(soon)
  const covered = await page.evaluate(`[...document.querySelectorAll('.line .pause')].filter((word) =>
    word.getBoundingClientRect().left < word.parentElement.querySelector('.text').getBoundingClientRect().right - 1).length`)
  assert.equal(covered, 0)
})

flow('who may only look sees what is pinned and pins nothing', async (page) => {
  await go(page, `${job}?attempt=2#s3L64`)
  await page.getByRole('button', { name: 'Pin as the error' }).click()
  await page.getByRole('button', { name: 'Unpin' }).waitFor(soon)
  stand.double.mode.role = 'viewer'
  await go(page, `${job}?attempt=2#s3L65`)
  await page.reload()
  await page.getByRole('button', { name: 'Line 64 of npm test' }).waitFor(soon)
  await page.getByRole('button', { name: 'Copy link' }).waitFor(soon)
  assert.equal(await page.getByRole('button', { name: /^Pin as|^Unpin/ }).count(), 0)
})

flow(
  'a log that opens at its failure leaves the window where a person has scrolled it meanwhile',
  async (page) => {
    await page.setViewportSize({ width: 1280, height: 400 })
    let answer = () => {}
    const held = new Promise<void>((resolve) => {
      answer = resolve
    })
    await page.route(/failure_in=/, async (route) => {
      await held
      await route.continue()
    })
    const asked = page.waitForRequest(/failure_in=/, soon)
    await go(page, `${job}?attempt=1`)
    await asked
    await page.evaluate('scrollTo(0, 40)')
    answer()
    await page.locator('.line', { hasText: 'not found' }).waitFor(soon)
    assert.equal(await page.evaluate('scrollY'), 40)
  },
)

flow('a failure that is known is explained beside the log, with its next step and its line', async (page) => {
  // The other attempt is the one with a line that is pinned.
  let asked = 0
  const first = page.waitForRequest(/failure_in=/, soon)
  page.on('request', (request) => {
    if (request.url().includes('failure_in=')) asked++
  })
  await go(page, `${job}?attempt=1`)
  const hint = page.getByRole('region', { name: 'What this looks like' })
  await hint.getByText('The command is not there.').waitFor(soon)
  assert.equal(await hint.locator('code').textContent(), 'report')
  await hint.getByRole('button', { name: 'Line 73' }).click()
  await page.waitForURL(/attempt=1#s3L73$/, soon)
  await page.locator('.line.chosen', { hasText: 'not found' }).waitFor(soon)
  await first
  assert.equal(asked, 1, 'the server reads the log for that')
})

flow('by keyboard a job is run again in a larger class', async (page) => {
  await go(page, `${job}?attempt=2`)
  await page.getByRole('button', { name: 'Rerun in another class' }).focus({ timeout: 20_000 })
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog', { name: 'Rerun unit in another class' })
  await dialog.waitFor(soon)
  assert.equal(await dialog.getByLabel('Class').inputValue(), 'large', 'the next one')
  assert.deepEqual(await axeFindings(page), [])
  const sent = page.waitForRequest('**/rerun')
  await dialog.getByRole('button', { name: 'Rerun this job' }).click()
  assert.deepEqual((await sent).postDataJSON(), { class: 'large' })
  await dialog.waitFor({ state: 'detached', ...soon })
})

flow(
  'lines with what looks like a credential are named above the log, lead there, and are marked in it',
  async (page) => {
    await page.goto(`${stand.double.url}/acme/web/runs/412/jobs/unit.1`)
    const panel = page.locator('details.suspects')
    const summary = panel.locator('summary', { hasText: '3 lines hold what looks like a credential' })
    await summary.focus()
    await page.keyboard.press('Enter')
    await panel.getByText('1 more line is in the log.').waitFor()
    assert.ok(!(await panel.textContent())?.includes('ghp_'), 'the text itself is not said again')
    await panel.getByRole('link', { name: /^Line 122 of .*: a token of GitHub$/ }).press('Enter')
    const marked = page.locator('.suspect').first()
    await marked.waitFor()
    assert.match((await marked.textContent()) ?? '', /^ghp_/)
    assert.equal(await marked.getAttribute('title'), 'Looks like a token of GitHub, and is masked nowhere')
  },
)
