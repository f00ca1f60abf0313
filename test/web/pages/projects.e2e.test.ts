// Projects, their deliveries and webhooks, orbs and runners, drawn in their states (drawn-well.ts).
import { idOf } from '../double/world/ids.ts'
import { drawnWell, scrolledTo } from './drawn-well.ts'

drawnWell([
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
      await scrolledTo('section[aria-label="Webhooks"]')(page)
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
      await scrolledTo('section[aria-label="Webhooks"]')(page)
    },
  },
  {
    name: 'project-webhook-new',
    address: '/acme/web',
    shows: 'old board',
    act: async (page) => {
      await page.getByRole('button', { name: 'Add a webhook' }).click()
      await scrolledTo('section[aria-label="Webhooks"]')(page)
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
      await scrolledTo('section[aria-label="Webhooks"]')(page)
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
  {
    name: 'project-remove',
    address: '/acme/web',
    shows: 'Recent runs',
    act: async (page) => {
      await page.getByRole('button', { name: 'Remove this project…' }).click()
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
])
