// What people do first, and everywhere, by keyboard and pointer: claim, sign in, add a project, go from page to page.
import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { idOf, runById } from '../double/world.ts'
import { address, isAt, openFlows, shows, soon } from './flow.ts'

const { flow, stand } = openFlows()

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
    await page.goto(`${stand.double.url}/acme/web/runs/412/jobs/unit.1?attempt=2#s3L3`)
    await page.getByLabel('E-mail').fill('ada@example.com')
    assert.equal(await page.getByLabel('Password').count(), 0)
    await page.keyboard.press('Enter')
    await page.locator('#password:focus').waitFor(soon)
    await page.getByLabel('Password').fill('correct horse battery')
    stand.double.mode.session = 'signed-in'
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await isAt(page, '/acme/web/runs/412/jobs/unit.1?attempt=2#s3L3')
  },
)

flow('who has signed in by now and loads the page for it anew goes on', {}, async (page) => {
  await page.goto(`${stand.double.url}/sign-in?next=${encodeURIComponent('/acme/web/runs/412?view=table')}`)
  await isAt(page, '/acme/web/runs/412?view=table')
})

const signIn = async (page: Page): Promise<void> => {
  await page.getByLabel('E-mail').fill('ada@example.com')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByLabel('Password').fill('correct horse battery')
  stand.double.mode.session = 'signed-in'
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

flow('who signs in again, having been signed out in another tab, sees what changes', {}, async (page) => {
  const run = runById(idOf('run', 413))!
  await page.goto(`${stand.double.url}/acme/web/runs/413`)
  await shows(page, 'Cancel run')
  await shows(page, 'Live')
  stand.double.endSession()
  await signIn(page)
  await isAt(page, '/acme/web/runs/413')
  await shows(page, 'Cancel run')
  await shows(page, 'Live')
  stand.double.tell({
    ...{ t: 'run', topic: `run:${run.id}`, rev: run.rev + 1, jobs: [] },
    run: { ...run, status: 'passed', rev: run.rev + 1 },
  })
  await page.getByRole('button', { name: 'Rerun all' }).waitFor(soon)
})

flow(
  'what waited for a proof when the session ended is not asked of who signs in next',
  { expected: /403/ },
  async (page) => {
    let asked = 0
    await page.route('**/api/v1/tokens', (route) => {
      if (route.request().method() !== 'POST') return route.fallback()
      asked++
      return route.fulfill({ status: 403, json: { code: 'MF4033', title: 'Prove it', detail: '' } })
    })
    await page.route('**/api/v1/proof/options', (route) =>
      route.fulfill({ json: { passkey: null, password: true } }),
    )
    await page.goto(`${stand.double.url}/settings/tokens`)
    await page.getByRole('button', { name: 'Create a token' }).click()
    await page.getByLabel('Name', { exact: true }).fill('deploy')
    await page.getByRole('button', { name: 'Create token' }).click()
    await page.getByRole('dialog', { name: 'Is it you?' }).waitFor(soon)
    stand.double.endSession()
    await signIn(page)
    await isAt(page, '/settings/tokens')
    await page.getByRole('button', { name: 'Create a token' }).waitFor(soon)
    assert.equal(await page.getByRole('dialog').count(), 0)
    assert.equal(asked, 1)
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

flow(
  'who could not be signed out is told so, and can try again',
  { expected: /ERR_FAILED/ },
  async (page) => {
    await page.goto(`${stand.double.url}/runs`)
    await shows(page, 'Round prices')
    await page.route('**/api/v1/sign-out', (route) => route.abort())
    await page.getByRole('button', { name: 'Sign out' }).click()
    await shows(page, 'You are still signed in.')
    await shows(page, 'The server cannot be reached')
    assert.equal(address(page), '/runs')
    await page.unroute('**/api/v1/sign-out')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await isAt(page, '/sign-in')
    assert.equal(stand.double.mode.session, 'signed-out')
  },
)

flow(
  'a claim link that lost a piece on its way says that one is needed',
  { mode: { session: 'unclaimed' } },
  async (page) => {
    await page.goto(`${stand.double.url}/claim#token=%`)
    await page.getByRole('heading', { level: 1 }).waitFor(soon)
    await shows(page, 'A claim link is needed')
    assert.equal(address(page), '/claim')
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

flow(
  'a page that cannot be fetched says why, and how it can be',
  { expected: /ERR_FAILED/ },
  async (page) => {
    await page.goto(`${stand.double.url}/runs`)
    await shows(page, 'Round prices')
    await page.route(/\/projects-[^/]*\.js$/, (route) => route.abort())
    await page.getByRole('link', { name: 'Projects' }).first().click()
    await shows(page, 'The server may be restarting, or has another version by now.')
    assert.equal(await page.title(), 'This page could not be fetched · Mayfly')
    await page.unroute(/\/projects-[^/]*\.js$/)
    await page.getByRole('button', { name: 'Try again' }).click()
    await shows(page, 'mobile-app')
    await isAt(page, '/projects')
  },
)

flow(
  'what wants a proof is let go when nobody can be asked for one',
  { expected: /ERR_FAILED|403/ },
  async (page) => {
    await page.route(/\/proof-dialog-[^/]*\.js$/, (route) => route.abort())
    await page.route('**/api/v1/tokens', (route) =>
      route.request().method() === 'POST'
        ? route.fulfill({ status: 403, json: { code: 'MF4033', title: 'Prove it', detail: '' } })
        : route.fallback(),
    )
    await page.goto(`${stand.double.url}/settings/tokens`)
    await page.getByRole('button', { name: 'Create a token' }).click()
    await page.getByLabel('Name', { exact: true }).fill('deploy')
    await page.getByRole('button', { name: 'Create token' }).click()
    await shows(page, 'Prove it')
    assert.equal(await page.getByRole('button', { name: 'Create token' }).isEnabled(), true)
  },
)

flow('where nothing is, the tab says so and the heading has the focus', {}, async (page) => {
  await page.goto(`${stand.double.url}/runs`)
  await shows(page, 'Round prices')
  await page.getByRole('combobox', { name: 'Search' }).fill('web#9999')
  await page.keyboard.press('Enter')
  await isAt(page, '/acme/web/runs/9999')
  const heading = page.getByRole('heading', { name: 'Nothing here', level: 1 })
  await heading.waitFor(soon)
  assert.equal(await page.title(), 'Nothing here · Mayfly')
  assert.equal(await heading.evaluate((element) => element === document.activeElement), true)
})

flow('a search that is sent before the projects are known waits for them', {}, async (page) => {
  const held = Promise.withResolvers<void>()
  await page.route('**/api/v1/projects?*', async (route) => {
    await held.promise
    await route.continue()
  })
  await page.goto(`${stand.double.url}/runs`)
  await shows(page, 'Round prices')
  await page.getByRole('combobox', { name: 'Search' }).fill('web#9999')
  await page.keyboard.press('Enter')
  held.resolve()
  await isAt(page, '/acme/web/runs/9999')
})

flow('the theme goes through system, light and dark, and is remembered', {}, async (page) => {
  await page.goto(`${stand.double.url}/runs`)
  await page.getByRole('button', { name: 'Theme: like the system' }).click()
  await page.getByRole('button', { name: 'Theme: light' }).click()
  await page.getByRole('button', { name: 'Theme: dark' }).waitFor(soon)
  await page.reload()
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

flow(
  'a page of neither https nor localhost says that it cannot receive a secret, and what can',
  {},
  async (page) => {
    await page.addInitScript("Object.defineProperty(window, 'isSecureContext', { value: false })")
    await page.goto(`${stand.double.url}/projects/new`)
    await page.getByLabel('SSH address').fill('git@git.example.com:acme/tools.git')
    await page.getByRole('button', { name: 'Add the project' }).click()
    await shows(page, 'mayfly project add')
  },
)

flow(
  'on such a page secrets are there to be looked at, and where they are changed is said',
  {},
  async (page) => {
    await page.addInitScript(`
    Object.defineProperty(window, 'isSecureContext', { value: false })
    Object.defineProperty(Crypto.prototype, 'subtle', { value: undefined })
    delete window.PublicKeyCredential`)
    for (const path of [
      '/acme/web/secrets',
      '/settings/contexts',
      '/settings/contexts/deploy%20to%20europe',
    ]) {
      await page.goto(stand.double.url + path)
      await shows(page, 'Passkeys work on https or on localhost only.')
      assert.equal(await page.getByRole('button', { name: /^Add/ }).count(), 0)
    }
    await page.goto(`${stand.double.url}/settings/signers`)
    await shows(page, 'Key of the vault')
  },
)

flow(
  'in a browser that does not know the time zone of the person, times are those of the browser',
  {},
  async (page) => {
    await page.route('**/api/v1/me', async (route) => {
      const me = await (await route.fetch()).json()
      const preferences = { ...me.user.preferences, time_zone: 'Europe/Newtown' }
      await route.fulfill({ json: { ...me, user: { ...me.user, preferences } } })
    })
    await page.goto(`${stand.double.url}/runs`)
    await shows(page, 'Round prices')
    await page.goto(`${stand.double.url}/settings/preferences`)
    await page.locator('time').first().waitFor(soon)
    assert.equal(await page.getByLabel('Time zone').inputValue(), 'Europe/Newtown')
  },
)
