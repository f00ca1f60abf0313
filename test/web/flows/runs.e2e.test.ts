// What people do with runs, by keyboard and pointer: find, start, follow, cancel, carry out again, approve.
import assert from 'node:assert/strict'
import type { Job, Run } from '../../../src/protocol/api/shapes.ts'
import { axeFindings } from '../double/browser.ts'
import { decidedOf, idOf, runById, summaries } from '../double/world.ts'
import { isAt, openFlows, shows, soon } from './flow.ts'

const { flow, stand } = openFlows()

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

flow('a job that was refused its context is run again by whom it admits by now', {}, async (page) => {
  const reason = {
    code: 'unauthorized',
    text: 'The context "deploy" is not for this branch or tag',
    job_id: null,
  }
  const headline = 'deploy to production may not use the context "deploy"'
  const refuse = (job: Job): Job =>
    job.key === 'deploy' ? { ...job, reason } : { ...job, status: 'passed', reason: null }
  const ofRun = ({ jobs, ...run }: Run): Run => ({
    ...run,
    status: 'skipped',
    headline,
    jobs: jobs.map(refuse),
  })
  await page.route(new RegExp(`/api/v1/runs/${idOf('run', 412)}$`), async (route) =>
    route.fulfill({ json: ofRun(await (await route.fetch()).json()) }),
  )
  await page.route(/\/api\/v1\/runs\?/, async (route) => {
    const answer = await (await route.fetch()).json()
    const items = answer.items.map((run: Run) =>
      run.number === 412 ? { ...run, status: 'skipped', headline } : run,
    )
    await route.fulfill({ json: { ...answer, items } })
  })
  await page.goto(`${stand.double.url}/runs`)
  await shows(page, headline)
  await page.goto(`${stand.double.url}/acme/web/runs/412`)
  const asked = page.waitForRequest((request) => request.url().endsWith('/rerun'))
  await page.getByRole('button', { name: 'Rerun failed' }).click()
  assert.deepEqual((await asked).postDataJSON(), { jobs: 'failed' })
  await page.goto(`${stand.double.url}/acme/web/runs/412/jobs/deploy`)
  await shows(page, reason.text)
  const again = page.waitForRequest((request) => /jobs\/[^/]+\/rerun$/.test(request.url()))
  await page.getByRole('button', { name: 'Rerun this job' }).click()
  await again
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

flow('what happened while the stream was away for a moment is in the list', {}, async (page) => {
  await page.goto(`${stand.double.url}/runs`)
  await shows(page, 'Live')
  const row = page.locator('[data-row]').first()
  await row.getByText('running').waitFor({ state: 'attached', ...soon })
  await page.route(/\/api\/v1\/runs\?/, async (route) => {
    const answer = await (await route.fetch()).json()
    const [first, ...rest] = answer.items
    await route.fulfill({ json: { ...answer, items: [{ ...first, status: 'passed', rev: 99 }, ...rest] } })
  })
  stand.double.dropStreams()
  await row.getByText('passed').waitFor({ state: 'attached', ...soon })
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

flow('cancelling asks first', {}, async (page) => {
  await page.goto(`${stand.double.url}/acme/web/runs/413`)
  await shows(page, 'Cancel run')
  await page.keyboard.press('c')
  await shows(page, 'Cancel run 413?')
  await page.getByRole('button', { name: 'Keep it' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached', ...soon })
})

flow(
  'what has ended is asked about no more, and can be cancelled when it is carried out again',
  {},
  async (page) => {
    const run = runById(idOf('run', 413))!
    const become = (rev: number, status: 'passed' | 'running') =>
      stand.double.tell({
        ...{ t: 'run', topic: `run:${run.id}`, rev: run.rev + rev, jobs: [] },
        run: { ...run, status, rev: run.rev + rev },
      })
    await page.goto(`${stand.double.url}/acme/web/runs/413`)
    await shows(page, 'Cancel run')
    await shows(page, 'Live')
    const dialog = page.getByRole('dialog', { name: 'Cancel run 413?' })
    await page.keyboard.press('c')
    await dialog.waitFor(soon)
    become(1, 'passed')
    await page.getByRole('button', { name: 'Rerun all' }).waitFor(soon)
    assert.equal(await dialog.count(), 0)
    become(2, 'running')
    await page.getByRole('button', { name: 'Cancel run' }).press('Enter')
    await dialog.getByRole('button', { name: 'Cancel the run' }).press('Enter')
    await page.getByRole('button', { name: 'Cancelling' }).waitFor(soon)
    become(3, 'passed')
    await page.getByRole('button', { name: 'Rerun all' }).waitFor(soon)
    // By somebody else.
    become(4, 'running')
    await page.getByRole('button', { name: 'Cancel run' }).waitFor(soon)
    assert.equal(await page.getByRole('button', { name: 'Cancel run' }).isEnabled(), true)
  },
)

flow('what an act answers does not undo what came after it', {}, async (page) => {
  const run = runById(idOf('run', 412))!
  const answered = Promise.withResolvers<void>()
  const asked = page.waitForRequest('**/runs/*/rerun')
  await page.route('**/runs/*/rerun', async (route) => {
    await answered.promise
    await route.fulfill({ json: { ...run, status: 'queued', rev: run.rev + 1 } })
  })
  await page.goto(`${stand.double.url}/acme/web/runs/412`)
  await shows(page, 'Live')
  await page.getByRole('button', { name: 'Rerun all' }).click()
  await asked
  stand.double.tell({
    ...{ t: 'run', topic: `run:${run.id}`, rev: run.rev + 2, jobs: [] },
    run: { ...run, status: 'running', rev: run.rev + 2 },
  })
  await page.getByRole('button', { name: 'Cancel run' }).waitFor(soon)
  const answer = page.waitForResponse('**/runs/*/rerun')
  answered.resolve()
  await (await answer).finished()
  await page.getByRole('button', { name: 'Cancel run', disabled: false }).waitFor(soon)
  assert.equal(await page.title(), '◔ #412 web · Mayfly')
})

flow('what was refused leaves the focus at what was pressed', { expected: /503/ }, async (page) => {
  const isThere = (name: string) =>
    page.getByRole('button', { name }).evaluate((element) => element === document.activeElement)
  await page.goto(`${stand.double.url}/acme/web/runs/412`)
  await shows(page, '1 job failed')
  stand.double.mode.data = 'failing'
  await page.getByRole('button', { name: 'Rerun all' }).press('Enter')
  await shows(page, 'The database is not available')
  assert.equal(await isThere('Rerun all'), true)
  stand.double.mode.data = 'full'
  await page.goto(`${stand.double.url}/acme/web/runs/413`)
  await page.getByRole('button', { name: 'Cancel run' }).press('Enter')
  stand.double.mode.data = 'failing'
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the run' }).press('Enter')
  await shows(page, 'The database is not available')
  assert.equal(await isThere('Cancel run'), true)
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

flow('who was about to answer hears that somebody else did, and keeps what they typed', {}, async (page) => {
  const by = { id: idOf('usr', 2), name: 'Grace Hopper' }
  for (const place of ['', '/jobs/production']) {
    await page.goto(`${stand.double.url}/acme/web/runs/406${place}`)
    await shows(page, 'Live')
    await page.getByRole('button', { name: 'Reject to production' }).click()
    await page.getByLabel('Comment (optional)').fill('Not before the freeze')
    const held = runById(idOf('run', 406))!.jobs.find(({ key }) => key === 'production')!
    const run = decidedOf(held.id, 'approved', 'Ship it')!
    const jobs = run.jobs
      .filter(({ id }) => id === held.id)
      .map((job) => ({ ...job, approvals: job.approvals.map((one) => ({ ...one, by })) }))
    stand.double.tell({ t: 'run', topic: `run:${run.id}`, rev: run.rev, run, jobs })
    const dialog = page.getByRole('dialog', { name: 'to production waits no longer' })
    await dialog.getByText('approved by Grace Hopper').waitFor(soon)
    const unsent = dialog.getByLabel('Your comment, which was not sent')
    assert.equal(await unsent.inputValue(), 'Not before the freeze')
    // In the middle of a word: nothing of it closes the dialog.
    await page.keyboard.type('a b')
    await page.keyboard.press('Enter')
    assert.deepEqual(await axeFindings(page), [])
    await dialog.getByRole('button', { name: 'Close' }).click()
    await dialog.waitFor({ state: 'detached' })
    assert.equal(await page.getByRole('button', { name: 'Reject to production' }).count(), 0)
  }
})

flow('an answer that is refused is asked for again, with its comment', { expected: /409/ }, async (page) => {
  await page.goto(`${stand.double.url}/acme/web/runs/406`)
  await page.route('**/approve', (route) =>
    route.fulfill({
      status: 409,
      contentType: 'application/problem+json',
      json: { title: 'It waits for nobody', status: 409, code: 'MF4009', detail: 'It was answered.' },
    }),
  )
  await page.getByRole('button', { name: 'Approve to production' }).click()
  await page.getByLabel('Comment (optional)').fill('Ship it')
  await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click()
  await page.getByRole('dialog').getByText('It was answered.').waitFor(soon)
  assert.equal(await page.getByLabel('Comment (optional)').inputValue(), 'Ship it')
  await page.unroute('**/approve')
  await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached', ...soon })
  await shows(page, 'Ship it')
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

const unread: readonly (readonly [what: string, address: string, asked: string, then: string | RegExp])[] = [
  ['Artifacts', '/acme/web/runs/412', '**/runs/*/artifacts*', 'report/index.html'],
  ['Tests', '/acme/web/runs/412', '**/runs/*/tests*', '2 failed tests'],
  ['Timeline', '/acme/web/runs/412?view=timeline', '**/runs/*/timeline*', /Destroying the sandbox/],
  [
    'Annotations',
    '/acme/web/runs/412/jobs/unit.1',
    '**/attempts/*/annotations*',
    '2 packages are deprecated',
  ],
  ['Set up', '/projects/new?project=api', '**/api/v1/deliveries*', 'Started run 413.'],
  ['Saved views', '/', '**/api/v1/views*', 'This week'],
]
for (const [what, address, asked, then] of unread)
  flow(
    `what could not be read of a page is said there, and asked for again: ${what}`,
    { expected: /ERR_FAILED/ },
    async (page) => {
      await page.route(asked, (route) => route.abort())
      await page.goto(stand.double.url + address)
      await shows(page, `${what}: not read. The server cannot be reached`)
      await page.unroute(asked)
      await page.getByRole('button', { name: `Try again: ${what}` }).click()
      await page.getByText(then).first().waitFor(soon)
      assert.equal(await page.getByText('not read.').count(), 0)
    },
  )
