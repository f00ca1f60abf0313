// The browser of a person at the real thing: a page that reports every complaint, an authenticator that makes passkeys
// without asking, a clipboard, and, when MAYFLY_PICTURES names a directory, pictures of every page in both themes, at a
// desk and on a phone.
import type { Page } from 'playwright-core'
import { openBrowser, openPage, picturesTo, takePicture } from '../web/double/browser.ts'

export type Visitor = {
  readonly page: Page
  /** Console errors, script errors and policy violations so far. */
  readonly complaints: readonly string[]
  /** What the last copy button took. */
  readonly clipboard: () => Promise<string>
  /** From now on this browser has a built-in authenticator whose owner always agrees. */
  readonly addAuthenticator: () => Promise<void>
  readonly picture: (name: string) => Promise<void>
  readonly close: () => Promise<void>
}

const desk = { width: 1280, height: 860 }
const phone = { width: 360, height: 740 }
const pictureHeightMax = 4_000

export const openVisitor = async (): Promise<Visitor> => {
  const browser = await openBrowser()
  const { page, complaints } = await openPage(browser, { theme: 'light', width: desk.width })
  page.setDefaultTimeout(20_000)
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  return {
    page,
    complaints,
    clipboard: () => page.evaluate(() => navigator.clipboard.readText()),
    addAuthenticator: async () => {
      const devtools = await page.context().newCDPSession(page)
      await devtools.send('WebAuthn.enable')
      await devtools.send('WebAuthn.addVirtualAuthenticator', {
        options: {
          protocol: 'ctap2',
          transport: 'internal',
          hasResidentKey: true,
          hasUserVerification: true,
          isUserVerified: true,
          automaticPresenceSimulation: true,
        },
      })
    },
    picture: (name) => takePictures(page, name),
    close: () => browser.close(),
  }
}

/** Makes its visitor the owner of a fresh installation, by password. */
export const becomeOwner = async (page: Page, claimUrl: string | null): Promise<void> => {
  await page.goto(claimUrl ?? '')
  await page.getByLabel('Your name').fill('Ada')
  await page.getByLabel('E-mail').fill('ada@example.invalid')
  await page.getByRole('button', { name: 'Use a password instead' }).click()
  await page.getByLabel('Password', { exact: true }).fill('a long and quiet river')
  await page.getByRole('button', { name: 'Create the owner' }).click()
  await page.waitForURL('**/projects/new')
}

const takePictures = async (page: Page, name: string): Promise<void> => {
  if (picturesTo === undefined) return
  for (const viewport of [desk, phone])
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize(viewport)
      // As high as its content, so that what sticks to the edges of the window stays there.
      const height = await page.evaluate(() => document.documentElement.scrollHeight)
      await page.setViewportSize({ width: viewport.width, height: Math.min(height, pictureHeightMax) })
      await page.evaluate(
        () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))),
      )
      await takePicture(page, `${name}-${colorScheme}-${viewport.width}`)
    }
  await page.setViewportSize(desk)
  await page.emulateMedia({ colorScheme: 'light' })
}
