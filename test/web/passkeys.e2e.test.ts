// Somebody who is in adds a passkey, signs in with it, and cannot remove the last one: a real Chromium with an authenticator
// of its own, the real server, a real database.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { openStaticSite } from '../../src/server/http/static-site.ts'
import { openVisitor } from '../support/browser.ts'
import { openTestApp } from '../support/http-app.ts'
import { axeFindings } from './double/browser.ts'
import { buildWeb } from './double/build.ts'

const web = await buildWeb()
after(() => web.remove())
const app = await openTestApp({ pages: await openStaticSite(web.root) })
const visitor = await openVisitor()
after(() => visitor.close())
const { page } = visitor

test('a passkey is added to an account, signs its owner in, and stays when it is the last', async () => {
  await visitor.addAuthenticator()
  const [name = '', value = ''] = (await app.signInAs('owner')).split('=')
  await page.context().addCookies([{ name, value, url: app.base }])
  await page.goto(`${app.base}/settings/passkeys`)
  await page.getByText('You have no passkey').waitFor()
  await page.getByLabel('Name').fill('Laptop')
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByRole('button', { name: 'Remove Laptop' }).waitFor()

  await page.getByRole('button', { name: 'Remove Laptop' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click()
  await page.getByText('This is all you sign in with').waitFor()

  await page.context().clearCookies()
  await page.goto(`${app.base}/sign-in`)
  // Offered in the field for the name, and taken: the owner of this authenticator always agrees.
  await page.waitForURL((url) => !url.pathname.startsWith('/sign-in'))
  await page.getByText('You last signed in').waitFor()
  await visitor.picture('last-sign-in')
  await page.goto(`${app.base}/settings/passkeys`)
  await page.getByRole('button', { name: 'Remove Laptop' }).waitFor()

  // A browser that was left open asks who sits there, says what for, and goes on when it knows.
  await sql`update sessions set proved_at = now() - interval '11 minutes'`.execute(app.database.db)
  await page.getByLabel('Name').fill('Second')
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  const dialog = page.getByRole('dialog', { name: 'Is it you?' })
  await dialog.getByText('Add a passkey to your account').waitFor()
  assert.deepEqual(await axeFindings(page), [])
  await visitor.picture('proof')
  await page.keyboard.press('Escape')
  await page.getByText('your last proof is too old').waitFor()
  await page.goto(`${app.base}/settings/tokens`)
  await page.getByRole('button', { name: 'Create a token' }).click()
  await page.getByLabel('Name', { exact: true }).fill('ci')
  await page.getByRole('button', { name: 'Create token' }).click()
  await dialog.getByRole('button', { name: 'Use a passkey' }).click()
  await page.getByText('Token “ci” was made').waitFor()
  const complaints = visitor.complaints.filter((line) => !/status of (403|409)/.test(line))
  assert.deepEqual(complaints, [])
})
