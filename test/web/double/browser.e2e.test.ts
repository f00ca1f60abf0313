// That the browser of the tests sees what a page must not do.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openPage } from './browser.ts'
import { openStand } from './stand.ts'

const stand = openStand()

test('a page that breaks the policy is noticed', async () => {
  await using opened = await openPage(
    stand.browser,
    { theme: 'light', width: 1280 },
    /Content Security Policy|Trusted/,
  )
  await opened.page.goto(stand.double.url)
  await opened.page.evaluate("document.body.setAttribute('style', 'color: red')")
  // What it throws is not what is to be noticed.
  await opened.page.evaluate("try { document.querySelector('title').innerHTML = '<i>' } catch {}")
  const deadline = performance.now() + 5_000
  while (opened.complaints.length < 2 && performance.now() < deadline) await opened.page.evaluate('0')
  assert.deepEqual(opened.complaints.map((line) => line.split(' ').slice(0, 2).join(' ')).sort(), [
    'policy: require-trusted-types-for',
    'policy: style-src-attr',
  ])
})
