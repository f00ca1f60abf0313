// Pages with more than they were drawn for: long names, three hundred jobs, sixty steps, a run without jobs, a hundred thousand
// lines. Nothing is wider than the screen, cut off without a sign, or said that is not so. MAYFLY_PICTURES names a directory for pictures.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import type { Attempt, Job, Run, RunSummary, Status, Step } from '../../src/protocol/api/shapes.ts'
import { axeFindings, openPage, takePicture, type View } from './double/browser.ts'
import { usualMode } from './double/server.ts'
import { openStand } from './double/stand.ts'

const stand = openStand()

const long = 'integration-tests-of-the-payment-gateway-with-every-supported-currency-and-locale'
const sentence =
  'Integrate the payment gateway of the second provider with every currency that the first one has, and keep both in step'

const crowdedSummary = <T extends RunSummary>(run: T): T => ({
  ...run,
  event: {
    ...run.event,
    subject: sentence,
    branch: `feature/${long}/${long}`,
    author: `Wolfeschlegelsteinhausenbergerdorff ${long}`,
  },
  workflows: run.workflows.map((workflow) => ({ ...workflow, name: `${workflow.name}-${long}` })),
  headline: run.headline === null ? null : `${run.headline} ${long} ${sentence}`,
})
const crowded = (run: Run): Run => ({
  ...crowdedSummary(run),
  jobs: run.jobs.map((job) => ({ ...job, name: `${job.name} ${long}` })),
})

const idOf = (kind: string, n: number) => `${kind}_${String(n).padStart(22, '0')}`
/** In columns of 25, the last two hundred of every status. */
const manyJobs = (run: Run): Run => {
  const like = run.jobs.find(({ kind, attempts }) => kind === 'job' && attempts.length > 0)!
  const statuses: readonly Status[] = ['passed', 'failed', 'running', 'skipped', 'errored']
  const job = (n: number): Job => {
    const status = n < 100 ? 'passed' : statuses[n % statuses.length]!
    const failure = { code: null, message: `${sentence} ${long}${long}` }
    return {
      ...{ ...like, id: idOf('job', n), key: `job-${n}`, status, reason: null, shard: 0, shards: 1 },
      name: n % 7 === 0 ? `${long} (${n})` : `job ${n}`,
      needs: n < 25 ? [] : [{ job_id: idOf('job', n - 25), on: ['passed'] }],
      attempts: like.attempts.map((attempt) => ({
        ...{ ...attempt, id: idOf('att', n), status, failure: status === 'failed' ? failure : null },
      })),
    }
  }
  return { ...crowdedSummary(run), jobs: Array.from({ length: 300 }, (_, n) => job(n)) }
}
/** All beside one another: a graph of one column. */
const manyAlone = (run: Run): Run => {
  const many = manyJobs(run)
  return { ...many, jobs: many.jobs.map((job) => ({ ...job, needs: [] })) }
}
const noJobs = (run: Run): Run => ({
  ...run,
  ...{ jobs: [], workflows: [], status: 'skipped', headline: 'No workflow is for this event' },
})
const manySteps = (attempt: Attempt): Attempt => ({
  ...attempt,
  steps: Array.from(
    { length: 60 },
    (_, index): Step => ({
      ...attempt.steps[2]!,
      ...{ index, name: index % 5 === 0 ? `${long} ${sentence}` : `npm run step-${index}` },
      ...{ status: index === 44 ? 'failed' : 'passed', duration_ms: index * 1_371 },
    }),
  ),
})

type Change = {
  readonly list?: (run: RunSummary) => RunSummary
  readonly run?: (run: Run) => Run
  readonly attempt?: (attempt: Attempt) => Attempt
}
/** What the double answers, with `change` in it. */
const answerWith = async (page: Page, { list, run, attempt }: Change): Promise<void> => {
  const change = async (glob: RegExp, of: (body: never) => unknown) =>
    page.route(glob, async (route) => {
      const response = await route.fetch()
      await route.fulfill({ response, json: of((await response.json()) as never) })
    })
  if (list !== undefined)
    await change(/\/api\/v1\/runs\?/, (body: { items: RunSummary[] }) => ({
      ...body,
      items: body.items.map(list),
    }))
  if (run !== undefined) await change(/\/api\/v1\/runs\/[^/?]+$/, run)
  if (attempt !== undefined) await change(/\/api\/v1\/attempts\/[^/?]+$/, attempt)
}

type Case = Change & {
  readonly name: string
  readonly address: string
  readonly shows: string | RegExp
  readonly logLines?: number
  /** At a desk. */
  readonly holds?: (page: Page) => Promise<void>
}
const truth = async (page: Page, script: string, words: string) =>
  assert.ok(await page.evaluate(script), words)

const cases: readonly Case[] = [
  { name: 'runs', address: '/runs', shows: sentence, list: crowdedSummary },
  {
    ...{ name: 'run', address: '/acme/web/runs/412', shows: '1 job failed', run: crowded },
    holds: async (page) => {
      const top = (selector: string) => `document.querySelector('${selector}').getBoundingClientRect().top`
      await truth(
        page,
        `Math.abs(${top('.place svg')} - ${top('.place a')}) < 24`,
        'the sign stands beside its branch',
      )
      await truth(
        page,
        `[...document.querySelectorAll('.crumbs li:not(.minor)')].every((li) => li.scrollWidth <= li.clientWidth)`,
        'a long branch takes nothing of the project and the number',
      )
    },
  },
  {
    ...{ name: 'run-table', address: '/acme/web/runs/412?view=table', shows: '1 job failed', run: crowded },
  },
  {
    ...{
      name: 'run-timeline',
      address: '/acme/web/runs/412?view=timeline',
      shows: 'Critical path',
      run: crowded,
    },
    holds: (page) =>
      truth(
        page,
        `[...document.querySelectorAll('ol a[data-row] > bdi')].some((name) =>
          name.scrollWidth > name.clientWidth && getComputedStyle(name).textOverflow === 'ellipsis')`,
        'a name that is cut off says so',
      ),
  },
  {
    ...{ name: 'run-many', address: '/acme/web/runs/412', shows: '80 jobs failed', run: manyJobs },
    holds: async (page) => {
      const failures = page
        .locator('section', { has: page.getByText('80 jobs failed') })
        .locator('a[data-row]')
      assert.equal(await failures.count(), 10)
      await page.getByRole('button', { name: '70 more' }).press('Enter')
      assert.equal(await failures.count(), 80)
      await page.reload()
      await page.getByText('70 more').waitFor()
      await page.locator('svg.map').waitFor()
    },
  },
  {
    ...{ name: 'run-many-alone', address: '/acme/web/runs/412', shows: '80 jobs failed', run: manyAlone },
    holds: async (page) => {
      await page.locator('.plane .node').first().waitFor()
      await page.locator('svg.map').waitFor({ state: 'detached' })
    },
  },
  {
    ...{
      name: 'run-many-table',
      address: '/acme/web/runs/412?view=table',
      shows: '80 jobs failed',
      run: manyJobs,
    },
  },
  {
    ...{ name: 'run-many-timeline', address: '/acme/web/runs/412?view=timeline', shows: '80 jobs failed' },
    run: manyJobs,
  },
  {
    ...{ name: 'run-none', address: '/acme/web/runs/408', shows: 'This run has no jobs', run: noJobs },
    holds: async (page) => {
      await page.getByText('This run has no jobs: No workflow is for this event').waitFor()
      assert.equal(await page.getByText('The configuration is being read').count(), 0)
    },
  },
  {
    ...{ name: 'job-steps', address: '/acme/web/runs/412/jobs/unit.1', shows: 'npm run step-59' },
    ...{ run: crowded, attempt: manySteps },
  },
  {
    ...{ name: 'job-log', address: '/acme/web/runs/412/jobs/unit.1', shows: 'does not compile' },
    logLines: 100_000,
  },
]
const themes: readonly View['theme'][] = ['light', 'dark']

for (const one of cases)
  test(`crowded: ${one.name} is drawn well in both themes, at a desk and on a phone`, async () => {
    // A page for each width: of some that long, Chromium draws nothing more after a change, one time in twenty.
    for (const width of [1280, 390]) await look(one, width)
  })

const look = async (one: Case, width: number): Promise<void> => {
  const { logLines = 0 } = one
  Object.assign(stand.double.mode, usualMode, { logLines })
  await using opened = await openPage(stand.browser, { theme: 'light', width, height: 1_400 })
  const { page, complaints } = opened
  await answerWith(page, one)
  await page.goto(stand.double.url + one.address)
  await page.getByText(one.shows).first().waitFor({ state: 'attached', timeout: 30_000 })
  await one.holds?.(page)
  for (const theme of themes) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
    await page.locator(`html[data-theme="${theme}"]`).waitFor({ timeout: 5_000 })
    await page.evaluate('scrollTo(0, 0)')
    await takePicture(page, `crowded-${one.name}-${theme}-${width}`)
    const wide = Number(await page.evaluate('document.documentElement.scrollWidth'))
    assert.ok(wide <= width, `${one.name}, ${theme}, ${width} px: ${wide} px wide`)
  }
  assert.deepEqual(await axeFindings(page), [], `${one.name}, ${width} px`)
  assert.deepEqual(complaints, [], one.name)
}
