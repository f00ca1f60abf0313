// Setup configurations: what they are as plans, what is chosen by the files that changed, and what the run goes on with.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type CompileInput,
  choosePaths,
  compile,
  mergeConfigs,
  type ProblemCode,
  problemCodes,
} from '../../index.ts'

const setup = (mapping: string, more = '') => `version: 2.1
setup: true
orbs: {path-filtering: circleci/path-filtering@1.1}
parameters: {quick: {type: boolean, default: false}}
workflows:
  always:
    jobs:
      - path-filtering/filter:
          base-revision: main
          mapping: |
${mapping.replaceAll(/^/gm, '            ')}
          config-path: .circleci/next.yml
${more}`

const next = `version: 2.1
parameters:
  web: {type: boolean, default: false}
  level: {type: integer, default: 1}
jobs: {web: {machine: true, parallelism: << pipeline.parameters.level >>, steps: [checkout]}, all: {machine: true, steps: [checkout]}}
workflows:
  web: {when: << pipeline.parameters.web >>, jobs: [web]}
  all: {jobs: [all]}
`

type More = Pick<CompileInput, 'changed' | 'followSetup' | 'continuedWith'> & {
  readonly files?: Record<string, string>
  readonly parameters?: CompileInput['parameters']
}

const compileSetup = (
  text: string,
  { files = { '.circleci/next.yml': next }, parameters = {}, ...more }: More = {},
) =>
  compile({
    files: new Map(Object.entries({ '.circleci/config.yml': text, ...files })),
    event: { kind: 'push', ref: 'refs/heads/main', commit: 'a'.repeat(40), branch: 'main', tag: null },
    parameters,
    followSetup: true,
    ...more,
  })

/** Of what it goes on with, when that is known. */
const names = (text: string, more?: More) => {
  const result = compileSetup(text, more)
  assert.ok(result.ok, JSON.stringify(result.problems))
  return result.plan.workflows
    .slice(1)
    .flatMap(({ name, jobs }) => jobs.map((job) => `${name}/${job.name}×${job.shards}`))
}

const codes = (text: string, more?: More) =>
  compileSetup(text, more).problems.map(({ code }) =>
    (Object.keys(problemCodes) as ProblemCode[]).find((key) => problemCodes[key].number === code),
  )

const mapping = 'src/web/.* web true\nsrc/web/deep/.* level 3\n# a comment\n.*[.]md level 2'

test('the last line that matches a changed path decides each parameter', () => {
  const of = (...changed: string[]) => names(setup(mapping), { changed })
  assert.deepEqual(of('src/api/a.ts'), ['all/all×1'])
  assert.deepEqual(of('src/web/a.ts'), ['web/web×1', 'all/all×1'])
  assert.deepEqual(of('src/web/deep/a.ts'), ['web/web×3', 'all/all×1'])
  assert.deepEqual(of('src/web/deep/a.ts', 'README.md'), ['web/web×2', 'all/all×1'])
  assert.deepEqual(of('lib/src/web/a.ts'), ['all/all×1'], 'the whole path')
})

test('excluded paths do not count; without knowledge of changes every line does, with a note', () => {
  const text = setup(mapping, '          exclude: src/web/gen/.*\n')
  assert.deepEqual(names(text, { changed: ['src/web/gen/x.ts'] }), ['all/all×1'])
  assert.deepEqual(names(text), ['web/web×2', 'all/all×1'])
  assert.deepEqual(codes(text), ['N_SETUP'])
})

test('lines may name files; several are one configuration', () => {
  const files = {
    '.circleci/next.yml': next,
    '.circleci/web.yml':
      'version: 2.1\njobs: {w: {machine: true, steps: [checkout]}}\nworkflows: {w: {jobs: [w]}}\n',
    '.circleci/api.yml':
      'version: 2.1\njobs: {a: {machine: true, steps: [checkout]}}\nworkflows: {a: {jobs: [a]}}\n',
  }
  const text = setup('web/.* .circleci/web.yml\napi/.* .circleci/api.yml')
  assert.deepEqual(names(text, { files, changed: ['web/x', 'api/x'] }), ['w/w×1', 'a/a×1'])
  assert.deepEqual(names(text, { files, changed: ['docs/x'] }), ['all/all×1'])
})

test('a run may give parameters too, but not other values than those chosen', () => {
  const text = setup('web/.* web true')
  assert.deepEqual(names(text, { changed: [], parameters: { quick: true } }), ['all/all×1'])
  const given = text.replace('parameters: {', 'parameters: {web: {type: boolean, default: false}, ')
  assert.deepEqual(codes(given, { changed: ['web/x'], parameters: { web: false } }), [
    'E_ARGUMENT_UNEXPECTED',
  ])
  assert.deepEqual(codes(setup('.* wbe true'), { changed: ['a'] }), ['E_ARGUMENT_UNEXPECTED'])
})

test('what cannot be continued with is said where it stands', () => {
  assert.deepEqual(codes(setup('.* web true'), { changed: [], files: {} }), ['E_CONFIG_MISSING'])
  const again = { '.circleci/next.yml': `setup: true\n${next}` }
  assert.deepEqual(codes(setup('.* web true'), { changed: [], files: again }), ['E_VALUE'])
  assert.deepEqual(codes(setup('.* web [1]'), { changed: ['a'] }), ['E_VALUE'])
  assert.deepEqual(codes(setup('.* web yes'), { changed: ['a'] }), ['E_ARGUMENT_TYPE'], 'a text')
})

test('continuation by itself continues with a file and parameters of JSON', () => {
  const text = `version: 2.1
setup: true
orbs: {continuation: circleci/continuation@1}
jobs:
  go: {machine: true, steps: [checkout, {continuation/continue: {configuration_path: .circleci/next.yml, parameters: '{"web": true, "level": 2}'}}]}
workflows: {w: {jobs: [go]}}
`
  assert.deepEqual(names(text), ['web/web×2', 'all/all×1'])
  const result = compileSetup(text)
  assert.deepEqual(result.ok && result.plan.source.map(({ path }) => path), [
    '.circleci/config.yml',
    'built-in:circleci/continuation',
    '.circleci/next.yml',
  ])
})

test('what a job computes is known when it has run', () => {
  const text = `version: 2.1
setup: true
orbs: {continuation: circleci/continuation@1}
jobs:
  go: {machine: true, steps: [{run: ./generate}, {continuation/continue: {configuration_path: generated.yml}}]}
workflows: {w: {jobs: [go]}}
`
  assert.deepEqual(names(text), [])
  assert.deepEqual(codes(text), ['N_SETUP'])
  const ordinary = text.replace('setup: true\n', '')
  assert.deepEqual(codes(ordinary), ['W_STEP_REFUSED'])
})

const planOf = (text: string) => {
  const result = compileSetup(text, { followSetup: false })
  assert.ok(result.ok, JSON.stringify(result.problems))
  return result
}

test('as a plan it is its own workflow, with the steps that find out what follows', () => {
  const { plan, problems } = planOf(setup(mapping, '          exclude: gen/.*\n'))
  assert.deepEqual([plan.setup, problems], [true, []])
  const [workflow] = plan.workflows
  assert.deepEqual(
    plan.workflows.map(({ name }) => name),
    ['always'],
  )
  const spec = workflow?.jobs[0]?.spec
  assert.equal(spec?.setup, true)
  const [checkout, filter, goOn] = spec.steps
  assert.equal(checkout?.kind, 'checkout')
  assert.ok(filter?.kind === 'filter-paths' && goOn?.kind === 'continue')
  assert.deepEqual(
    [filter.base, filter.onBase, filter.mapping.trim(), filter.exclude],
    ['main', 'parent', mapping, 'gen/.*'],
  )
  assert.equal(filter.parametersPath, goOn.parameters)
  assert.deepEqual([filter.filesPath, goOn.path], [goOn.filesPath, '.circleci/next.yml'])
})

test('the plan of a continuation has its own sources, parameters and events, and is no setup', () => {
  const continued = (parameters: string, more: Partial<More> = {}, text = next) =>
    compileSetup(setup(mapping), {
      ...more,
      continuedWith: { sources: [{ path: '/tmp/made.yml', text }], parameters },
    })
  const result = continued('{"web": true, "level": 3}', { parameters: { quick: true, level: 3 } })
  assert.ok(result.ok, JSON.stringify(result.problems))
  const { workflows, inputs, source, setup: isSetup } = result.plan
  assert.deepEqual(
    workflows.map(({ name, jobs }) => `${name} ${jobs.map(({ shards }) => shards)}`),
    ['web 3', 'all 1'],
  )
  assert.deepEqual([inputs.parameters, isSetup], [{ level: 3, web: true }, undefined])
  assert.deepEqual(
    source.map(({ path }) => path),
    ['/tmp/made.yml'],
  )
  const codesOf = (...given: Parameters<typeof continued>) =>
    continued(...given).problems.map(({ code }) => code)
  assert.deepEqual(codesOf('{"level": 2}', { parameters: { level: 3 } }), ['MF2134'], 'two values')
  assert.deepEqual(codesOf('{"other": 2}'), ['MF2134'], 'not declared')
  assert.deepEqual(codesOf('{"level": "2"}'), ['MF2135'], 'of another type')
  assert.deepEqual(codesOf('{"level": [2]}'), ['MF2041'])
  assert.deepEqual(codesOf('{"level": "\\ud83d"}'), ['MF2041'])
  assert.deepEqual(codesOf('[]'), ['MF2041'])
  assert.deepEqual(codesOf('nothing'), ['MF2041'])
  assert.deepEqual(codesOf('{}', {}, `setup: true\n${next}`), ['MF2041'])
  assert.deepEqual(codesOf('{}', {}, `setup: yes\n${next}`), ['MF2041'])
  assert.deepEqual(codesOf('{}', {}, 'a: [')[0], 'MF2001')
})

test('a mapping by itself says which line counts because of which path', () => {
  const chosen = choosePaths({ mapping, exclude: 'gen/.*' }, ['gen/README.md', 'src/web/deep/a', 'README.md'])
  assert.deepEqual(chosen, {
    ok: true,
    parameters: { web: true, level: 2 },
    files: [],
    hits: [
      { line: 'src/web/.* web true', path: 'src/web/deep/a' },
      { line: 'src/web/deep/.* level 3', path: 'src/web/deep/a' },
      { line: '.*[.]md level 2', path: 'README.md' },
    ],
  })
  const plain = choosePaths({ mapping: '.* a yes', exclude: '' }, ['x'])
  assert.deepEqual(plain.ok && plain.parameters, { a: 'yes' }, 'what is no JSON is a text')
  const wrong = choosePaths({ mapping: '.* a null\n( b 1', exclude: '' }, ['x'])
  assert.ok(!wrong.ok)
  assert.deepEqual(
    wrong.problems.map(({ code, at }) => `${code} ${at?.file}:${at?.line}`),
    ['MF2041 mapping:1', 'MF2111 mapping:2'],
  )
})

const byHand = (steps: string) => `version: 2.1
setup: true
orbs: {path-filtering: circleci/path-filtering@2.0.1, continuation: circleci/continuation@2.0.1}
jobs:
  find:
    executor: path-filtering/default
    resource_class: small
    steps:
      - checkout
${steps.replaceAll(/^/gm, '      ')}
workflows: {setup: {jobs: [find]}}
`

test('the commands of both orbs by themselves', () => {
  const steps = `- path-filtering/set-parameters: {base-revision: "\${BASE}", mapping: "web/.* web true .circleci/web.yml", output-path: /tmp/p.json}
- path-filtering/generate-config: {generated-config-path: /tmp/made.yml}
- continuation/continue: {configuration_path: /tmp/made.yml, parameters: /tmp/p.json, when: always}`
  const { plan, problems } = planOf(byHand(steps))
  assert.deepEqual(problems, [])
  const [, filter, merge, goOn] = plan.workflows[0]?.jobs[0]?.spec?.steps ?? []
  assert.ok(filter?.kind === 'filter-paths' && merge?.kind === 'merge-configs' && goOn?.kind === 'continue')
  assert.deepEqual(
    [filter.base, filter.parametersPath, filter.file],
    [`\${BASE}`, '/tmp/p.json', '.circleci/continue_config.yml'],
  )
  assert.deepEqual([merge.filesPath, merge.path], [filter.filesPath, '/tmp/made.yml'])
  assert.deepEqual([goOn.path, goOn.filesPath, goOn.when], ['/tmp/made.yml', null, 'always'])
  const files = { '.circleci/web.yml': next, '.circleci/continue_config.yml': next.replaceAll('web', 'rest') }
  assert.deepEqual(names(byHand(steps), { files, changed: ['web/a'] }), ['web/web×1', 'all/all×1'])
  assert.deepEqual(names(byHand(steps), { files, changed: ['docs/a'] }), ['all/all×1'])
})

test('what a run is to be finished with has no jobs, and that is no mistake', () => {
  const { plan } = planOf(byHand('- continuation/finish'))
  const step = plan.workflows[0]?.jobs[0]?.spec?.steps.at(-1)
  assert.ok(step?.kind === 'continue' && step.path === null)
  assert.deepEqual(names(byHand('- continuation/finish')), [])
  for (const text of ['{version: 2, jobs: {}, workflows: {version: 2}}', 'version: 2.1\njobs: {}\n']) {
    const result = compileSetup(setup(mapping), {
      continuedWith: { sources: [{ path: 'x.yml', text }], parameters: '{}' },
    })
    assert.deepEqual(result.ok && result.plan.workflows, [])
  }
  const wrong = { sources: [{ path: 'x.yml', text: 'version: 2.1\njobs: {a: {}}\n' }], parameters: '{}' }
  assert.equal(compileSetup(setup(mapping), { continuedWith: wrong }).ok, false)
})

test('the options of the jobs: another executor, no checkout, no continuation, the paths as a parameter', () => {
  const stepsOf = (more: string) =>
    planOf(setup(mapping, more)).plan.workflows[0]?.jobs[0]?.spec?.steps.map(({ kind }) => kind)
  assert.deepEqual(stepsOf('          checkout: false\n          debug: true\n'), ['filter-paths'])
  const blobless = planOf(
    setup(mapping, '          checkout_method: blobless\n          executor: big\n').replace(
      'workflows:',
      'executors: {big: {docker: [{image: "x:1"}]}}\nworkflows:',
    ),
  )
  const spec = blobless.plan.workflows[0]?.jobs[0]?.spec
  assert.deepEqual(spec?.image, { kind: 'container', ref: 'x:1' })
  const [checkout] = spec.steps
  assert.equal(checkout?.kind === 'checkout' && checkout.method, 'blobless')
  const listed = setup('web/.* web true', '          parameter_for_files_changed: paths\n')
  const files = {
    '.circleci/next.yml': `${next.replace('parameters:', 'parameters:\n  paths: {type: string, default: none}')}  << pipeline.parameters.paths >>: {jobs: [all]}\n`,
  }
  assert.deepEqual(names(listed, { files, changed: ['web/a', 'b'] }).at(-1), 'web/a,b/all×1')
  assert.deepEqual(names(listed, { files, changed: [] }).at(-1), 'none/all×1')
})

test('a mapping may lie in a file; one with variables of the job is known when that runs', () => {
  const files = { '.circleci/next.yml': next, '.circleci/mapping.conf': 'web/.* web true\n' }
  const text = setup('./.circleci/mapping.conf')
  assert.deepEqual(names(text, { files, changed: ['web/a'] }), ['web/web×1', 'all/all×1'])
  assert.deepEqual(codes(setup('$FOLDER/.* web true'), { changed: ['web/a'] }), ['N_SETUP'])
  assert.deepEqual(names(setup('web/.*[.]ts$ web true'), { changed: ['web/a.ts'] })[0], 'web/web×1')
})

test('several files become one text that means the same, to its last type', () => {
  const one = `version: 2.1
anchors: {x: &x {image: "a: b", n: 3.10, on: yes, none: , quoted: "3", text: "a\\nb # c", empty: {}, list: []}}
jobs: {a: {docker: [{<<: *x, image: one}, *x], steps: [checkout, [1, [2]]]}}
`
  const two = 'version: 2.1\njobs: {a: {machine: true}, "b\\tc": {steps: [checkout]}}\n'
  const merged = mergeConfigs([
    { path: 'one.yml', text: one },
    { path: 'two.yml', text: two },
  ])
  assert.ok(merged.ok)
  assert.equal(
    merged.text,
    `"version": 2.1
"anchors":
  "x":
    "image": "a: b"
    "n": 3.10
    "on": yes
    "none":
    "quoted": "3"
    "text": "a\\nb # c"
    "empty": {}
    "list": []
"jobs":
  "a":
    "docker":
      -
        "image": "one"
        "n": 3.10
        "on": yes
        "none":
        "quoted": "3"
        "text": "a\\nb # c"
        "empty": {}
        "list": []
      -
        "image": "a: b"
        "n": 3.10
        "on": yes
        "none":
        "quoted": "3"
        "text": "a\\nb # c"
        "empty": {}
        "list": []
    "steps":
      - "checkout"
      -
        - 1
        -
          - 2
    "machine": true
  "b\\tc":
    "steps":
      - "checkout"
`,
  )
  const again = mergeConfigs([{ path: 'again.yml', text: merged.text }])
  assert.deepEqual(again, merged)
  const bomb = `a: &a "${'x'.repeat(100_000)}"\nb: [${'*a, '.repeat(100)}]\n`
  const large = mergeConfigs([{ path: 'bomb.yml', text: bomb }])
  assert.deepEqual(!large.ok && large.problems.map(({ code }) => code), ['MF2002'])
})
