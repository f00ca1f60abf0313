// What people set, by keyboard and pointer: projects, tokens, members, limits, schedules, webhooks, orbs.
import assert from 'node:assert/strict'
import { contexts } from '../double/world.ts'
import { isAt, openFlows, shows, soon } from './flow.ts'

const { flow, stand } = openFlows()

flow('a setting of a project is saved and said', {}, async (page) => {
  await page.goto(`${stand.double.url}/acme/web`)
  await page.getByLabel('A push ends the runs of earlier pushes').uncheck()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Saved').waitFor(soon)
})

flow(
  'settings that somebody else saved meanwhile are shown, and can be saved then',
  { expected: /412/ },
  async (page) => {
    const tags: (string | undefined)[] = []
    let priority = 'normal'
    await page.route('**/projects/*/settings', async (route) => {
      if (route.request().method() === 'PATCH') {
        tags.push(route.request().headers()['if-match'])
        if (tags.length > 1) return route.fallback()
        priority = 'high'
        return route.fulfill({ status: 412, json: { code: 'MF4012', title: 'It was changed' } })
      }
      const answer = await route.fetch()
      const json = { ...(await answer.json()), priority }
      await route.fulfill({ json, headers: { etag: `"${priority}"` } })
    })
    await page.goto(`${stand.double.url}/acme/web`)
    const field = page.getByLabel('Priority')
    await field.waitFor(soon)
    await field.selectOption('low')
    await page.getByRole('button', { name: 'Save' }).click()
    await shows(page, 'It was changed')
    await page.locator('select:has(option[value="high"]:checked)').waitFor(soon)
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved').waitFor(soon)
    assert.deepEqual(tags, ['"normal"', '"high"'])
  },
)

flow('settings that could not be read are asked for again', { expected: /ERR_FAILED/ }, async (page) => {
  await page.route('**/projects/*/settings', (route) => route.abort())
  await page.goto(`${stand.double.url}/acme/web`)
  await shows(page, 'The server cannot be reached')
  await page.unroute('**/projects/*/settings')
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByLabel('Priority').selectOption('low')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Saved').waitFor(soon)
})

flow(
  'a project is removed when its name is typed, and its page is no place to go back to',
  {},
  async (page) => {
    await page.goto(`${stand.double.url}/projects`)
    await page.goto(`${stand.double.url}/acme/web`)
    await page.getByRole('button', { name: 'Remove this project' }).click()
    const yes = page.getByRole('button', { name: 'Remove it for good' })
    assert.equal(await yes.isDisabled(), true, 'nobody typed its name')
    await page.keyboard.press('Escape')
    await yes.waitFor({ ...soon, state: 'hidden' })
    await page.getByRole('button', { name: 'Remove this project' }).click()
    await page.getByLabel('Type web').fill('web')
    const sent = page.waitForRequest((request) => request.method() === 'DELETE')
    await yes.click()
    assert.equal(new URL((await sent).url()).pathname, `/api/v1/projects/prj_${'0'.repeat(25)}1`)
    await isAt(page, '/projects')
  },
)

flow('a project that cannot be removed stays, and says why', { expected: /409/ }, async (page) => {
  const title = '1 run of this project is not over: cancel it first'
  await page.route('**/api/v1/projects/*', (route) =>
    route.request().method() === 'DELETE'
      ? route.fulfill({ status: 409, json: { code: 'MF4009', title } })
      : route.fallback(),
  )
  await page.goto(`${stand.double.url}/acme/web`)
  await page.getByRole('button', { name: 'Remove this project' }).click()
  await page.getByLabel('Type web').fill('web')
  await page.keyboard.press('Enter')
  await shows(page, title)
  await isAt(page, '/acme/web')
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

flow('what the browser does not let one copy is said not to be copied', {}, async (page) => {
  // As on a page without HTTPS.
  await page.addInitScript(`Object.defineProperty(navigator, 'clipboard', { value: undefined })`)
  await page.goto(`${stand.double.url}/settings/tokens`)
  await page.getByRole('button', { name: 'Create a token' }).click()
  await page.getByLabel('Name', { exact: true }).fill('deploy')
  await page.getByRole('button', { name: 'Create token' }).click()
  await page.getByRole('button', { name: 'Copy', exact: true }).click()
  await shows(page, 'Not copied')
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

flow('what waits for a second person says until when as everything else does', {}, async (page) => {
  await page.clock.setFixedTime('2026-11-21T09:00:00Z')
  await page.goto(`${stand.double.url}/settings/signers`)
  const table = page.getByRole('region', { name: 'Waiting for a second person' })
  await table.getByText('in 3 days').first().waitFor(soon)
  assert.doesNotMatch((await table.textContent()) ?? '', /2026-11-24/)
})

flow('when the clock jumped is said in the time zone of the person', {}, async (page) => {
  await page.goto(`${stand.double.url}/status`)
  const jump = page.getByRole('listitem').filter({ hasText: 'jumped 1 h forward' })
  await jump.waitFor(soon)
  const moment = jump.locator('time[datetime="2026-11-21T09:00:00.000Z"]')
  assert.match((await moment.textContent()) ?? '', /^Nov 2[0-2], 2026/)
  assert.doesNotMatch((await jump.textContent()) ?? '', /T\d\d:/)
})

flow('what is wrong twice with one field is said twice', { expected: /400/ }, async (page) => {
  // As the server says it of a name of nothing but a space.
  const errors = ['Too small: expected string to have >=1 characters', 'Invalid string: must match pattern']
  await page.route('**/schedules', (route) =>
    route.request().method() === 'GET'
      ? route.continue()
      : route.fulfill({
          status: 400,
          contentType: 'application/problem+json',
          json: {
            ...{
              title: 'The request is not valid',
              status: 400,
              code: 'MF4000',
              detail: 'Some fields are not valid',
            },
            errors: errors.map((detail) => ({ pointer: '#/name', detail, code: 'too_small' })),
          },
        }),
  )
  await page.goto(`${stand.double.url}/acme/web`)
  await page.getByRole('button', { name: 'Add a schedule' }).click()
  await page.getByLabel('Name', { exact: true }).fill(' ')
  await page.keyboard.press('Enter')
  for (const error of errors) await shows(page, error)
  await page.getByLabel('Name', { exact: true }).fill('nightly')
})

flow('rules that stand twice in a context are shown as they stand', {}, async (page) => {
  await page.route('**/api/v1/contexts?*', (route) =>
    route.fulfill({
      json: { items: [{ ...contexts[0]!, refs: ['default', 'default'] }], next_cursor: null },
    }),
  )
  await page.goto(`${stand.double.url}/settings/contexts`)
  await shows(page, 'deploy to europe')
})
