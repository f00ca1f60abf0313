// Setup configurations with `mayfly run`: the orbs as real configurations use them, a continuation that a script makes, and what
// does not go on. Real sandboxes, a real Git work tree. Needs root.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { runLocally } from '../../test/support/local-run.ts'
import { gitAsPerson } from '../../test/support/person-git.ts'

let root = ''
let tree = ''

const git = (...words: readonly string[]) => gitAsPerson(tree, ...words)

const write = async (files: Readonly<Record<string, string>>) => {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(tree, path)), { recursive: true })
    await writeFile(join(tree, path), text)
  }
}

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'mayfly-setup-'))
  tree = join(root, 'tree')
  await mkdir(tree)
  git('init', '--quiet', '--initial-branch=main')
  await write({ 'web/a.ts': 'one', 'api/a.ts': 'one', 'README.md': 'one' })
  git('add', '--all')
  git('commit', '--quiet', '--message', 'one')
  git('checkout', '--quiet', '-b', 'topic')
})
after(() => rm(root, { recursive: true, force: true }))

const run = (...words: readonly string[]) => runIn('none', ...words)
const runIn = (network: string, ...words: readonly string[]) => {
  const all = ['run', '--network', network, ...words]
  const { code, stdout, stderr } = runLocally({ home: root, cwd: tree }, all)
  return { code, text: code === 0 ? stdout : stdout + stderr }
}

const job = (text: string) => `{docker: [{image: "cimg/base:stable"}], steps: [{run: "${text}"}]}`

/** As the documentation of the orb shows it. */
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
            api/.* level 3
`
const continued = `version: 2.1
parameters:
  build-web: {type: boolean, default: false}
  build-api: {type: boolean, default: false}
  level: {type: integer, default: 1}
jobs:
  web: ${job('echo web at << pipeline.parameters.level >>')}
  api: ${job('echo api at << pipeline.parameters.level >>')}
workflows:
  web: {when: << pipeline.parameters.build-web >>, jobs: [web]}
  api: {when: << pipeline.parameters.build-api >>, jobs: [api]}
`

test('what changed in the work tree since its base decides what follows, uncommitted files with it', async () => {
  await write({ '.circleci/config.yml': filtering, '.circleci/continue-config.yml': continued })
  await write({ 'web/a.ts': 'two' })
  git('add', '--all')
  git('commit', '--quiet', '--message', 'two')
  const web = run()
  assert.equal(web.code, 0, web.text)
  assert.match(web.text, /web\/\.\* build-web true {4}because of web\/a\.ts/)
  assert.match(web.text, /the run goes on with: web$/m)
  assert.match(web.text, /^\[web *\] web at 1$/m)
  assert.doesNotMatch(web.text, /api at/)
  await write({ 'api/new.ts': 'not committed' })
  const both = run()
  assert.equal(both.code, 0, both.text)
  assert.match(both.text, /^\[api *\] api at 3$/m)
  assert.match(both.text, /✓ passed\tapi/)
})

test('a job of what follows can be named', () => {
  const { code, text } = run('-j', 'api')
  assert.equal(code, 0, text)
  assert.match(text, /api at 3/)
  assert.doesNotMatch(text, /web at/)
})

const made = (steps: string) => `version: 2.1
setup: true
orbs: {continuation: circleci/continuation@2.0.0}
jobs:
  make:
    docker: [{image: "cimg/base:stable"}]
    steps:
      - checkout
      - run: |
          for name in one two; do printf '  %s: {docker: [{image: x}], steps: [{run: "echo made %s \\<< pipeline.parameters.word >>"}]}\\n' $name $name; done > jobs
          printf 'version: 2.1\\nparameters: {word: {type: string, default: no}}\\njobs:\\n%s\\nworkflows: {made: {jobs: [one, two]}}\\n' "$(cat jobs)" > /tmp/made.yml
          printf '{"word": "yes"}' > /tmp/parameters.json
${steps}
workflows: {setup: {jobs: [make]}}
`
const goOn = (parameters: string, path = '/tmp/made.yml') =>
  `      - continuation/continue: {configuration_path: ${path}, parameters: ${parameters}}`

test('a script makes what follows, and parameters beside it; a second continuation is refused', async () => {
  await write({ '.circleci/config.yml': made(goOn('/tmp/parameters.json')) })
  const once = run()
  assert.equal(once.code, 0, once.text)
  for (const name of ['one', 'two'])
    assert.match(once.text, new RegExp(`^\\[${name} *\\] made ${name} yes$`, 'm'))
  const twice = [goOn(`'{"word": "json"}'`), goOn(`'{}'`)].join('\n')
  await write({ '.circleci/config.yml': made(twice) })
  const { code, text } = run()
  assert.equal(code, 1, text)
  assert.match(text, /made one json/)
  assert.match(text, /happens once/)
})

test('what cannot follow fails the step, with its place', async () => {
  const fails = async (steps: string, why: RegExp) => {
    await write({ '.circleci/config.yml': made(steps) })
    const { code, text } = run()
    assert.equal(code, 1, text)
    assert.match(text, why)
    assert.doesNotMatch(text, /made one/)
  }
  await fails(goOn(`'{}'`, '/tmp/none.yml'), /there is no file \/tmp\/none\.yml/)
  await fails(goOn(`'{"other": 1}'`), /has no parameter "other"/)
  await fails(goOn(`'{"word": 1}'`), /must be a text/)
  await fails(goOn('/tmp/none.json'), /neither JSON nor a file/)
  await fails(goOn(`'{}'`, '.circleci/config.yml'), /cannot be a setup configuration itself/)
  await fails(goOn(`'{}'`, '/etc'), /there is no file \/etc/)
})

/** As scripts do that were written for the platform: with its address, its key, and what curl says of it. */
const posted = (key: string, word: string) => `version: 2.1
setup: true
jobs:
  make:
    docker: [{image: "cimg/base:stable"}]
    steps:
      - run: |
          printf 'version: 2.1\\nparameters: {word: {type: string, default: no}}\\njobs: {one: {docker: [{image: x}], steps: [{run: "echo made \\<< pipeline.parameters.word >>"}]}}\\nworkflows: {made: {jobs: [one]}}\\n' > made.yml
          printf '{"continuation-key":"%s","configuration":"%s","parameters":${word}}' "${key}" "$(sed 's/["\\\\]/\\\\&/g;s/$/\\\\n/' made.yml | tr -d '\\n')" > body.json
          code=$(curl -s -o answer.json -w '%{http_code}' -XPOST -H 'Content-Type: application/json' -H 'Accept: application/json' --data @body.json "https://circleci.com/api/v2/pipeline/continue")
          cat answer.json
          echo "answered $code"
          [ "$(curl -s -o /dev/null -w '%{http_code}' "$MAYFLY_API_URL/api/v2/me")" = 404 ]
          [ "$code" = 200 ]
workflows: {setup: {jobs: [make]}}
`

test('a script posts what follows to the address of the platform, with or without a network', async () => {
  for (const network of ['none', 'open']) {
    const key = '$CIRCLE_CONTINUATION_KEY'
    await write({ '.circleci/config.yml': posted(key, '{\\"word\\":\\"sent\\"}'.replaceAll('\\', '')) })
    const { code, text } = runIn(network)
    assert.equal(code, 0, text)
    assert.match(text, /answered 200/)
    assert.match(text, /made sent/)
  }
})

test('another key, or what does not hold, is answered with why, and nothing follows', async () => {
  const answers = async (configuration: string, said: RegExp, why: RegExp) => {
    await write({ '.circleci/config.yml': configuration })
    const { code, text } = run()
    assert.equal(code, 1, text)
    assert.match(text, said)
    assert.match(text, why)
    assert.doesNotMatch(text, /made sent/)
  }
  await answers(posted('guessed', '{}'), /answered 403/, /not the continuation key of this job/)
  await answers(posted('$CIRCLE_CONTINUATION_KEY', '{"other":1}'), /answered 400/, /has no parameter "other"/)
})

const byHand = (steps: string) => `version: 2.1
setup: true
orbs: {path-filtering: circleci/path-filtering@2.0.1, continuation: circleci/continuation@2.0.1}
jobs:
  find:
    executor: path-filtering/default
    environment: {OUT: /tmp/parameters.json}
    steps:
      - checkout
${steps}
workflows: {setup: {jobs: [find]}}
`

test('the commands of the orbs: a base that a step found, a mapping in a file, one configuration of several', async () => {
  await write({
    '.circleci/mapping.conf': '# what, and what it sets\nweb/.* build-web yes-please .circleci/web.yml\n',
    '.circleci/web.yml': `version: 2.1
parameters: {build-web: {type: string, default: "no"}, paths: {type: string, default: none}}
jobs: {web: ${job('echo web << pipeline.parameters.build-web >> of << pipeline.parameters.paths >>')}}
workflows: {web: {jobs: [web]}}
`,
    '.circleci/config.yml': byHand(`      - run: |
          echo "noise"
          echo "export BASE_REVISION=$(git rev-parse main) LIST=web; echo noise of BASH_ENV" >> "$BASH_ENV"
      - path-filtering/set-parameters:
          base-revision: \${BASE_REVISION}
          mapping: .circleci/mapping.conf
          exclude: api/.*
          output-path: $OUT
      - path-filtering/generate-config
      - run: "sed -i 's/web yes/web/' /tmp/generated-config.yml; cat $OUT /tmp/filtered-config-list"
      - continuation/continue:
          configuration_path: /tmp/generated-config.yml
          parameters: /tmp/parameters.json
          parameter_for_files_changed: paths`),
  })
  const { code, text } = run()
  assert.equal(code, 0, text)
  assert.match(text, /\{"build-web":"yes-please"\}/)
  assert.match(text, /^\[find *\] \.circleci\/web\.yml$/m)
  assert.match(text, /^\[web *\] web yes-please of .*web\/a\.ts/m)
})

test('a run may be finished with nothing, and then goes on no more', async () => {
  await write({ '.circleci/config.yml': byHand('      - continuation/finish') })
  const finished = run()
  assert.equal(finished.code, 0, finished.text)
  assert.match(finished.text, /the run goes on with: no workflow/)
  const more = `      - continuation/finish
      - continuation/continue: {configuration_path: .circleci/web.yml}`
  await write({ '.circleci/config.yml': byHand(more) })
  const { code, text } = run()
  assert.equal(code, 1, text)
  assert.match(text, /happens once/)
})
