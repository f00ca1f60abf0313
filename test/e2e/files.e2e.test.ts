// Files that outlive a sandbox, with every program real: persisted by one job and attached by the next, stored for people and
// fetched with the command line and in Chromium, cached by one push and restored by the next. Then what a branch saves is
// looked for in vain by the default branch, and nothing of it lies readable on the disk of the server.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { becomeOwner, openVisitor } from '../support/browser.ts'
import { waitFor } from '../support/installation.ts'
import { type EndedRun, openVessel, type Vessel } from '../support/vessel.ts'

const mark = `mark-${randomBytes(12).toString('hex')}`
const configuration = (word: string): string => `version: 2.1
jobs:
  make:
    docker: [{image: cimg/base:stable}]
    steps:
      - checkout
      - restore_cache: {keys: ["deps-${word}-{{ .Branch }}-{{ checksum \\"lock\\" }}", "deps-${word}-"]}
      - run: test -d ~/deps && cat ~/deps/by || echo no deps
      - run: mkdir -p ~/deps out/deep && echo "${mark} by $CIRCLE_BRANCH" > ~/deps/by && echo ${mark} > out/deep/made
      - save_cache: {key: "deps-${word}-{{ .Branch }}-{{ checksum \\"lock\\" }}", paths: [~/deps]}
      - persist_to_workspace: {root: ., paths: [out]}
  use:
    docker: [{image: cimg/base:stable}]
    steps:
      - attach_workspace: {at: /tmp/ws}
      - run: cat /tmp/ws/out/deep/made && echo second > /tmp/ws/out/second
      - persist_to_workspace: {root: /tmp/ws, paths: [out/second]}
  report:
    docker: [{image: cimg/base:stable}]
    steps:
      - attach_workspace: {at: ws}
      - run: ls ws/out && echo "<script>alert(1)</script>" > ws/out/page.html
      - store_artifacts: {path: ws/out, destination: report}
      - run: mkdir junit && echo '<testsuite file="t/sums.py"><testcase name="adds" time="0.5"/><testcase name="divides ${mark}" time="2"><failure message="by zero">at line 4</failure></testcase></testsuite>' > junit/report.xml
      - store_test_results: {path: junit}
workflows:
  main:
    jobs:
      - make
      - use: {requires: [make]}
      - report: {requires: [use]}
  yearly:
    triggers: [{schedule: {cron: '0 5 1 1 *', filters: {branches: {only: main}}}}]
    jobs: [make]
`

/** `b` fails among others and passes alone; `a` takes longest. */
const ofTests = `version: 2.1
jobs:
  t:
    docker: [{image: cimg/base:stable}]
    parallelism: 2
    steps:
      - run: printf '%s\\n' a b c d | circleci tests run --split-by=timings --command='cat >list'
      - run: |
          echo "node $CIRCLE_NODE_INDEX got" $(sort list)
          while read -r name; do
            if [ $name = a ]; then time=9; else time=1; fi
            echo "<testcase name='works' file='$name' time='$time'>"
            if [ $name = b ] && [ $(wc -l <list) -gt 1 ]; then echo '<failure/>'; touch red; fi
            echo '</testcase>'
          done <list >cases
          { echo '<testsuite>'; cat cases; echo '</testsuite>'; } >report.xml
          [ ! -e red ]
      - store_test_results: {path: report.xml}
workflows: {main: {jobs: [t]}}
`

describe('files between jobs, runs and people', () => {
  let vessel: Vessel
  before(async () => {
    vessel = await openVessel({
      '.circleci/config.yml': configuration('a'),
      lock: 'one',
    })
  })
  after(() => vessel?.close())
  let first: EndedRun
  const viewOf = (job: string, { number }: EndedRun): string =>
    vessel.succeeds('runs', 'view', String(number), '--project', 'vessel', '-j', job)

  test('a push: three jobs hand files on', async () => {
    first = await vessel.ends(vessel.repository.push({ lock: 'two' }, 'first'))
    const { log } = first
    assert.match(log, /\[make\] no cache begins with deps-a-main-/)
    assert.match(viewOf('make', first), /cache miss/)
    assert.match(log, /\[make\] saved 2 entries, .*, under the key deps-a-main-/)
    assert.match(log, /\[make\] persisted 1 file,/)
    assert.match(log, new RegExp(`\\[use\\] ${mark}`))
    assert.match(log, /\[report\] attached 1 file of make\n\[report\] attached 1 file of use/)
    assert.match(log, /\[report\] stored 3 files/)
    assert.match(log, /\[report\] 2 tests: 1 failed, 0 skipped, 1 passed, in 3s/)
  })

  test('artifacts are listed and fetched with the command line', async () => {
    const ref = String(first.number)
    const list = vessel.succeeds('artifacts', 'list', ref, '--project', 'vessel')
    assert.match(list, /report\s+report\/page\.html\s+26/)
    const to = join(vessel.place, 'fetched')
    vessel.succeeds('artifacts', 'download', ref, '--project', 'vessel', '--dir', to)
    assert.equal(await readFile(join(to, 'report/report/deep/made'), 'utf8'), `${mark}\n`)
    assert.equal(await readFile(join(to, 'report/report/page.html'), 'utf8'), '<script>alert(1)</script>\n')
    assert.notEqual(
      vessel.installation.cli('artifacts', 'download', ref, '--project', 'vessel', '--path', 'no').code,
      0,
    )
  })

  test('results of tests are listed with the command line, failed ones first', () => {
    const ref = String(first.number)
    const list = vessel.succeeds('tests', 'list', ref, '--project', 'vessel')
    const [failed, passed] = list.split('\n').map((line) => line.split('\t'))
    assert.deepEqual(failed, ['report', '✗ failed', '2.0 s', `divides ${mark}`, '', 't/sums.py', 'by zero'])
    assert.deepEqual(passed?.slice(0, 4), ['report', '✓ passed', '500 ms', 'adds'])
    const only = JSON.parse(
      vessel.succeeds('tests', 'list', ref, '--project', 'vessel', '--failed', '--json'),
    )
    assert.deepEqual(
      only.items.map(({ summary, items }: { summary: { failed: number }; items: { message: string }[] }) => [
        summary.failed,
        items.map(({ message }) => message),
      ]),
      [[1, ['by zero\nat line 4']]],
    )
  })

  test('the schedule of its configuration is one of the project', async () => {
    const schedule = await waitFor('its next time', () => {
      const { items } = JSON.parse(vessel.succeeds('schedules', 'list', '--project', 'vessel', '--json'))
      return items[0]?.next.length > 0 ? items[0] : null
    })
    assert.deepEqual(
      [schedule.workflow, schedule.cron, schedule.next[0].slice(4)],
      ['yearly', '0 5 1 1 *', '-01-01T05:00:00.000Z'],
    )
    assert.match(
      vessel.installation.cli('schedules', 'remove', schedule.id, '--project', 'vessel').stderr,
      /change it there/,
    )
  })

  test('the next push restores the cache; one on a branch reads it and cannot change it', async () => {
    const second = await vessel.ends(vessel.repository.push({ note: 'x' }, 'second'))
    assert.match(second.log, /\[make\] restored 2 entries, .*, from the key deps-a-main-.* \(run #\d+\)/)
    assert.match(viewOf('make', second), /cache exact/)
    assert.match(second.log, new RegExp(`\\[make\\] ${mark} by main`))
    assert.match(
      second.log,
      /\[make\] there is a cache under the key deps-a-main-.* already: nothing is stored/,
    )

    vessel.repository.git('checkout', '--quiet', '-b', 'side')
    const side = vessel.repository.git('rev-parse', 'HEAD').trim()
    vessel.repository.git(
      '-c',
      'user.name=T',
      '-c',
      'user.email=t@example.invalid',
      'commit',
      '--quiet',
      '--allow-empty',
      '-m',
      'side',
    )
    vessel.repository.git('push', '--quiet', 'origin', 'side')
    const branch = await vessel.ends(vessel.repository.git('rev-parse', 'HEAD').trim())
    assert.notEqual(side, '')
    assert.match(branch.log, new RegExp(`\\[make\\] ${mark} by main`), 'the prefix found the shared one')
    assert.match(viewOf('make', branch), /cache prefix/)
    assert.match(branch.log, /\[make\] saved 2 entries, .*, under the key deps-a-side-/)

    vessel.repository.git('checkout', '--quiet', 'main')
    const third = await vessel.ends(vessel.repository.push({ lock: 'three' }, 'third'))
    assert.match(
      third.log,
      new RegExp(`\\[make\\] ${mark} by main`),
      'the newer one of the branch is not for it',
    )
    assert.doesNotMatch(third.log, /deps-a-side/)
  })

  test('a person finds them on the page of the run, and a browser only saves them', async () => {
    const visitor = await openVisitor()
    try {
      const { page } = visitor
      await becomeOwner(page, vessel.installation.claimUrl)
      await page.goto(`${vessel.installation.url}/runs`)
      await page
        .getByRole('link', { name: /third|second|first/ })
        .last()
        .click()
      const link = page.getByRole('link', { name: 'report/page.html' })
      await link.waitFor()
      await visitor.picture('run-artifacts')
      const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
      assert.equal(download.suggestedFilename(), 'page.html')
      const href = (await link.getAttribute('href')) ?? ''
      const answer = await page.request.get(`${vessel.installation.url}${href}`)
      assert.equal(answer.headers()['content-type'], 'application/octet-stream')
      assert.match(
        answer.headers()['content-disposition'] ?? '',
        /^attachment; filename\*=UTF-8''page\.html$/,
      )
      assert.equal(answer.headers()['content-security-policy'], "sandbox; default-src 'none'")
      assert.equal(answer.headers()['x-content-type-options'], 'nosniff')
      await page.getByRole('button', { name: 'Tests' }).click()
      await page.getByText(`divides ${mark}`).waitFor()
      await page.getByText('at line 4').waitFor()
      await visitor.picture('run-tests')
      await page.getByRole('link', { name: 'report', exact: true }).click()
      await page.getByRole('list', { name: 'Tests of report' }).getByText('adds').waitFor()
      await page.getByRole('combobox', { name: 'Outcome' }).selectOption('failed')
      await page
        .getByRole('list', { name: 'Tests of report' })
        .getByText('adds')
        .waitFor({ state: 'detached' })
      await visitor.picture('job-tests')
      assert.deepEqual(visitor.complaints, [])
    } finally {
      await visitor.close()
    }
  })

  test('a rerun of failed tests hands out what failed; the next run deals its tests by their times', async () => {
    const commit = vessel.repository.push({ '.circleci/config.yml': ofTests }, 'tests')
    const red = await vessel.ends(commit, 'failed')
    assert.match(red.log, /node 0 got a c\n/)
    assert.match(red.log, /node 1 got b d\n/)
    vessel.succeeds('rerun', String(red.number), '--project', 'vessel', '--failed-tests')
    const { log } = await vessel.ends(commit)
    assert.match(log, /a rerun of failed tests: only those that failed before/)
    assert.match(log, /node 1 got b\n/)
    const next = await vessel.ends(vessel.repository.push({ note: 'next' }, 'next'), 'failed')
    assert.match(next.log, /node 0 got a\n/)
    assert.match(next.log, /node 1 got b c d\n/)
  })

  test('nothing of it lies readable where the server keeps it', () => {
    const found = execFileSync(
      'sh',
      ['-c', `grep -rlF -- ${mark} ${join(vessel.installation.data, 'objects')} || true`],
      {
        encoding: 'utf8',
      },
    )
    assert.equal(found, '')
    const kept = execFileSync('find', [join(vessel.installation.data, 'objects/object'), '-type', 'f'], {
      encoding: 'utf8',
    })
    assert.ok(kept.split('\n').length > 5, 'the objects are there, sealed')
  })
})
