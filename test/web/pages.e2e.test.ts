// Every page in its states, both themes, at a desk and on a phone: drawn under the real policy without a violation,
// without a console error, without a finding of axe, and no wider than the screen. Pictures go to tmp/screenshots/.
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { axeFindings, openPage, type View } from './double/browser.ts'
import type { Mode } from './double/server.ts'
import { openStand } from './double/stand.ts'
import { idOf } from './double/world/ids.ts'

type PageCase = {
  readonly name: string
  readonly address: string
  /** Text that shows that the page is there. */
  readonly shows: string | RegExp
  /** What opens what is to be seen. */
  readonly act?: (page: Page) => Promise<void>
  readonly mode?: Partial<Mode>
  readonly expected?: RegExp
}

/** Brings it to the middle, for the picture. */
const seen = (selector: string) => (page: Page) =>
  page
    .locator(selector)
    .first()
    .evaluate((element) =>
      (element as { scrollIntoView: (how: object) => void }).scrollIntoView({ block: 'center' }),
    )

const cases: readonly PageCase[] = [
  { name: 'runs', address: '/runs', shows: 'Round prices half to even' },
  {
    name: 'runs-chosen',
    address: '/runs',
    shows: 'Round prices half to even',
    act: async (page) => {
      for (const number of [413, 412]) await page.getByLabel(`Choose run ${number} of web`).check()
      await page.getByText('2 runs chosen').waitFor()
    },
  },
  { name: 'runs-deliveries', address: '/runs?deliveries=1', shows: 'The commit message says [skip ci].' },
  { name: 'runs-filtered-out', address: '/runs?branch=nowhere', shows: 'No run fits these filters' },
  {
    name: 'runs-filtered',
    address: '/runs?mine=yes&since=7d&class=large',
    shows: 'More filters',
    act: async (page) => {
      await page.getByRole('button', { name: 'Save this view' }).click()
      await page.getByLabel('Name of the view').waitFor()
    },
  },
  { name: 'runs-view', address: '/runs?branch=main&status=failed', shows: 'Copy the link of this view' },
  {
    name: 'runs-start',
    address: '/runs?project=web',
    shows: 'Round prices half to even',
    act: async (page) => {
      await page.getByRole('button', { name: 'Start a run' }).click()
      await page.getByLabel('Branch or tag').waitFor()
      await page.getByRole('button', { name: 'Start a run' }).last().waitFor()
      await page.getByLabel('copies').fill('many')
      await page.keyboard.press('Enter')
      await page.getByText('must be an integer').waitFor()
    },
  },
  {
    name: 'palette',
    address: '/acme/web/runs/412',
    shows: '1 job failed',
    act: async (page) => {
      await page.keyboard.press('Control+k')
      await page.getByRole('combobox', { name: 'Commands' }).fill('run')
      await page.getByRole('option', { name: /Previous run of this branch/ }).waitFor()
    },
  },
  {
    name: 'crumb-menu',
    address: '/acme/web/runs/412/jobs/unit.1',
    shows: 'Run it on your machine',
    act: async (page) => {
      await page.getByRole('button', { name: 'Other jobs of this run' }).click()
      await page.getByRole('list', { name: 'Other jobs of this run' }).waitFor()
    },
  },
  { name: 'preferences', address: '/settings/preferences', shows: 'Time zone' },
  { name: 'runs-empty', address: '/', shows: 'No runs yet', mode: { data: 'empty' } },
  {
    name: 'runs-failing',
    address: '/runs',
    shows: 'The database is not available',
    mode: { data: 'failing' },
    expected: /503/,
  },
  { name: 'runs-loading', address: '/runs', shows: 'Loading', mode: { data: 'slow' }, expected: /ERR_EMPTY/ },
  { name: 'run-failed', address: '/acme/web/runs/412', shows: '1 job failed' },
  { name: 'run-failed-table', address: '/acme/web/runs/412?view=table', shows: 'deploy to production' },
  {
    name: 'run-table-sorted',
    address: '/acme/web/runs/412?view=table&sort=-duration',
    shows: 'deploy to production',
    act: seen('table'),
  },
  {
    name: 'run-timeline',
    address: '/acme/web/runs/412?view=timeline',
    shows: 'Warm caches for install',
    act: seen('section[aria-labelledby="timeline"]'),
  },
  { name: 'run-timeline-live', address: '/acme/web/runs/413?view=timeline', shows: 'Critical path' },
  { name: 'run-tests', address: '/acme/web/runs/412?view=tests', shows: 'refuses an expired link' },
  {
    name: 'run-tests-expired',
    address: '/acme/web/runs/412?view=tests',
    shows: 'Results of tests of',
    act: (page) => page.getByText('Results of tests of').scrollIntoViewIfNeeded(),
  },
  {
    name: 'job-steps',
    address: '/acme/web/runs/412/jobs/unit.1',
    shows: 'cache miss',
    act: (page) => page.getByText('cache miss').scrollIntoViewIfNeeded(),
  },
  {
    name: 'run-compared-jobs',
    address: '/acme/web/runs/412?compare=409',
    shows: 'cache hit → cache miss',
    act: (page) => page.getByText('cache hit → cache miss').scrollIntoViewIfNeeded(),
  },
  {
    name: 'run-config',
    address: '/acme/web/runs/412?view=config',
    shows: 'Find in the plan',
    act: async (page) => {
      await page.locator('summary', { hasText: 'unit' }).first().click()
      await page.getByRole('region', { name: 'Plan of unit' }).getByText('Say hello').waitFor()
    },
  },
  {
    name: 'run-config-found',
    address: '/acme/web/runs/412?view=config',
    shows: 'Find in the plan',
    act: async (page) => {
      await page.getByLabel('Find in the plan').fill('config.yml:11')
      await page.getByText('1 line', { exact: true }).waitFor()
    },
  },
  { name: 'run-compared', address: '/acme/web/runs/412?compare=409', shows: '2 tests failing now' },
  {
    name: 'run-compared-none',
    address: '/acme/web/runs/412?compare=7777',
    shows: 'This project has no run 7777.',
  },
  {
    name: 'run-many-jobs',
    address: '/acme/web/runs/405',
    shows: 'service-11',
    act: seen('svg.map'),
  },
  {
    name: 'run-changes',
    address: '/acme/web/runs/412?view=changes',
    shows: 'More than 4 files are changed by this push',
    act: seen('#changes'),
  },
  {
    name: 'run-changes-unknown',
    address: '/acme/web/runs/413?view=changes',
    shows: 'Which files changed is not known',
    act: seen('#changes'),
  },
  {
    name: 'run-raw',
    address: '/acme/web/runs/412?view=raw',
    shows: 'What the API answers for this run.',
    act: seen('#raw'),
  },
  { name: 'run-no-config', address: '/acme/web/runs/411?view=config', shows: 'problem' },
  { name: 'run-no-tests', address: '/acme/web/runs/410?view=tests', shows: 'No test results' },
  {
    name: 'job-reproduce',
    address: '/acme/web/runs/412/jobs/unit.1',
    shows: 'Run it on your machine',
    act: (page) => page.getByText('Run it on your machine').click(),
  },
  {
    name: 'run-annotations',
    address: '/acme/web/runs/412?view=annotations',
    shows: 'AssertionError: expected',
  },
  { name: 'run-no-annotations', address: '/acme/web/runs/410?view=annotations', shows: 'No annotations' },
  {
    name: 'job-annotations',
    address: '/acme/web/runs/412/jobs/unit.1',
    shows: '1 error, 1 warning, 3 notices',
    act: async (page) => {
      await page.getByRole('link', { name: 'Error AssertionError' }).press('Enter')
      await page.locator('.line.chosen.noted.error').waitFor()
    },
  },
  {
    name: 'job-usage',
    address: '/acme/web/runs/412/jobs/unit.1',
    shows: 'Peaked at 31 % of memory, 11 % of disk, 42 % of its processor time: the class small would do.',
    act: async (page) => {
      await page.getByText('As a table').click()
      await page.getByRole('slider').focus()
      await page.keyboard.press('Home')
      for (let i = 0; i < 30; i++) await page.keyboard.press('ArrowRight')
      await page.getByText('Moment: 0:31.0, in npm test').waitFor()
    },
  },
  { name: 'job-stages', address: '/acme/web/runs/413/jobs/unit.1', shows: 'Running its steps' },
  {
    name: 'job-log-expired',
    address: '/acme/web/runs/409/jobs/test',
    shows: 'Logs are kept for 30 days',
  },
  {
    name: 'job-tests-expired',
    address: '/acme/web/runs/412/jobs/lint?view=tests',
    shows: 'Results of tests are kept for 30 days',
  },
  {
    name: 'job-log-formats',
    address: '/acme/web/runs/412/jobs/unit.1',
    shows: 'Attempts',
    act: async (page) => {
      await page.getByRole('button', { name: 'Download' }).press('Enter')
      await page.keyboard.press('Tab')
      await page.getByRole('link', { name: 'A page with colours' }).scrollIntoViewIfNeeded()
    },
  },
  {
    name: 'job-other-attempts',
    address: '/acme/web/runs/412/jobs/unit.1',
    shows: 'Attempts',
    act: async (page) => {
      await page.getByRole('textbox', { name: 'Find in the log' }).fill('expected')
      await page.getByRole('button', { name: 'Look in other attempts' }).press('Enter')
      await page.getByText('240 lines in 1 other attempt.').waitFor()
      await page.getByText('the time of a search was over').waitFor()
    },
  },
  { name: 'job-tests', address: '/acme/web/runs/412/jobs/unit.1?view=tests', shows: 'More tests' },
  {
    name: 'job-tests-filtered-out',
    address: '/acme/web/runs/412/jobs/unit.1?view=tests&outcome=failed&test=zzz',
    shows: 'No test fits these filters',
  },
  { name: 'run-running', address: '/acme/web/runs/413', shows: 'Cancel run' },
  { name: 'run-config-error', address: '/acme/web/runs/411', shows: 'Did you mean "parallelism"?' },
  { name: 'run-queued', address: '/acme/web/runs/410', shows: 'No runner offers class' },
  { name: 'run-on-hold', address: '/acme/web/runs/406', shows: 'Waits for a person to approve' },
  {
    name: 'run-on-hold-viewer',
    address: '/acme/web/runs/406',
    shows: 'Who may:',
    mode: { role: 'viewer' },
  },
  {
    name: 'job-on-hold',
    address: '/acme/web/runs/406/jobs/production',
    shows: 'Waits for a person to approve',
  },
  {
    name: 'job-decided',
    address: '/acme/web/runs/406/jobs/staging',
    shows: 'The smoke test is red.',
  },
  { name: 'run-superseded', address: '/acme/mobile-app/runs/31', shows: 'Superseded by' },
  { name: 'run-missing', address: '/acme/web/runs/9999', shows: 'Nothing here' },
  { name: 'job-failed', address: '/acme/web/runs/412/jobs/unit.1', shows: 'Signature fits the runner' },
  {
    name: 'job-lost',
    address: '/acme/web/runs/412/jobs/unit.1?attempt=1',
    shows: 'Its runner was last heard of',
    act: async (page) => {
      const retry = page.getByRole('link', { name: 'Attempt 2', exact: true })
      assert.match((await retry.getAttribute('href')) ?? '', /attempt=2/)
      await page.getByText('It was tried again by itself:').getByText('Failed').waitFor()
      // The log opens at its first failure and moves the window for it; what is looked at stands still from then on.
      await page.locator('.line', { hasText: 'not found' }).waitFor()
    },
  },
  {
    name: 'job-pinned',
    address: '/acme/web/runs/412/jobs/unit.1?attempt=1#s3L64',
    shows: 'This is a failure of the installation',
    act: async (page) => {
      await page.getByRole('button', { name: 'Pin as the error' }).click()
      await page.getByRole('button', { name: 'Line 64 of npm test' }).waitFor()
      await page.getByText('The command is not there.').waitFor()
    },
  },
  {
    name: 'job-class',
    address: '/acme/web/runs/412/jobs/unit.1?attempt=2',
    shows: 'class',
    act: async (page) => {
      await page.getByRole('button', { name: 'Rerun in another class' }).click()
      await page.getByRole('dialog').waitFor()
    },
  },
  {
    name: 'job-link',
    address: '/acme/web/runs/412/jobs/unit.1?attempt=2#s2L5',
    shows: 'a link that is only text',
    act: async (page) => {
      await page.getByRole('button', { name: 'a link that is only text' }).click()
      await page.getByRole('dialog').waitFor()
    },
  },
  {
    name: 'job-line',
    address: '/acme/web/runs/412/jobs/unit.1?attempt=2#s3L62-L66',
    shows: 'rounds half to even',
  },
  {
    name: 'job-log-groups',
    address: '/acme/web/runs/412/jobs/unit.1?attempt=2#s2L1',
    shows: 'Audit of 812 packages',
    act: async (page) => {
      await page.getByText('nothing for 20s').waitFor()
      await page.getByRole('button', { name: 'Licences' }).waitFor()
    },
  },
  {
    name: 'job-log-missing',
    address: '/acme/web/runs/412/jobs/unit.1?attempt=2#s4L1',
    shows: 'Lines 2 to 121 were not received.',
  },
  {
    name: 'job-log-only-matches',
    address: '/acme/web/runs/412/jobs/unit.1?attempt=2',
    shows: 'rounds half to even',
    act: async (page) => {
      await page.getByLabel('Find in the log').fill('failed')
      await page.getByRole('button', { name: 'Only matches' }).click()
      await page.getByLabel('Lines around a match').selectOption('3 around')
      await page
        .getByRole('button', { name: /lines left out/ })
        .first()
        .waitFor()
    },
  },
  {
    name: 'job-million-lines',
    address: '/acme/web/runs/412/jobs/unit.1?attempt=2',
    shows: 'does not compile',
    mode: { logLines: 1_000_000 },
  },
  {
    name: 'job-queued',
    address: '/acme/web/runs/410/jobs/install',
    shows: 'Start a runner that offers this class',
  },
  {
    name: 'job-running',
    address: '/acme/web/runs/413/jobs/unit.1',
    shows: 'Written when the sandbox is gone.',
  },
  { name: 'job-waiting', address: '/acme/web/runs/413/jobs/deploy', shows: 'Not started yet' },
  { name: 'projects', address: '/projects', shows: 'mobile-app' },
  { name: 'projects-filtered-out', address: '/projects?name=zzz', shows: 'No project has this in its name' },
  { name: 'projects-empty', address: '/projects', shows: 'No projects yet', mode: { data: 'empty' } },
  { name: 'project-new', address: '/projects/new', shows: 'What happens next' },
  { name: 'project-setup', address: '/projects/new?project=api', shows: 'Confirm this fingerprint' },
  {
    name: 'project-setup-report',
    address: '/projects/new?project=api',
    shows: 'Check the configuration',
    act: async (page) => {
      const file = { name: 'config.yml', mimeType: 'text/yaml' }
      const text = `version: 2.1
orbs: {node: circleci/node@5.1}
jobs: {a: {docker: [{image: x}, {image: mongo:7}], tymeout: 5, steps: [node/install, {run: ./\u202eb}]}}
workflows: {w: {jobs: [a]}}`
      await page.getByLabel('Configuration file').setInputFiles({ ...file, buffer: Buffer.from(text) })
      await page.getByText(/constructs: .*, 2 refused$/).waitFor()
    },
  },
  { name: 'project', address: '/acme/web', shows: 'Recent runs' },
  {
    name: 'project-approvers',
    address: '/acme/web',
    shows: 'Who approves',
    act: (page) => page.getByLabel('Not by who began the run').scrollIntoViewIfNeeded(),
  },
  {
    name: 'project-webhooks',
    address: '/acme/web',
    shows: 'old board',
    act: async (page) => {
      await page.getByRole('button', { name: 'Deliveries of chat' }).click()
      await page.getByRole('button', { name: 'Body and tries of run.finished' }).first().click()
      await page.getByText('Try 3').waitFor()
      await seen('section[aria-label="Webhooks"]')(page)
    },
  },
  {
    name: 'project-webhook-edit',
    address: '/acme/web',
    shows: 'old board',
    act: async (page) => {
      await page.getByRole('button', { name: 'Change chat', exact: true }).click()
      await page.getByRole('button', { name: 'Deliveries of chat', exact: true }).click()
      await page.getByRole('button', { name: 'Older deliveries' }).waitFor()
      await seen('section[aria-label="Webhooks"]')(page)
    },
  },
  {
    name: 'project-webhook-new',
    address: '/acme/web',
    shows: 'old board',
    act: async (page) => {
      await page.getByRole('button', { name: 'Add a webhook' }).click()
      await seen('section[aria-label="Webhooks"]')(page)
    },
  },
  {
    name: 'project-webhook-secret',
    address: '/acme/web',
    shows: 'old board',
    act: async (page) => {
      await page.getByRole('button', { name: 'Rotate the secret of chat' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Rotate the secret' }).click()
      await page.getByText('It is shown only now.').waitFor()
      await seen('section[aria-label="Webhooks"]')(page)
    },
  },
  { name: 'deliveries', address: '/acme/web/deliveries', shows: '84 calls of the hook came too fast' },
  { name: 'deliveries-one', address: `/acme/web/deliveries?id=${idOf('dlv', 4)}`, shows: 'Pull request 88' },
  { name: 'deliveries-polled', address: '/acme/api/deliveries', shows: 'The last 3 looks failed.' },
  {
    name: 'deliveries-none',
    address: '/acme/web/deliveries?ref=nowhere',
    shows: 'No delivery fits these filters',
    mode: { data: 'empty' },
  },
  { name: 'project-missing', address: '/acme/none', shows: 'Nothing here', expected: /404/ },
  { name: 'secrets', address: '/acme/web/secrets', shows: 'DEPLOY_TOKEN' },
  {
    name: 'secrets-overdue',
    address: '/acme/web/secrets?view=overdue',
    shows: 'They are due to be replaced',
  },
  {
    name: 'secret',
    address: '/acme/web/secrets?secret=DEPLOY_TOKEN',
    shows: 'DEPLOY_TOKEN_PREVIOUS',
    act: async (page) => {
      await page.getByRole('button', { name: 'Who can reach this?' }).click()
      await page.getByText('refs/tags/v4.2.0').waitFor()
    },
  },
  {
    name: 'secrets-leaked',
    address: '/acme/web/secrets?view=leaked&secret=SPILT_TOKEN',
    shows: 'Seen in output',
  },
  {
    name: 'secrets-import',
    address: '/acme/web/secrets',
    shows: 'DEPLOY_TOKEN',
    act: async (page) => {
      await page.getByRole('button', { name: 'Import .env' }).click()
      const lines =
        'NPM_TOKEN=npm_9fk3hd8sk2\nDEPLOY_TOKEN=a-new-value-of-it\nAPI_KEY=changeme\nPIN=1234\nEMPTY=\nhello\n'
      const file = { name: '.env', mimeType: 'text/plain', buffer: Buffer.from(lines) }
      await page.locator('#import-file').setInputFiles(file)
      await page.getByText('looks like the place for a value').waitFor()
    },
  },
  { name: 'secrets-none', address: '/acme/api/secrets', shows: 'No secrets' },
  {
    name: 'secrets-no-signer',
    address: '/acme/web/secrets',
    shows: 'Your passkey for secrets',
    mode: { data: 'empty' },
  },
  {
    name: 'secrets-failing',
    address: '/acme/web/secrets',
    shows: 'The database is not available',
    mode: { data: 'failing' },
    expected: /503/,
  },
  { name: 'tokens', address: '/settings/tokens', shows: 'release script' },
  {
    name: 'token-form',
    address: '/settings/tokens',
    shows: 'release script',
    act: async (page) => {
      await page.getByRole('button', { name: 'Create a token' }).click()
      await page.getByLabel('Only these').check()
      await page.getByLabel('mobile-app').check()
    },
  },
  {
    name: 'secret-form-ssh',
    address: '/acme/web/secrets',
    shows: 'RELEASE_KEY',
    act: async (page) => {
      await page.getByRole('button', { name: 'Replace RELEASE_KEY' }).click()
      await page.getByLabel('Hosts it is for').waitFor()
    },
  },
  {
    name: 'secret-signatures',
    address: '/acme/web/secrets',
    shows: 'SIGNS_RELEASES',
    act: async (page) => {
      await page.getByText('Public key and signatures of').click()
      await page.getByText('web #412').waitFor()
    },
  },
  { name: 'tokens-empty', address: '/settings/tokens', shows: 'No tokens', mode: { data: 'empty' } },
  { name: 'sessions', address: '/settings/sessions', shows: 'Safari on iOS' },
  { name: 'members', address: '/settings/members', shows: 'Grace Hopper' },
  {
    name: 'members-viewer',
    address: '/settings/members',
    shows: 'Owners:',
    mode: { role: 'viewer' },
  },
  { name: 'contexts', address: '/settings/contexts', shows: 'deploy to europe' },
  {
    name: 'contexts-viewer',
    address: '/settings/contexts',
    shows: 'Owners and developers see contexts.',
    mode: { role: 'viewer' },
  },
  { name: 'contexts-empty', address: '/settings/contexts', shows: 'No contexts', mode: { data: 'empty' } },
  {
    name: 'context-form',
    address: '/settings/contexts',
    shows: 'registry',
    act: async (page) => {
      await page.getByRole('button', { name: 'Make a context' }).click()
      await page.getByLabel('mobile-app').check()
    },
  },
  {
    name: 'contexts-admit',
    address: '/settings/contexts',
    shows: 'Projects of contexts for every project',
    act: async (page) => {
      await page.getByRole('button', { name: 'Admit 2 projects' }).click()
      await page.getByRole('dialog').getByText('team/api.git').waitFor()
    },
  },
  { name: 'context', address: '/settings/contexts/deploy%20to%20europe', shows: 'refs/heads/release/*' },
  {
    name: 'context-edit',
    address: '/settings/contexts/deploy%20to%20europe',
    shows: 'refs/heads/release/*',
    act: async (page) => {
      await page.getByRole('button', { name: 'Change rules' }).click()
      await page.getByLabel('Wanted by').waitFor()
    },
  },
  { name: 'join', address: '/join#0123456789abcdef', shows: 'Your name', mode: { session: 'signed-out' } },
  {
    name: 'join-without-token',
    address: '/join',
    shows: 'Ask an owner of this installation',
    mode: { session: 'signed-out' },
  },
  { name: 'all-secrets', address: '/settings/secrets', shows: 'DEPLOY_TOKEN' },
  { name: 'all-secrets-broad', address: '/settings/secrets?view=broad', shows: 'LEGACY_API_KEY' },
  { name: 'all-secrets-none', address: '/settings/secrets', shows: 'No secrets', mode: { data: 'empty' } },
  {
    name: 'all-secrets-viewer',
    address: '/settings/secrets',
    shows: 'developers and owners',
    mode: { role: 'viewer' },
  },
  { name: 'signers', address: '/settings/signers', shows: 'Key of the safe' },
  {
    name: 'signers-remove',
    address: '/settings/signers',
    shows: 'Key of the safe',
    act: async (page) => {
      await page.getByRole('button', { name: 'Remove Key of the safe' }).click()
      await page.getByRole('dialog').getByLabel('Sign with').waitFor()
    },
  },
  {
    name: 'signers-countersign',
    address: '/settings/signers',
    shows: 'Waiting for a second person',
    act: async (page) => {
      await page.getByRole('button', { name: 'Sign: Rules of the context deploy to europe' }).click()
      await page.getByText('Digest of what is signed').waitFor()
    },
  },
  { name: 'signers-none', address: '/settings/signers', shows: 'Nobody signs yet', mode: { data: 'empty' } },
  {
    name: 'signers-failing',
    address: '/settings/signers',
    shows: 'The database is not available',
    mode: { data: 'failing' },
    expected: /503/,
  },
  { name: 'orbs', address: '/orbs', shows: 'circleci/node' },
  { name: 'orbs-none', address: '/orbs', shows: 'No orbs', mode: { data: 'empty' } },
  { name: 'orb-source', address: '/orbs?orb=acme/tools@1.2.3', shows: 'Deploys what the job built.' },
  { name: 'orb-missing', address: '/orbs?orb=acme/none@1.0.0', shows: 'Nothing here', expected: /404/ },
  {
    name: 'orb-form',
    address: '/orbs',
    shows: 'circleci/node',
    act: async (page) => {
      await page.getByRole('button', { name: 'Add an orb' }).click()
      await page.getByLabel('Name and version').fill('acme/tools@1.2.4')
      const file = { name: 'o.yml', mimeType: 'text/yaml', buffer: Buffer.from('version: 2.1') }
      await page.getByLabel('Source', { exact: true }).setInputFiles(file)
      await page.getByRole('button', { name: 'Add the orb' }).click()
      await page.getByText('This is no orb').waitFor()
    },
  },
  {
    name: 'project-untrusted-text',
    address: '/acme/web',
    shows: 'Recent runs',
    act: async (page) => {
      await page.getByLabel('Text from outside in scripts').selectOption('put them in as they are')
      await page.getByRole('button', { name: 'Save' }).click()
      await page.getByLabel('To go on, type web').waitFor()
    },
  },
  { name: 'runners', address: '/runners', shows: 'brook' },
  { name: 'runners-empty', address: '/runners', shows: 'No runner is enrolled', mode: { data: 'empty' } },
  { name: 'status', address: '/status', shows: 'Everything works' },
  {
    name: 'status-signed-out',
    address: '/status',
    shows: 'Only what is down is told here.',
    mode: { session: 'signed-out' },
  },
  { name: 'passkeys', address: '/settings/passkeys', shows: 'Key ring' },
  {
    name: 'passkeys-empty',
    address: '/settings/passkeys',
    shows: 'You have no passkey',
    mode: { data: 'empty' },
  },
  { name: 'api', address: '/docs/api', shows: '/api/v1/runs/{run}/cancel' },
  { name: 'errors', address: '/docs/errors', shows: 'Too many requests' },
  { name: 'error', address: '/docs/errors/MF4001', shows: 'What to do:' },
  { name: 'error-configuration', address: '/docs/errors/MF2107', shows: 'E_REQUIRES_UNKNOWN' },
  {
    name: 'error-signed-out',
    address: '/docs/errors/MF4029',
    shows: 'E_RATE_LIMIT',
    mode: { session: 'signed-out' },
  },
  { name: 'error-missing', address: '/docs/errors/MF9999', shows: 'There is no such page' },
  { name: 'missing', address: '/nothing', shows: 'There is no such page' },
  { name: 'claim', address: '/claim#0123456789abcdef', shows: 'Your name', mode: { session: 'unclaimed' } },
  { name: 'claim-without-token', address: '/claim', shows: 'mayfly up', mode: { session: 'unclaimed' } },
  {
    name: 'claim-done',
    address: '/claim#0123456789abcdef',
    shows: /^This installation has an owner already\.$/,
    mode: { session: 'signed-out' },
  },
  { name: 'claim-done-signed-in', address: '/claim', shows: 'You are signed in as Ada Lovelace.' },
  { name: 'sign-in', address: '/sign-in', shows: 'Sign in with a passkey', mode: { session: 'signed-out' } },
  {
    name: 'sign-in-password',
    address: '/sign-in',
    shows: 'Sign in with a passkey',
    mode: { session: 'signed-out' },
    act: async (page) => {
      await page.getByLabel('E-mail').fill('ada@example.com')
      await page.getByRole('button', { name: 'Continue' }).click()
      await page.getByLabel('Password').waitFor()
    },
  },
]
const views: readonly View[] = [
  { theme: 'light', width: 1280 },
  { theme: 'dark', width: 1280 },
  { theme: 'dark', width: 360 },
  { theme: 'light', width: 360 },
]
const usual: Mode = { session: 'signed-in', role: 'owner', data: 'full', stream: 'on', logLines: 0 }
const pictures = 'tmp/screenshots'

const stand = openStand()
before(() => mkdir(pictures, { recursive: true }))

test('a page that breaks the policy is noticed', async () => {
  await using opened = await openPage(
    stand.browser,
    { theme: 'light', width: 1280 },
    /Content Security Policy|Trusted/,
  )
  await opened.page.goto(stand.double.url)
  await opened.page.evaluate("document.body.setAttribute('style', 'color: red')")
  await opened.page.evaluate("try { document.querySelector('title').innerHTML = '<i>' } catch {}")
  const deadline = performance.now() + 5_000
  while (opened.complaints.length < 2 && performance.now() < deadline) await opened.page.evaluate('0')
  assert.deepEqual(opened.complaints.map((line) => line.split(' ').slice(0, 2).join(' ')).sort(), [
    'policy: require-trusted-types-for',
    'policy: style-src-attr',
  ])
})

for (const one of cases)
  test(`${one.name} is drawn well in both themes, at a desk and on a phone`, async () => {
    Object.assign(stand.double.mode, usual, one.mode)
    await using opened = await openPage(stand.browser, { theme: 'light', width: 1280 }, one.expected)
    const { page, complaints } = opened
    await page.goto(stand.double.url + one.address)
    await page.getByText(one.shows).first().waitFor({ state: 'attached', timeout: 10_000 })
    await one.act?.(page)
    await page.evaluate('document.fonts.ready.then(() => undefined)')
    for (const { theme, width } of views) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
      await page.setViewportSize({ width, height: 860 })
      await page.locator(`html[data-theme="${theme}"]`).waitFor({ timeout: 5_000 })
      await page.screenshot({ path: `${pictures}/${one.name}-${theme}-${width}.png` })
      const where = `${one.name}, ${theme}, ${width} px`
      const wide = Number(await page.evaluate('document.documentElement.scrollWidth'))
      assert.ok(wide <= width, `${where}: ${wide} px wide`)
      // What an act has scrolled half behind the bar at the top is not too small for it.
      await page.evaluate('scrollTo(0, 0)')
      assert.deepEqual(await axeFindings(page), [], where)
    }
    assert.deepEqual(complaints, [], one.name)
  })
