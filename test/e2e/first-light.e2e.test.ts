// The first day of an installation with nothing doubled: a person in a real Chromium claims it, adds a project that a
// real sshd serves, installs the hook and pushes, and sees every kind of end: passed, failed, misconfigured, nothing
// to do, cancelled. No page breaks its policy or complains, and nothing is left on the machine.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import type { Page } from 'playwright-core'
import { openVisitor, type Visitor } from '../support/browser.ts'
import { type GitHost, openGitHost, type TestRepository } from '../support/git-host.ts'
import { openInstallation, type TestInstallation, waitFor } from '../support/installation.ts'
import { findLeftovers, installationName } from '../support/leftovers.ts'

const password = 'a long and quiet river'
const email = 'ada@example.invalid'

/** Stops it, and proves that the machine is as before. */
const closeCompletely = async (installation: TestInstallation): Promise<void> => {
  const { data, run } = installation
  const name = installationName(data)
  await installation.close()
  assert.deepEqual(findLeftovers({ data, run, installation: name }), [])
}

const claimLink = (installation: TestInstallation): string => {
  assert.ok(installation.claimUrl, installation.output())
  return installation.claimUrl
}

const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()
const follow = (page: Page, name: string | RegExp) => page.getByRole('link', { name }).first().click()
const sees = (page: Page, words: string | RegExp) =>
  page.getByRole('main').getByText(words).first().waitFor({ timeout: 30_000 })
const isAt = (page: Page, path: string | RegExp) =>
  page.waitForURL((url) => {
    const here = url.pathname + url.search
    return typeof path === 'string' ? here === path : path.test(here)
  })

test('with a password: becomes the owner once, signs out and in again', async () => {
  const installation = await openInstallation({ args: ['--no-sample'] })
  try {
    const visitor = await openVisitor()
    await claimByPassword(installation, visitor).finally(visitor.close)
  } finally {
    await closeCompletely(installation)
  }
})

const claimByPassword = async (installation: TestInstallation, visitor: Visitor): Promise<void> => {
  const { page } = visitor
  await page.goto(installation.url)
  await sees(page, 'A claim link is needed')
  await visitor.picture('claim-without-link')
  await page.goto(claimLink(installation))
  await page.getByLabel('Your name').fill('Ada')
  await page.getByLabel('E-mail').fill(email)
  await press(page, 'Use a password instead')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await visitor.picture('claim-password')
  const sent = page.waitForRequest('**/api/v1/claim')
  await press(page, 'Create the owner')
  await isAt(page, '/projects/new')
  await press(page, 'Sign out')
  await page.getByLabel('E-mail').fill(email)
  await press(page, 'Continue')
  await page.getByLabel('Password').fill(password)
  await press(page, 'Sign in')
  await isAt(page, '/runs')

  await page.goto(claimLink(installation))
  await sees(page, 'This installation has an owner already.')
  await visitor.picture('claim-done')
  const again = await page.request.post(`${installation.url}/api/v1/claim`, {
    data: (await sent).postDataJSON(),
    headers: { origin: installation.url, 'sec-fetch-site': 'same-origin' },
  })
  assert.equal(again.status(), 404, await again.text())
  assert.deepEqual(visitor.complaints, [])
}

const numbered = 150
const lines = Array.from({ length: numbered }, (_, i) => `line ${i + 1}`)
const configuration = (name: string, command: string): string => `version: 2.1
jobs:
  greet:
    docker: [{image: cimg/base:stable}]
    steps:
      - checkout
      - run:
          name: ${name}
          command: |
${command.replace(/^/gm, '            ')}
  pack:
    docker: [{image: cimg/base:stable}]
    steps:
      - run: echo packed
workflows:
  main:
    jobs:
      - greet
      - pack: {requires: [greet]}
`
const count = configuration(
  'Count slowly',
  String.raw`i=1
while [ $i -le ${numbered} ]; do
  printf '\033[3%dmline %d\033[0m\n' $((i % 6 + 1)) $i
  i=$((i+1)); sleep 0.1
done`,
)
const fail = configuration(
  'Check the sum',
  `i=1; while [ $i -le 60 ]; do echo "case $i is fine"; i=$((i+1)); done
echo 'AssertionError: expected 4, got 5' >&2
exit 3`,
)
const wait = configuration('Wait', 'echo waiting; sleep 600')
const broken = `version: 2.1
jobs:
  greet:
    docker: [{image: cimg/base:stable}]
    steps:
      - run: echo hello
workflows:
  main:
    jobs:
      - greet: {requires: [gret]}
`
const file = '.circleci/config.yml'

describe('with a passkey: the first day of a project', () => {
  let gitHost: GitHost
  let repository: TestRepository
  let installation: TestInstallation
  let visitor: Visitor
  let page: Page
  before(async () => {
    gitHost = await openGitHost()
    repository = await gitHost.createRepository('river', { 'README.md': 'A river.\n', [file]: count })
    const settings = `sources: {allow: ["127.0.0.1/32:${gitHost.port}"]}\n`
    installation = await openInstallation({ args: ['--no-sample'], settings })
    visitor = await openVisitor()
    page = visitor.page
    await visitor.addAuthenticator()
  })
  after(async () => {
    await visitor?.close()
    await gitHost?.close()
    if (installation !== undefined) await closeCompletely(installation)
  })

  /** The part of the day that went wrong: what follows stands on it. */
  let wrong: string | null = null
  const then = (title: string, act: () => Promise<void>) =>
    test(title, async (t) => {
      if (wrong !== null) return t.skip(`because "${wrong}" failed`)
      await act().catch((error) => {
        wrong = title
        throw error
      })
    })

  /** Pushes while the list of runs is open; the new run shows up there without a reload, and is opened. */
  const pushAndOpen = async (config: string, subject: string) => {
    await follow(page, 'Runs')
    await isAt(page, '/runs')
    await page.getByText('Live', { exact: true }).waitFor()
    repository.push({ [file]: config }, subject)
    await page.getByRole('button', { name: /^1 new run/ }).click()
    await follow(page, subject)
    await page.getByRole('heading', { name: subject }).waitFor()
  }
  const openJob = async (name: string) => {
    await page.getByRole('main').getByRole('link', { name }).first().click()
    await page.getByRole('heading', { name, exact: true }).waitFor()
  }
  /** The status in words below the heading, of the run or of the job. */
  const hasStatus = (status: string) =>
    page.locator('main :is(.under, .header) > .label', { hasText: status }).waitFor({ timeout: 60_000 })

  then('becomes the owner, signs out and in again', async () => {
    await page.goto(claimLink(installation))
    await page.getByLabel('Your name').fill('Ada')
    await page.getByLabel('E-mail').fill(email)
    await visitor.picture('claim')
    await press(page, 'Continue with a passkey')
    await isAt(page, '/projects/new')
    await press(page, 'Sign out')
    // The passkey is offered in the field for the name, and the owner of this authenticator always takes it.
    await isAt(page, '/runs')
    await sees(page, 'No runs yet')
    await visitor.picture('runs-empty')
  })

  then('looks around while there is nothing', async () => {
    for (const [name, shows] of [
      ['Projects', 'No projects yet'],
      ['Runners', 'online'],
      ['Account', 'No tokens'],
      ['Status', 'Everything works'],
    ] as const) {
      await follow(page, name)
      await sees(page, shows)
      await visitor.picture(`${name.toLowerCase()}-first`)
    }
    await page.goto(`${installation.url}/nothing/of/the/kind`)
    await sees(page, 'There is no such page')
    await visitor.picture('not-found')
  })

  then('adds a project: deploy key, host key, hook', async () => {
    await follow(page, 'Projects')
    await follow(page, 'Add a project')
    await page.getByLabel('SSH address').fill(gitHost.sshUrl('river'))
    await visitor.picture('add-1-form')
    await press(page, 'Add the project')

    const item = (title: string) =>
      page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: title }) })
    const copy = async (name: string | RegExp): Promise<string> => {
      await page.getByRole('figure', { name }).getByRole('button', { name: 'Copy' }).click()
      return visitor.clipboard()
    }
    await item('Register the deploy key').waitFor()
    await visitor.picture('add-2-key')
    await gitHost.authorize(await copy('Deploy key'))

    await press(page, 'Contact the server')
    await item('Confirm the host key').getByText(gitHost.fingerprint).waitFor({ timeout: 60_000 })
    await visitor.picture('add-3-host-key')
    await press(page, 'Confirm this fingerprint')
    await item('Check access').getByText('The repository can be read.').waitFor({ timeout: 60_000 })

    const hooks = join(repository.bare, 'hooks')
    await writeFile(join(hooks, 'mayfly-secret'), await copy('hooks/mayfly-secret'), { mode: 0o600 })
    await writeFile(join(hooks, 'post-receive'), await copy('hooks/post-receive'), { mode: 0o755 })
    await visitor.picture('add-4-hook')

    const report = item('Check the configuration')
    const choose = (text: string) =>
      page.getByLabel('Configuration file').setInputFiles({
        ...{ name: 'config.yml', mimeType: 'text/yaml' },
        buffer: Buffer.from(text),
      })
    await choose(count)
    await report.getByText(/^\d+ constructs: \d+ honoured, 2 translated$/).waitFor({ timeout: 30_000 })
    await report.getByRole('cell', { name: /images are not pulled yet/ }).waitFor()
    await visitor.picture('add-5-report')
    await choose(broken)
    await report.getByText(/, 1 refused$/).waitFor({ timeout: 30_000 })
    await report.getByRole('cell', { name: /needs "gret", which is not in this workflow/ }).waitFor()
    await visitor.picture('add-6-refused')
  })

  then('pushes, sees the run come, its log grow and everything pass', async () => {
    await pushAndOpen(count, 'Count to a hundred and fifty')
    await visitor.picture('run-running')
    await openJob('greet')
    await hasStatus('running')
    const shown = page.getByRole('region', { name: 'Log of greet' })
    const sizes = new Set<string>()
    await waitFor('the log to grow', async () => {
      sizes.add((await page.getByRole('heading', { name: /^Log/ }).textContent()) ?? '')
      return sizes.size >= 4
    })
    await hasStatus('running')
    await visitor.picture('job-running')
    await hasStatus('passed')
    await shown.getByText(`line ${numbered}`, { exact: true }).waitFor()
    const colours = await shown
      .locator('.line', { hasText: /line \d/ })
      .locator('.text > span')
      .evaluateAll((spans) => spans.map((span) => getComputedStyle(span).color))
    assert.equal(new Set(colours).size, 6, `six colours of the terminal, not ${[...new Set(colours)]}`)
    await visitor.picture('job-passed')
    await page.getByRole('button', { name: 'Download', exact: true }).click()
    const raw = await page.getByRole('link', { name: /^As it was written/ }).getAttribute('href')
    await page.keyboard.press('Escape')
    const whole = await (await page.request.get(new URL(raw ?? '', installation.url).href)).text()
    assert.deepEqual(
      stripVTControlCharacters(whole)
        .split('\n')
        .filter((line) => /^line \d+$/.test(line)),
      lines,
    )

    await follow(page, /^Run \d+$/)
    await hasStatus('passed')
    await visitor.picture('run-passed')

    await press(page, 'Config')
    await page
      .getByRole('group')
      .filter({ hasText: 'pack' })
      .getByText('pack', { exact: true })
      .first()
      .click()
    await page.getByRole('region', { name: 'Plan of pack' }).getByText('echo packed').waitFor()
    await visitor.picture('run-config')
    await page.getByLabel('Find in the plan').fill('Count slowly')
    const greet = page.getByRole('region', { name: 'Plan of greet' })
    await greet.getByText(`${file}:7:9`).waitFor()
    assert.equal(await page.getByRole('region', { name: 'Plan of pack' }).count(), 0)
    await visitor.picture('run-config-found')
    await page.getByLabel('Find in the plan').fill(`${file}:18`)
    await page.getByRole('region', { name: 'Plan of pack' }).waitFor()
    await press(page, 'Graph')
  })

  then('pushes a failure and is led to its line', async () => {
    await pushAndOpen(fail, 'Break the sum')
    await sees(page, '1 job failed')
    await visitor.picture('run-failed')
    await press(page, 'Jobs')
    await page.getByRole('table').getByText('skipped', { exact: true }).waitFor()
    await visitor.picture('run-failed-table')
    await openJob('greet')
    await hasStatus('failed')
    await sees(page, 'exit code 3')
    const line = page.locator('.line', { hasText: 'AssertionError: expected 4, got 5' })
    await line.waitFor()
    assert.ok(
      await line.evaluate((element) => {
        const { top, bottom } = element.getBoundingClientRect()
        return top >= 0 && bottom <= innerHeight
      }),
      'the failing line is on the screen',
    )
    await visitor.picture('job-failed')
  })

  then('pushes a wrong configuration and sees where it is wrong', async () => {
    await pushAndOpen(broken, 'Mistype a name')
    await sees(page, '1 problem in the configuration')
    await hasStatus('failed')
    const line = broken.split('\n').findIndex((text) => text.includes('gret]'))
    const text = broken.split('\n')[line] ?? ''
    const frame = page.getByRole('figure', { name: `${file}:${line + 1}:${text.indexOf('gret]') + 1}` })
    assert.equal(await frame.locator('.hit').textContent(), `${line + 1}${text}\n`)
    assert.equal(await frame.locator('.caret').textContent(), `${' '.repeat(text.indexOf('gret]'))}^^^^\n`)
    await visitor.picture('run-config-error')
  })

  then('deletes a branch and reads why nothing ran', async () => {
    await follow(page, 'Projects')
    await visitor.picture('projects')
    await follow(page, 'river')
    await sees(page, 'A run was started')
    repository.git('--git-dir', repository.bare, 'branch', 'old-idea', 'main')
    repository.git('push', '--quiet', 'origin', '--delete', 'old-idea')
    await sees(page, 'refs/heads/old-idea was deleted')
    await visitor.picture('project')
    await follow(page, 'Setup')
    await sees(page, /^Received /)
    assert.equal(await page.getByRole('heading', { name: / done$/ }).count(), 6)
    await visitor.picture('add-5-done')
  })

  then('cancels a run', async () => {
    await pushAndOpen(wait, 'Wait for nothing')
    await openJob('greet')
    await page.locator('.line', { hasText: 'waiting' }).waitFor({ timeout: 60_000 })
    await follow(page, /^Run \d+$/)
    await openJob('pack')
    await sees(page, 'Not started yet')
    await visitor.picture('job-waiting')
    await page.goBack()
    await press(page, 'Cancel run')
    await visitor.picture('run-cancel')
    await press(page, 'Cancel the run')
    await page.getByRole('button', { name: 'Rerun all' }).waitFor({ timeout: 30_000 })
    await hasStatus('cancelled')
    await visitor.picture('run-cancelled')
    await follow(page, 'Runs')
    await sees(page, 'Wait for nothing')
    await press(page, 'Deliveries')
    await sees(page, 'A run was started')
    await visitor.picture('runs')
  })

  then('makes a token, which works until it is taken back', async () => {
    await follow(page, 'Account')
    await press(page, 'Create a token')
    await page.getByLabel('Name', { exact: true }).fill('release script')
    await visitor.picture('token-form')
    await press(page, 'Create token')
    await page.getByRole('figure', { name: 'Token' }).getByRole('button', { name: 'Copy' }).click()
    await visitor.picture('token-made')
    const authorization = `Bearer ${await visitor.clipboard()}`
    const ask = async () =>
      (await fetch(`${installation.url}/api/v1/runs`, { headers: { authorization } })).status
    assert.equal(await ask(), 200)
    await press(page, 'I have copied it')
    await press(page, 'Revoke release script')
    await press(page, 'Revoke the token')
    await sees(page, 'No tokens')
    assert.equal(await ask(), 401)
  })

  test('no page complained', () => assert.deepEqual(visitor.complaints, []))
})
