// Lists of runs and the page of a run, drawn in their states (drawn-well.ts).
import { drawnWell, scrolledTo } from './drawn-well.ts'

drawnWell([
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
  {
    name: 'runs-deliveries',
    address: '/runs?deliveries=1',
    shows: /^shop The commit message says \[skip ci\]\.$/,
  },
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
    act: scrolledTo('table'),
  },
  {
    name: 'run-timeline',
    address: '/acme/web/runs/412?view=timeline',
    shows: 'Warm caches for install',
    act: scrolledTo('section[aria-labelledby="timeline"]'),
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
    act: scrolledTo('svg.map'),
  },
  {
    name: 'run-changes',
    address: '/acme/web/runs/412?view=changes',
    shows: 'More than 4 files are changed by this push',
    act: scrolledTo('#changes'),
  },
  {
    name: 'run-changes-unknown',
    address: '/acme/web/runs/413?view=changes',
    shows: 'Which files changed is not known',
    act: scrolledTo('#changes'),
  },
  {
    name: 'run-raw',
    address: '/acme/web/runs/412?view=raw',
    shows: 'What the API answers for this run.',
    act: scrolledTo('#raw'),
  },
  { name: 'run-no-config', address: '/acme/web/runs/411?view=config', shows: 'problem' },
  { name: 'run-no-tests', address: '/acme/web/runs/410?view=tests', shows: 'No test results' },
  {
    name: 'run-annotations',
    address: '/acme/web/runs/412?view=annotations',
    shows: 'AssertionError: expected',
  },
  { name: 'run-no-annotations', address: '/acme/web/runs/410?view=annotations', shows: 'No annotations' },
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
  { name: 'run-superseded', address: '/acme/mobile-app/runs/31', shows: 'Superseded by' },
  { name: 'run-missing', address: '/acme/web/runs/9999', shows: 'Nothing here' },
])
