// Pages of a person, the way in, and pages of reference, drawn in their states (drawn-well.ts).
import { drawnWell } from './drawn-well.ts'

drawnWell([
  { name: 'preferences', address: '/settings/preferences', shows: 'Time zone' },
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
  { name: 'tokens-empty', address: '/settings/tokens', shows: 'No tokens', mode: { data: 'empty' } },
  { name: 'sessions', address: '/settings/sessions', shows: /by passkey from 198\.51\.100\.7/ },
  { name: 'members', address: '/settings/members', shows: 'Grace Hopper' },
  {
    name: 'members-viewer',
    address: '/settings/members',
    shows: 'Owners:',
    mode: { role: 'viewer' },
  },
  { name: 'join', address: '/join#0123456789abcdef', shows: 'Your name', mode: { session: 'signed-out' } },
  {
    name: 'join-without-token',
    address: '/join',
    shows: 'Ask an owner of this installation',
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
])
