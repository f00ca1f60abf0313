// Secrets, contexts and those who sign, drawn in their states (drawn-well.ts).
import { drawnWell } from './drawn-well.ts'

drawnWell([
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
])
