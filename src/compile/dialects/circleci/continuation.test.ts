// Setup configurations: what they are as plans, what is chosen by the files that changed, and what the run goes on with.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CompileInput, choosePaths, compile, type ProblemCode, problemCodes } from '../../index.ts'

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
  assert.deepEqual(codes(setup('.* web yes'), { changed: ['a'] }), ['E_VALUE'])
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
  assert.deepEqual(codesOf('[]'), ['MF2041'])
  assert.deepEqual(codesOf('nothing'), ['MF2041'])
  assert.deepEqual(codesOf('{}', {}, `setup: true\n${next}`), ['MF2041'])
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
  const wrong = choosePaths({ mapping: '.* a yes\n( b 1', exclude: '' }, ['x'])
  assert.ok(!wrong.ok)
  assert.deepEqual(
    wrong.problems.map(({ code, at }) => `${code} ${at?.file}:${at?.line}`),
    ['MF2041 mapping:1', 'MF2111 mapping:2'],
  )
})
