// The page of a job, drawn in its states (drawn-well.ts).
import assert from 'node:assert/strict'
import { drawnWell } from './drawn-well.ts'

drawnWell([
  {
    name: 'crumb-menu',
    address: '/acme/web/runs/412/jobs/unit.1',
    shows: 'Run it on your machine',
    act: async (page) => {
      await page.getByRole('button', { name: 'Other jobs of this run' }).click()
      await page.getByRole('list', { name: 'Other jobs of this run' }).waitFor()
    },
  },
  {
    name: 'job-steps',
    address: '/acme/web/runs/412/jobs/unit.1',
    shows: 'cache miss',
    act: (page) => page.getByText('cache miss').scrollIntoViewIfNeeded(),
  },
  {
    name: 'job-reproduce',
    address: '/acme/web/runs/412/jobs/unit.1',
    shows: 'Run it on your machine',
    act: (page) => page.getByText('Run it on your machine').click(),
  },
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
])
