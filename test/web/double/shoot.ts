// Takes one picture of one address, for the person at work: `node test/web/double/shoot.ts /runs dark 360`.
import { mkdir } from 'node:fs/promises'
import { chromium } from 'playwright-core'
import { startDouble } from './server.ts'

const [address = '/runs', theme = 'light', width = '1280', ...rest] = process.argv.slice(2)
const double = await startDouble('build/web')
Object.assign(double.mode, Object.fromEntries(rest.map((pair) => pair.split('='))))
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
const page = await browser.newPage({
  viewport: { width: Number(width), height: 860 },
  colorScheme: theme === 'dark' ? 'dark' : 'light',
})
page.on('console', (message) => console.log(message.type(), message.text()))
page.on('pageerror', (error) => console.log('pageerror', error))
await page.goto(double.url + address)
await page.waitForLoadState('networkidle')
await mkdir('tmp/screenshots', { recursive: true })
const file = `tmp/screenshots/shot-${address.replace(/\W+/g, '-')}-${theme}-${width}.png`
await page.screenshot({ path: file })
console.log(file)
await browser.close()
await double.close()
