// What people do, by keyboard and pointer, against the double: claim, sign in, add a project, find a failure, follow
// a log, lose the stream. Each page is watched for policy violations and errors, too.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Locator, Page } from 'playwright-core'
import { openPage } from './double/browser.ts'
import type { Mode } from './double/server.ts'
import { openStand } from './double/stand.ts'
import { idOf, runById, summaries } from './double/world.ts'

const usual: Mode = { session: 'signed-in', role: 'owner', data: 'full', stream: 'on', logLines: 0 }
const soon = { timeout: 20_000 }
const stand = openStand()

const flow = (
  title: string,
  options: { readonly mode?: Partial<Mode>; readonly expected?: RegExp },
  act: (page: Page) => Promise<void>,
) =>
  test(title, async () => {
    Object.assign(stand.double.mode, usual, options.mode)
    await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 }, options.expected)
    await act(opened.page)
    assert.deepEqual(opened.complaints, [])
  })

const address = (page: Page): string => {
  const url = new URL(page.url())
  return url.pathname + url.search + url.hash
}
const shows = (page: Page, words: string | RegExp) => page.getByText(words).first().waitFor(soon)
const isAt = (page: Page, wanted: string) =>
  page.waitForURL((url) => url.pathname + url.search + url.hash === wanted, soon)

flow(
  'the claim token leaves the address at once, and a password makes the owner',
  { mode: { session: 'unclaimed' } },
  async (page) => {
    await page.goto(`${stand.double.url}/claim#0123456789abcdef`)
    await page.getByLabel('Your name').fill('Ada')
    assert.equal(address(page), '/claim')
    await page.getByLabel('E-mail').fill('ada@example.com')
    await page.getByRole('button', { name: 'Use a password instead' }).click()
    await page.getByLabel('Password', { exact: true }).fill('short')
    await shows(page, '7 more characters needed.')
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery')
    const sent = page.waitForRequest('**/api/v1/claim')
    await page.getByRole('button', { name: 'Create the owner' }).click()
    assert.equal((await sent).postDataJSON().token, '0123456789abcdef')
    await isAt(page, '/projects/new')
  },
)

flow(
  'somebody who is not signed in comes back to where they were going',
  { mode: { session: 'signed-out' } },
  async (page) => {
    await page.goto(`${stand.double.url}/acme/web/runs/412?view=table`)
    await page.getByLabel('E-mail').fill('ada@example.com')
    assert.equal(await page.getByLabel('Password').count(), 0)
    await page.keyboard.press('Enter')
    await page.locator('#password:focus').waitFor(soon)
    await page.getByLabel('Password').fill('correct horse battery')
    stand.double.mode.session = 'signed-in'
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await isAt(page, '/acme/web/runs/412?view=table')
  },
)

flow(
  'a return address of another site is not followed',
  { mode: { session: 'signed-out' } },
  async (page) => {
    await page.goto(`${stand.double.url}/sign-in?next=//evil.example/x`)
    await page.getByLabel('E-mail').fill('ada@example.com')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByLabel('Password').fill('correct horse battery')
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await isAt(page, '/runs')
  },
)

flow('a project is added, and the hook secret is opened in the browser and shown once', {}, async (page) => {
  await page.goto(`${stand.double.url}/projects/new`)
  await page.getByLabel('SSH address').fill('git@git.example.com:acme/API.git')
  assert.equal(await page.getByLabel('Project name').inputValue(), 'api')
  await page.getByRole('button', { name: 'Add the project' }).click()
  await shows(page, 'whs_0123456789abcdefghijklmnopqrstuv')
  await shows(page, 'secret=$(cat hooks/mayfly-secret)')
  await page.getByRole('button', { name: 'Confirm this fingerprint' }).click()
  await shows(page, 'The repository can be read.')
  await page.reload()
  await shows(page, 'The secret was shown once')
  assert.equal(await page.getByText('whs_').count(), 0)
})

flow('everything is reached by keyboard: go to, move, open, search, help', {}, async (page) => {
  await page.goto(`${stand.double.url}/runs`)
  await shows(page, 'Round prices')
  await page.keyboard.press('j')
  await page.keyboard.press('j')
  await page.keyboard.press('o')
  await shows(page, 'Needs “unit” to pass; it failed.')
  await page.keyboard.press('Enter')
  await isAt(page, '/acme/web/runs/412')
  await page.keyboard.press('t')
  await isAt(page, '/acme/web/runs/412?view=table')
  // Failures are known when the run is.
  await page.getByRole('table').first().waitFor(soon)
  await page.keyboard.press('f')
  await isAt(page, '/acme/web/runs/412/jobs/unit.1')
  await page.keyboard.press('g')
  await page.keyboard.press('p')
  await isAt(page, '/projects')
  await page.keyboard.press('?')
  await page.getByRole('dialog').waitFor(soon)
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached', ...soon })
  await page.keyboard.press('/')
  await page.keyboard.type('mobile')
  await page.getByRole('option', { name: 'Project mobile-app' }).waitFor(soon)
  await page.keyboard.press('Enter')
  await isAt(page, '/acme/mobile-app')
  await page.goBack()
  await isAt(page, '/projects')
})

flow('a page that comes late takes nothing from somebody who types', {}, async (page) => {
  const sent = Promise.withResolvers<void>()
  const wanted = Promise.withResolvers<void>()
  await page.goto(`${stand.double.url}/runs`)
  await shows(page, 'Round prices')
  await page.route(/\/projects-[^/]*\.js$/, async (route) => {
    wanted.resolve()
    await sent.promise
    await route.continue()
  })
  await page.keyboard.press('g')
  await page.keyboard.press('p')
  await wanted.promise
  await page.keyboard.press('/')
  await page.keyboard.type('mob')
  sent.resolve()
  await page.getByRole('heading', { name: 'Projects', level: 1 }).waitFor(soon)
  await page.keyboard.type('ile')
  await page.getByRole('option', { name: 'Project mobile-app' }).waitFor(soon)
})

flow('filters live in the address, and clearing them brings everything back', {}, async (page) => {
  await page.goto(`${stand.double.url}/runs`)
  await page.getByLabel('Status').selectOption('failed')
  await isAt(page, '/runs?status=failed')
  await page.getByLabel('Project', { exact: true }).selectOption('api')
  await shows(page, 'No run fits these filters')
  await page.getByRole('button', { name: 'Clear filters' }).first().click()
  await isAt(page, '/runs')
  await shows(page, 'Round prices')
  await page.getByLabel('Author').fill('Ada Lovelace')
  await page.keyboard.press('Tab')
  await isAt(page, '/runs?author=Ada+Lovelace')
  // What was there before stays until the answer comes.
  await page
    .getByText('Round prices')
    .first()
    .waitFor({ state: 'detached', ...soon })
  await shows(page, 'Stream the export')
  await page.getByLabel('Event').selectOption('schedule')
  await isAt(page, '/runs?author=Ada+Lovelace&event=schedule')
  await shows(page, 'No run fits these filters')
})

flow('several runs are chosen by keyboard and cancelled or run again together', {}, async (page) => {
  const sent: string[] = []
  page.on('request', (request) => {
    if (request.method() === 'POST') sent.push(new URL(request.url()).pathname.replace(/^.*\//, ''))
  })
  await page.goto(`${stand.double.url}/runs`)
  await page.locator('[data-row]').first().waitFor(soon)
  for (const key of ['j', 'x', 'j', 'x']) await page.keyboard.press(key)
  await shows(page, '2 runs chosen')
  await page.getByRole('button', { name: 'Rerun what failed of 1' }).press('Enter')
  await page.getByText('2 runs chosen').waitFor({ state: 'detached', ...soon })
  assert.deepEqual(sent, ['rerun'])
  await page.getByLabel('Choose run 413 of web').check()
  await page.getByRole('button', { name: 'Cancel 1' }).press('Enter')
  await page.getByRole('dialog').getByText('web #413').waitFor(soon)
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel them' }).press('Enter')
  await page.getByText('1 run chosen').waitFor({ state: 'detached', ...soon })
  assert.deepEqual(sent, ['rerun', 'cancel'])
})

flow('the run of a row is run again or cancelled by a key', {}, async (page) => {
  const sent: string[] = []
  page.on('request', (request) => {
    if (request.method() === 'POST') sent.push(new URL(request.url()).pathname.replace(/^.*\//, ''))
  })
  await page.goto(`${stand.double.url}/runs`)
  await page.locator('[data-row]').first().waitFor(soon)
  await page.keyboard.press('r')
  const asked = page.waitForRequest((request) => request.url().endsWith('/rerun'))
  for (const key of ['j', 'j', 'r']) await page.keyboard.press(key)
  await asked
  await page.getByText('1 run chosen').waitFor({ state: 'detached', ...soon })
  for (const key of ['k', 'c']) await page.keyboard.press(key)
  await page.getByRole('dialog').getByText('web #413').waitFor(soon)
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached', ...soon })
  assert.deepEqual(sent, ['rerun'])
})

flow('new runs wait behind a button; known ones change in place', {}, async (page) => {
  await page.goto(`${stand.double.url}/runs`)
  await page.locator('[data-row]').first().waitFor(soon)
  await shows(page, 'Live')
  const rows = page.locator('[data-row]')
  const before = await rows.count()
  const [running, failed] = summaries()
  const fresh = {
    ...failed!,
    id: `run_${'v'.repeat(26)}`,
    number: 500,
    event: { ...failed!.event, subject: 'Brand new' },
  }
  stand.double.tell({ t: 'runs', topic: 'runs', run: fresh })
  stand.double.tell({ t: 'runs', topic: 'runs', run: { ...running!, rev: 99, status: 'passed' } })
  await page.getByRole('button', { name: '1 new run' }).waitFor(soon)
  assert.equal(await rows.count(), before)
  assert.match((await rows.first().textContent()) ?? '', /passed/)
  await page.getByRole('button', { name: '1 new run' }).click()
  await shows(page, 'Brand new')
  assert.equal(await rows.count(), before + 1)
})

flow(
  'a lost stream is said, with the age of what one sees, and comes back',
  { expected: /WebSocket|ERR_/ },
  async (page) => {
    await page.goto(`${stand.double.url}/runs`)
    await shows(page, 'Live')
    stand.double.mode.stream = 'off'
    stand.double.dropStreams()
    await shows(page, /^Not live, \d+s old, retrying\.$/)
    stand.double.mode.stream = 'on'
    await page.getByRole('button', { name: 'Retry now' }).click()
    await page
      .getByText('Not live')
      .first()
      .waitFor({ state: 'detached', ...soon })
  },
)

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

flow('cancelling asks first', {}, async (page) => {
  await page.goto(`${stand.double.url}/acme/web/runs/413`)
  await shows(page, 'Cancel run')
  await page.keyboard.press('c')
  await shows(page, 'Cancel run 413?')
  await page.getByRole('button', { name: 'Keep it' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached', ...soon })
})

flow(
  'what failed is carried out again on the same page, with its attempts side by side',
  // The double has no such attempt.
  { expected: /404/ },
  async (page) => {
    await page.goto(`${stand.double.url}/acme/web/runs/412`)
    await shows(page, '1 job failed')
    await page.keyboard.press('Shift+R')
    await page.getByText('Ada Lovelace').first().waitFor(soon)
    await page.getByText('1 job failed').waitFor({ state: 'detached', ...soon })
    await shows(page, 'Cancel run')
    await page.goto(`${stand.double.url}/acme/web/runs/412/jobs/unit.1`)
    await page.getByRole('button', { name: 'Rerun this job' }).click()
    await page.getByRole('link', { name: 'Attempt 3, a rerun, queued' }).waitFor(soon)
  },
)

flow('what waits for a person is approved by keyboard, with a word about it', {}, async (page) => {
  await page.goto(`${stand.double.url}/acme/web/runs/406`)
  await shows(page, 'rejected by Grace Hopper')
  await shows(page, '1 of 2 people approved')
  await page.getByRole('button', { name: 'Approve to production' }).waitFor(soon)
  await page.keyboard.press('a')
  await page.getByLabel('Comment (optional)').fill('Ship it')
  await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click()
  await shows(page, 'Ship it')
  assert.equal(await page.getByRole('button', { name: 'Approve to production' }).count(), 0)
  await page.goto(`${stand.double.url}/acme/web/runs/406/jobs/production`)
  await page.getByRole('button', { name: 'Reject to production' }).click()
  await page.getByRole('button', { name: 'Not yet' }).click()
  await shows(page, 'Waits for a person to approve')
})

flow('a setting of a project is saved and said', {}, async (page) => {
  await page.goto(`${stand.double.url}/acme/web`)
  await page.getByLabel('A push ends the runs of earlier pushes').uncheck()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Saved').waitFor(soon)
})

flow(
  'a run is started with what its pipeline declares, and a wrong value is refused first',
  {},
  async (page) => {
    await page.goto(`${stand.double.url}/acme/web`)
    const form = page.getByRole('group', { name: 'Parameters of the pipeline' })
    await shows(page, 'as its newest run of this branch')
    assert.deepEqual(await form.getByLabel('target').locator('option').allTextContents(), ['staging', 'live'])
    await form.getByLabel('target').selectOption('live')
    await form.getByRole('switch', { name: 'dry_run' }).uncheck()
    await form.getByLabel('copies').fill('many')
    let sent = 0
    page.on('request', (request) => {
      if (request.method() === 'POST') sent++
    })
    await page.getByRole('button', { name: 'Start a run' }).click()
    await shows(page, 'the argument "copies" of this pipeline must be an integer, but is a text: "many"')
    assert.equal(await form.getByLabel('copies').evaluate((field) => field === document.activeElement), true)
    assert.equal(sent, 0)
    await page.keyboard.press('Control+a')
    await page.keyboard.type('4')
    const asked = page.waitForRequest((request) => request.method() === 'POST')
    await page.keyboard.press('Enter')
    assert.deepEqual((await asked).postDataJSON(), {
      ...{ project: 'web', ref: 'main', parameters: { copies: 4, dry_run: false, target: 'live' } },
    })
    await isAt(page, '/acme/web/runs/413')
    await shows(page, 'copies=3')
  },
)

flow('of a branch that nobody knows, parameters are named by hand', {}, async (page) => {
  await page.goto(`${stand.double.url}/acme/web`)
  await page.getByLabel('Branch or tag').fill('fresh')
  await page.getByLabel('Branch or tag').blur()
  await shows(page, 'is not known yet')
  await page.getByRole('button', { name: 'Add a parameter' }).click()
  await page.getByLabel('Name').fill('copies')
  await page.getByLabel('Type').selectOption('integer')
  await page.getByLabel('Value').fill('3')
  await page.getByRole('button', { name: 'Add a parameter' }).click()
  await page.getByLabel('Name').nth(1).fill('deploy')
  await page.getByLabel('Type').nth(1).selectOption('boolean')
  const asked = page.waitForRequest((request) => request.method() === 'POST')
  await page.getByRole('button', { name: 'Start a run' }).click()
  assert.deepEqual((await asked).postDataJSON(), {
    ...{ project: 'web', ref: 'fresh', parameters: { copies: 3, deploy: true } },
  })
})

flow('what has changed since its newest run is named by hand, too', {}, async (page) => {
  await page.goto(`${stand.double.url}/acme/web`)
  await page.getByRole('button', { name: 'It has changed: name them yourself' }).click()
  await page.getByRole('button', { name: 'Add a parameter' }).click()
  await page.getByLabel('Name').fill('newer')
  await page.getByLabel('Value').fill('yes')
  const asked = page.waitForRequest((request) => request.method() === 'POST')
  await page.getByRole('button', { name: 'Start a run' }).click()
  assert.deepEqual((await asked).postDataJSON().parameters, { newer: 'yes' })
})

flow('one job is cancelled, asked first', { expected: /404/ }, async (page) => {
  await page.goto(`${stand.double.url}/acme/web/runs/413/jobs/unit.1`)
  await page.getByRole('button', { name: 'Cancel this job' }).click()
  await shows(page, 'Cancel unit?')
  const asked = page.waitForRequest((request) => request.url().endsWith('/cancel'))
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel this job' }).click()
  assert.match((await asked).url(), /\/api\/v1\/jobs\/job_\w+\/cancel$/)
  await shows(page, 'Not found')
})

flow('a token of one project is shown once', {}, async (page) => {
  await page.goto(`${stand.double.url}/settings/tokens`)
  await page.getByRole('button', { name: 'Create a token' }).click()
  await page.getByLabel('Name', { exact: true }).fill('laptop')
  await page.getByLabel('Only these').check()
  assert.equal(await page.getByRole('button', { name: 'Create token' }).isDisabled(), true, 'of none')
  await page.getByLabel('web', { exact: true }).check()
  const asked = page.waitForRequest((request) => request.method() === 'POST')
  await page.getByRole('button', { name: 'Create token' }).click()
  assert.deepEqual((await asked).postDataJSON().projects, [`prj_${'0'.repeat(25)}1`])
  await shows(page, /^mfp_/)
  await page.getByRole('button', { name: 'I have copied it' }).click()
  assert.equal(await page.getByText('mfp_3kq93kq9').count(), 0)
})

flow('the theme goes through system, light and dark, and is remembered', {}, async (page) => {
  await page.goto(`${stand.double.url}/runs`)
  await page.getByRole('button', { name: 'Theme: like the system' }).click()
  await page.getByRole('button', { name: 'Theme: light' }).click()
  await page.getByRole('button', { name: 'Theme: dark' }).waitFor(soon)
  await page.reload()
  await page.locator('html[data-theme="dark"]').waitFor(soon)
})

flow(
  'the role of a member who was changed meanwhile is left alone, and the page says so',
  {},
  async (page) => {
    const sent: string[] = []
    page.on(
      'request',
      (request) => void sent.push(`${request.method()} ${request.headers()['if-match'] ?? ''}`.trim()),
    )
    await page.goto(`${stand.double.url}/settings/members`)
    const role = page.getByLabel('Role of Grace Hopper')
    await role.waitFor(soon)
    const one = '**/api/v1/members/usr_*'
    await page.route(one, async (route) => {
      if (route.request().method() !== 'GET') return route.continue()
      const answer = await route.fetch()
      const json = { ...(await answer.json()), role: 'owner' }
      await route.fulfill({ json })
    })
    await role.selectOption('viewer')
    await shows(page, 'Somebody changed this meanwhile')
    assert.ok(!sent.some((line) => line.startsWith('PATCH')), sent.join('\n'))
    await page.unroute(one)
    const changed = page.waitForRequest((request) => request.method() === 'PATCH')
    await role.selectOption('viewer')
    assert.equal((await changed).headers()['if-match'], '"as read"')
  },
)

flow('an owner limits the jobs of all projects, as they were read, and lifts the limit', {}, async (page) => {
  await page.goto(`${stand.double.url}/projects`)
  const jobs = page.getByLabel('Jobs of all projects at once')
  await jobs.waitFor(soon)
  assert.equal(await jobs.inputValue(), '50')
  const save = page.getByRole('button', { name: 'Save' })
  assert.ok(await save.isDisabled(), 'nothing to save yet')
  const saving = async (words: string) => {
    await jobs.fill(words)
    const sent = page.waitForRequest((request) => request.method() === 'PATCH')
    await save.click()
    await shows(page, 'Saved')
    return sent
  }
  const sent = await saving('7')
  assert.deepEqual([sent.postDataJSON(), sent.headers()['if-match']], [{ jobs_max: 7 }, '"as read"'])
  assert.deepEqual((await saving('')).postDataJSON(), { jobs_max: null })
})

flow(
  'a schedule is paused and removed as it is shown; one that was changed meanwhile is left alone',
  {},
  async (page) => {
    const sent: string[] = []
    page.on('request', (request) => {
      if (['PATCH', 'DELETE'].includes(request.method()))
        sent.push(`${request.method()} ${request.headers()['if-match'] ?? 'whatever'}`)
    })
    await page.goto(`${stand.double.url}/acme/web`)
    await page.getByRole('button', { name: 'Pause nightly' }).click()
    await page.getByRole('button', { name: 'Resume nightly' }).waitFor(soon)
    assert.deepEqual(sent, ['PATCH "as read"'])
    const one = '**/schedules/sch_*'
    await page.route(one, async (route) => {
      const answer = await route.fetch()
      await route.fulfill({ json: { ...(await answer.json()), cron: '9 9 * * *' } })
    })
    const entry = page.getByRole('button', { name: 'Remove nightly' })
    const remove = async () => {
      await entry.click()
      await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click()
    }
    await remove()
    await shows(page, 'Somebody changed this meanwhile')
    assert.equal(sent.length, 1)
    await page.unroute(one)
    await remove()
    await entry.waitFor({ state: 'detached', ...soon })
    assert.equal(sent[1], 'DELETE "as read"')
  },
)

flow(
  'a webhook is added, tested, rotated, disabled and removed by keyboard; its secret is there once',
  {},
  async (page) => {
    await page.goto(`${stand.double.url}/acme/web`)
    const press = async (name: string) => {
      await page.getByRole('button', { name, exact: true }).focus()
      await page.keyboard.press('Enter')
    }
    await press('Add a webhook')
    await page.keyboard.type('board')
    await page.getByLabel('Address').fill('https://board.example.org/')
    const boxes = page.getByRole('checkbox')
    for (const box of await boxes.all()) if (await box.isChecked()) await box.press('Space')
    await shows(page, 'Choose at least one.')
    await boxes.first().press('Space')
    const adding = page.waitForRequest(
      (request) => request.method() === 'POST' && /webhooks$/.test(request.url()),
    )
    await page.getByLabel('Address').press('Enter')
    const { name, events, format } = (await adding).postDataJSON()
    assert.deepEqual([name, events, format], ['board', ['run.queued'], 'standard'])
    const secret = page.getByText('whsec_QWRh')
    await secret.waitFor(soon)
    await press('I have put it away')
    await secret.waitFor({ state: 'detached', ...soon })
    await press('Send a test to chat')
    await shows(page, 'answered 503')
    await press('Disable chat')
    await shows(page, 'Disabled: it is told nothing.')
    await press('Remove board')
    await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).press('Enter')
    await page.getByRole('button', { name: 'Remove board' }).waitFor({ state: 'detached', ...soon })
  },
)

flow('a webhook is changed on its page, as it was read, and only in what is another', {}, async (page) => {
  await page.goto(`${stand.double.url}/acme/web`)
  const edit = page.getByRole('button', { name: 'Change chat', exact: true })
  await edit.press('Enter')
  assert.equal(await page.getByLabel('Format', { exact: true }).isDisabled(), true)
  await page.getByLabel('Address').fill('https://chat.example.org/other')
  await page.getByRole('checkbox', { name: /run\.failing/ }).press('Space')
  const saving = page.waitForRequest((request) => request.method() === 'PATCH')
  await page.getByRole('button', { name: 'Save', exact: true }).first().press('Enter')
  const request = await saving
  assert.deepEqual(request.postDataJSON(), {
    ...{ url: 'https://chat.example.org/other', events: ['run.failing', 'run.hold', 'run.finished'] },
  })
  assert.equal(request.headers()['if-match'], '"as read"')
  await shows(page, 'https://chat.example.org/other')
  await edit.evaluate(
    (button) =>
      new Promise<void>((done) => {
        const look = () => (button === document.activeElement ? done() : requestAnimationFrame(look))
        look()
      }),
  )
})

flow('older deliveries of a webhook follow, and filters find some of all', {}, async (page) => {
  await page.goto(`${stand.double.url}/acme/web`)
  await page.getByRole('button', { name: 'Deliveries of chat', exact: true }).press('Enter')
  const entries = page.getByRole('button', { name: /^Body and tries of/ })
  await page.getByRole('button', { name: 'Older deliveries' }).press('Enter')
  await page.getByRole('button', { name: 'Older deliveries' }).waitFor({ state: 'detached', ...soon })
  assert.equal(await entries.count(), 10)
  await page.getByRole('button', { name: 'Look again' }).press('Enter')
  await page.getByLabel('Event', { exact: true }).selectOption('ping')
  await page
    .getByRole('button', { name: 'Body and tries of run.finished' })
    .first()
    .waitFor({ state: 'detached', ...soon })
  assert.equal(await entries.count(), 4)
  await page.getByLabel('Outcome').selectOption('failed')
  await shows(page, 'Nothing that it was told fits these filters.')
  await page.getByRole('button', { name: 'Clear filters' }).press('Enter')
  await page.getByRole('button', { name: 'Body and tries of run.hold' }).first().waitFor(soon)
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

flow('text of strangers gets into scripts only after the name of the project was typed', {}, async (page) => {
  const sent: unknown[] = []
  page.on('request', (request) => {
    if (request.method() === 'PATCH') sent.push(request.postDataJSON().untrusted_in_scripts)
  })
  await page.goto(`${stand.double.url}/acme/web`)
  const choice = page.getByLabel('Text from outside in scripts')
  await choice.selectOption('put them in as they are')
  await shows(page, 'can run commands in jobs of this project')
  await page.getByRole('button', { name: 'Save' }).press('Enter')
  const yes = page.getByRole('dialog').getByRole('button', { name: 'Put them in as they are' })
  assert.equal(await yes.isDisabled(), true)
  await page.getByLabel('To go on, type web').fill('we')
  await page.keyboard.press('Enter')
  assert.equal(await yes.isDisabled(), true)
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached', ...soon })
  assert.deepEqual(sent, [], 'nothing was saved')
  await page.getByRole('button', { name: 'Save' }).press('Enter')
  await page.getByLabel('To go on, type web').fill('web')
  await page.keyboard.press('Enter')
  await shows(page, 'Saved')
  assert.deepEqual(sent, [true])
  await choice.selectOption('stop the job')
  const answered = page.waitForResponse((response) => response.request().method() === 'PATCH')
  await page.getByRole('button', { name: 'Save' }).press('Enter')
  await answered
  assert.deepEqual(sent, [true, false], 'closing the door is not asked about')
})

flow('an orb is added by its file and its source read, by keyboard', { expected: /400/ }, async (page) => {
  await page.goto(`${stand.double.url}/projects`)
  await page.getByRole('link', { name: 'Orbs' }).press('Enter')
  await page.getByRole('button', { name: 'Add an orb' }).press('Enter')
  await page.keyboard.type('acme/tools@1.2.3')
  const file = { name: 'tools.yml', mimeType: 'text/yaml', buffer: Buffer.from('commands: {}\n') }
  await page.getByLabel('Source', { exact: true }).setInputFiles(file)
  const refused = `the orb is refused\n${'tools:1:1: error[MF2107]: command "a" needs "steps"\n    1 | commands: {}\n      | ^^^'}`
  const [title, code] = ['The request is not valid', 'MF4000']
  await page.route('**/api/v1/orbs', (route) =>
    route.request().method() === 'POST'
      ? route.fulfill({ status: 400, json: { title, code, status: 400, detail: refused } })
      : route.continue(),
  )
  await page.getByRole('button', { name: 'Add the orb' }).press('Enter')
  await shows(page, 'the orb is refused')
  await page.locator('pre', { hasText: '      | ^^^' }).waitFor(soon)
  await page.unroute('**/api/v1/orbs')
  const sent = page.waitForRequest(
    (request) => request.method() === 'POST' && request.url().endsWith('/orbs'),
  )
  await page.getByRole('button', { name: 'Add the orb' }).press('Enter')
  assert.deepEqual((await sent).postDataJSON(), { id: 'acme/tools@1.2.3', text: 'commands: {}\n' })
  await isAt(page, '/orbs?orb=acme%2Ftools%401.2.3')
  await page.getByRole('button', { name: /more lines/ }).press('Enter')
  await shows(page, 'step-599')
  await page.getByRole('button', { name: 'Close' }).press('Enter')
  await isAt(page, '/orbs')
  const back = page.getByRole('link', { name: 'Source of acme/tools@1.2.3' })
  assert.equal(
    await back.evaluate(
      (link) =>
        link ===
        (link as unknown as { ownerDocument: { activeElement: unknown } }).ownerDocument.activeElement,
    ),
    true,
  )
})

flow('on paper a run is light and has nothing to press', {}, async (page) => {
  await page.emulateMedia({ colorScheme: 'dark', media: 'print' })
  await page.goto(`${stand.double.url}/acme/web/runs/412?view=table`)
  await shows(page, '1 job failed')
  await page.locator('html[data-theme="dark"]').waitFor(soon)
  await page.evaluate("dispatchEvent(new Event('beforeprint'))")
  await page.locator('html[data-theme="light"]').waitFor(soon)
  assert.equal(await page.getByRole('navigation').count(), 0)
  assert.equal(await page.getByRole('button', { name: /Rerun/ }).count(), 0)
  await page.getByRole('heading', { name: /Round prices half to even/ }).waitFor(soon)
  await page.evaluate("dispatchEvent(new Event('afterprint'))")
  await page.locator('html[data-theme="dark"]').waitFor(soon)
})

flow('a viewer is offered nothing that would be refused', { mode: { role: 'viewer' } }, async (page) => {
  const offers = (name: string | RegExp) =>
    page.getByRole('button', { name }).or(page.getByRole('link', { name })).count()
  await page.goto(`${stand.double.url}/acme/web/runs/412`)
  await shows(page, '1 job failed')
  assert.equal(await offers(/Rerun/), 0)
  await page.goto(`${stand.double.url}/acme/web/runs/413`)
  await shows(page, 'Running')
  assert.equal(await offers(/Cancel/), 0)
  await page.goto(`${stand.double.url}/acme/web/runs/406`)
  await shows(page, 'Waits for a person to approve')
  assert.equal(await offers(/Approve|Reject/), 0)
  await shows(page, 'wants a developer or an owner to approve')
  await page.goto(`${stand.double.url}/acme/web/runs/412/jobs/unit.1`)
  await shows(page, 'rounds half to even')
  assert.equal(await offers(/Rerun/), 0)
  await page.goto(`${stand.double.url}/acme/web`)
  await shows(page, 'Recent runs')
  assert.equal(await offers(/Start a run|^Save$|^Setup$|^Secrets$/), 0)
  await page.goto(`${stand.double.url}/projects`)
  await shows(page, 'mobile-app')
  assert.equal(await offers('Add a project'), 0)
  await page.goto(`${stand.double.url}/orbs`)
  await shows(page, 'Owners add orbs.')
  await page.goto(`${stand.double.url}/settings/signers`)
  await shows(page, 'Signers are managed by owners.')
  await shows(page, 'Owners: Grace Hopper')
})
