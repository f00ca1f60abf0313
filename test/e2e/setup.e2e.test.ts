// A setup configuration through a push, with every program real: the orb as its documentation shows it chooses by what changed since
// the base, a script makes a configuration that nobody has seen before, and the page and the command line say what followed.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { becomeOwner, openVisitor } from '../support/browser.ts'
import { type EndedRun, openVessel, type Vessel } from '../support/vessel.ts'

const filtering = `version: 2.1
setup: true
orbs:
  path-filtering: circleci/path-filtering@1.3.0
workflows:
  generate-config:
    jobs:
      - path-filtering/filter:
          base-revision: main
          config-path: .circleci/continue-config.yml
          mapping: |
            web/.* build-web true
            api/.* build-api true
`
const continued = `version: 2.1
parameters:
  build-web: {type: boolean, default: false}
  build-api: {type: boolean, default: false}
jobs:
  web: {docker: [{image: "cimg/node:20.1"}], steps: [checkout, {run: cat web/a}]}
  api: {docker: [{image: "cimg/node:20.1"}], steps: [checkout, {run: cat api/a}]}
workflows:
  web: {when: << pipeline.parameters.build-web >>, jobs: [web]}
  api: {when: << pipeline.parameters.build-api >>, jobs: [api]}
`
const made = (parameters: string) =>
  `version: 2.1
setup: true
orbs:
  continuation: circleci/continuation@1.0.0
jobs:
  make:
    docker: [{image: "cimg/base:stable"}]
    steps:
      - checkout
      - run: |
          cat > /tmp/made.yml <<'YAML'
          version: 2.1
          parameters: {word: {type: string, default: "no"}}
          jobs: {greet: {docker: [{image: "cimg/base:stable"}], steps: [{run: "echo hello << pipeline.parameters.word >>"}]}}
          workflows: {greeting: {jobs: [greet]}}
          YAML
      - continuation/continue:
          configuration_path: /tmp/made.yml
          parameters: '${parameters}'
workflows:
  setup:
    jobs: [make]
`
    .replace("<<'YAML'", "\\<<'YAML'")
    .replace('hello <<', 'hello \\<<')

const byHand = `version: 2.1
setup: true
orbs: {path-filtering: circleci/path-filtering@2.0.1, continuation: circleci/continuation@2.0.1}
jobs:
  find:
    executor: path-filtering/default
    steps:
      - checkout
      - run: echo "export BASE=<< pipeline.git.base_revision >>" >> "$BASH_ENV"
      - path-filtering/set-parameters:
          base-revision: $BASE
          mapping: |
            web/.* build-web true .circleci/continue-config.yml
            api/.* build-api true .circleci/both.yml
      - path-filtering/generate-config
      - continuation/continue: {configuration_path: /tmp/generated-config.yml, parameters: /tmp/pipeline-parameters.json}
workflows:
  setup: {jobs: [find]}
`

describe('a run goes on with what its setup workflow found', () => {
  let vessel: Vessel
  before(async () => {
    vessel = await openVessel({
      '.circleci/config.yml': filtering,
      '.circleci/continue-config.yml': continued,
      ...{ 'web/a': 'web one\n', 'api/a': 'api one\n' },
    })
  })
  after(() => vessel?.close())
  let first: EndedRun

  test('on the base what the push brought decides', async () => {
    first = await vessel.ends(vessel.repository.push({ 'api/a': 'api two\n' }, 'first'))
    assert.match(first.log, /api\/\.\* build-api true {4}because of api\/a/)
    assert.match(first.log, /\[api\] api two/)
    assert.match(first.view, /a setup run; it went on with: api\n/)
    assert.doesNotMatch(first.view, /^web/m)
  })

  test('its page shows both', async () => {
    const visitor = await openVisitor()
    try {
      const { page } = visitor
      await becomeOwner(page, vessel.installation.claimUrl)
      await page.goto(`${vessel.installation.url}/runs`)
      await page.getByRole('link', { name: /first/ }).last().click()
      await page.getByText('Continued', { exact: true }).waitFor()
      assert.equal(await page.getByText('Setup', { exact: true }).count(), 1)
      await visitor.picture('run-setup')
      assert.deepEqual(visitor.complaints, [])
    } finally {
      await visitor.close()
    }
  })

  test('what a script makes is compiled and runs, with its parameters', async () => {
    const run = await vessel.ends(
      vessel.repository.push({ '.circleci/config.yml': made('{"word": "you"}') }, 'made'),
    )
    assert.match(run.log, /\[greet\] hello you/)
    assert.match(run.view, /it went on with: greeting/)
  })

  test('a rerun keeps both plans', async () => {
    const commit = vessel.repository.push({ note: 'x' }, 'again')
    const { number } = await vessel.ends(commit)
    vessel.succeeds('rerun', String(number), '--project', 'vessel')
    const again = await vessel.ends(commit)
    assert.match(again.log, /\[make\] this run went on before: a rerun keeps what it went on with/)
    assert.match(again.view, /greet\s+✓ passed\s+2\s/)
  })

  test('the commands of the orb by themselves: the base is what the push began at, two files become one', async () => {
    const run = await vessel.ends(
      vessel.repository.push(
        {
          '.circleci/config.yml': byHand,
          '.circleci/both.yml': 'workflows: {both: {jobs: [web]}}\n',
          ...{ 'web/a': 'web two\n', 'api/a': 'api three\n' },
        },
        'by hand',
      ),
    )
    assert.match(run.log, /4 paths differ from [0-9a-f]{10} \([0-9a-f]{40}\)/)
    assert.match(run.log, /\[web\] web two/)
    assert.match(run.view, /it went on with: web, api, both/)
  })

  test('a parameter that nobody declared fails the step, and nothing follows', async () => {
    const run = await vessel.ends(
      vessel.repository.push({ '.circleci/config.yml': made('{"other": 1}') }, 'wrong'),
      'failed',
    )
    assert.match(run.headline ?? '', /make: Continue the run: .*has no parameter "other"/)
    assert.match(run.view, /did not go on: nothing followed/)
  })
})
