// What a log of many lines costs the one who reads it, measured in a browser: opening it at the failure, jumping, following,
// and memory. For the test that holds it loosely and the bench that says exactly (performance.md PF-15).
import { readFile } from 'node:fs/promises'
import type { Browser, Page } from 'playwright-core'
import { openPage } from './double/browser.ts'
import { bigLine, linesFrame } from './double/log.ts'
import type { Double } from './double/server.ts'
import { idOf, runById } from './double/world.ts'

const deadline = { timeout: 30_000 }
const failed = '/acme/web/runs/412/jobs/unit.1'
const running = '/acme/web/runs/413/jobs/unit.1'
/** Scroll positions as parts of the whole. */
const jumps = [0.1, 0.93, 0.5, 0.25, 0.71]

export type BigLogCosts = { readonly openMs: number; readonly jumpMs: number; readonly memoryMiB: number }

/** The page is there before: what is measured begins with the click on the job. */
export const measureReading = async (
  browser: Browser,
  double: Double,
  lines: number,
): Promise<BigLogCosts> => {
  double.mode.logLines = lines
  await using opened = await openPage(browser, { theme: 'light', width: 1280 })
  const { page } = opened
  await page.goto(`${double.url}/acme/web/runs/412`)
  await page.locator(`a[href^="${failed}"]`).first().waitFor(deadline)
  const before = await memoryOf(browser)
  // The double makes its log when it is first asked.
  double.prepare(lines)
  const openMs = await timeUntil(
    page,
    `document.querySelector('a[href^="${failed}"]').click()`,
    'does not compile',
  )
  let jumpMs = 0
  for (const part of jumps) {
    const script = `{ const box = document.querySelector('.scroller'); box.scrollTop = box.scrollHeight * ${part} }`
    jumpMs = Math.max(jumpMs, await timeUntil(page, script, null))
  }
  const memoryMiB = (await memoryOf(browser)) - before
  return { openMs, jumpMs, memoryMiB }
}

/** Milliseconds from `act` to a frame that shows `words`; without words, that shows all lines that belong on screen. */
const timeUntil = (page: Page, act: string, words: string | null): Promise<number> =>
  page.evaluate(`new Promise((resolve, reject) => {
    const start = performance.now()
    const box = () => document.querySelector('.scroller')
    const shown = () => [...document.querySelectorAll('.line')].filter((line) => {
      const { top, bottom } = line.getBoundingClientRect()
      const view = box().getBoundingClientRect()
      return bottom > view.top + 40 && top < view.bottom
    })
    const isThere = () => {
      if (box() === null) return false
      const lines = shown()
      const isWhole = lines.length >= 10 && lines.every((line) => line.textContent.trim().length > 10)
      return ${words === null ? 'isWhole' : `lines.some((line) => line.textContent.includes(${JSON.stringify(words)}))`}
    }
    const look = () => {
      if (isThere()) resolve(performance.now() - start)
      else if (performance.now() - start > ${deadline.timeout}) reject(new Error('not shown'))
      else requestAnimationFrame(look)
    }
    ${act}
    requestAnimationFrame(look)
  })`) as Promise<number>

export type Following = { readonly frameMs: readonly number[]; readonly isComplete: boolean }

/** Follows a log that grows by `perSecond` lines for `seconds`; what each drawn frame took, in order of size. */
export const measureFollowing = async (
  browser: Browser,
  double: Double,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
): Promise<Following> => {
  double.mode.logLines = 0
  await using opened = await openPage(browser, { theme: 'light', width: 1280 })
  const { page } = opened
  await page.goto(double.url + running)
  await page.locator('.line').first().waitFor(deadline)
  const attempt = runById(idOf('run', 413))?.jobs[5]?.attempts.at(-1)?.id ?? ''
  await page.evaluate(`globalThis.frames60 = []; {
    let last = performance.now()
    const tick = () => { const now = performance.now(); frames60.push(now - last); last = now; requestAnimationFrame(tick) }
    requestAnimationFrame(tick)
  }`)
  // As a runner sends it while somebody watches.
  const everyMs = 100
  const perFrame = (perSecond * everyMs) / 1_000
  const total = (seconds * 1_000) / everyMs
  for (let i = 0, due = performance.now(); i < total; i++) {
    const text = Array.from({ length: perFrame }, (_, n) => bigLine(i * perFrame + n + 1)).join('')
    double.sendFrame(
      linesFrame(attempt, { seq: 6 + i, step: 4, firstLine: i * perFrame + 1, text, tMs: i * everyMs }),
    )
    due += everyMs
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())))
  }
  const frameMs = (await page.evaluate('frames60')) as number[]
  await page
    .getByText(`[${perSecond * seconds}]`)
    .first()
    .waitFor({ timeout: 5_000 })
  return { frameMs: frameMs.toSorted((a, b) => a - b), isComplete: true }
}

/** Memory that the browser's pages and their workers have of their own, in MiB. */
const memoryOf = async (browser: Browser): Promise<number> => {
  const cdp = await browser.newBrowserCDPSession()
  const { processInfo } = await cdp.send('SystemInfo.getProcessInfo')
  await cdp.detach()
  let kib = 0
  for (const { id, type } of processInfo) {
    if (type !== 'renderer') continue
    const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '')
    kib += Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0)
  }
  return kib / 1024
}
