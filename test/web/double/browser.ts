// A Chromium that reports everything a page must not do: errors, policy violations, findings of axe.
import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type Browser, chromium, errors, type Page } from 'playwright-core'

const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** As root Chromium has no sandbox of its own; as anybody else it keeps it. */
const flags = [
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  // Pages load nothing from elsewhere, and the browser itself is not to try either.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
]

export const openBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: process.env.MAYFLY_CHROMIUM ?? '/usr/bin/chromium', args: flags })

export type View = { readonly theme: 'light' | 'dark'; readonly width: number; readonly height?: number }

/** A page with its complaints; `expected` are console errors that the test causes on purpose. */
export const openPage = async (browser: Browser, view: View, expected?: RegExp) => {
  const page = await browser.newPage({
    viewport: { width: view.width, height: view.height ?? 860 },
    colorScheme: view.theme,
    reducedMotion: 'reduce',
  })
  const complaints: string[] = []
  page.on('console', (message) => {
    const text = message.text()
    if (['error', 'warning'].includes(message.type()) && !expected?.test(text))
      complaints.push(`console: ${text}`)
  })
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`))
  await page.exposeFunction('mayflyTestViolation', (what: string) => void complaints.push(`policy: ${what}`))
  await page.addInitScript(`addEventListener('securitypolicyviolation', (event) =>
    mayflyTestViolation([event.violatedDirective, event.blockedURI, event.sample].join(' ')))`)
  const close = async () => {
    // What a test still answers for the page is asked by nobody any more.
    await page.unrouteAll({ behavior: 'ignoreErrors' })
    await page.close()
  }
  return { page, complaints, [Symbol.asyncDispose]: close }
}

/** A picture usually takes a tenth of a second. */
const pictureMs = 10_000

/** A directory for pictures, where somebody wants to look at them. */
export const picturesTo = process.env.MAYFLY_PICTURES

/**
 * A picture for people to look at; what is asserted of a page is asked of the page. Chromium on a busy machine now and then
 * never draws the frame that it was asked for: another size makes it draw anew.
 */
export const takePicture = async (page: Page, name: string): Promise<void> => {
  if (picturesTo === undefined) return
  await mkdir(picturesTo, { recursive: true })
  const path = join(picturesTo, `${name}.png`)
  const take = () => page.screenshot({ path, timeout: pictureMs })
  await take().catch(async (error: unknown) => {
    const size = page.viewportSize()
    if (!(error instanceof errors.TimeoutError) || size === null) throw error
    await page.setViewportSize({ width: size.width, height: size.height + 1 })
    await page.setViewportSize(size)
    await take()
  })
}

type AxeResult = {
  readonly violations: readonly {
    readonly id: string
    readonly nodes: readonly { readonly target: unknown; readonly failureSummary?: string }[]
  }[]
}

const everything = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
/** What may be otherwise in another theme. */
const ofColours = ['color-contrast', 'link-in-text-block']

/**
 * WCAG 2.2 AA and best practices; empty when there is nothing to mend. What holds is not listed: that takes as long as to look.
 * `colours`: of a page that was looked at in another theme.
 */
export const axeFindings = async (
  page: Page,
  what: 'all' | 'colours' = 'all',
): Promise<readonly string[]> => {
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(axeSource)
  const result = (await page.evaluate(`axe.run(document, {
    runOnly: ${JSON.stringify(what === 'all' ? everything : ofColours)},
    resultTypes: ['violations'],
  })`)) as AxeResult
  return result.violations.flatMap((violation) =>
    violation.nodes
      .slice(0, 3)
      .map((node) => `${violation.id}: ${JSON.stringify(node.target)} ${node.failureSummary ?? ''}`),
  )
}
