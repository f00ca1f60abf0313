// The compatibility report: each construct once, with the worst that was said of it, at the line where it stands.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type CompileInput, compile } from './index.ts'

const compileText = (text: string, more: Partial<CompileInput> = {}) => {
  const event = {
    kind: 'push',
    ref: 'refs/heads/main',
    commit: 'a'.repeat(40),
    branch: 'main',
    tag: null,
  } as const
  return compile({ files: new Map([['.circleci/config.yml', text]]), event, parameters: {}, ...more })
}

const report = (text: string): readonly string[] =>
  (compileText(text, { withConstructs: true }).constructs ?? []).map(
    ({ at, what, verdict }) => `${at.line} ${what}${verdict === 'honoured' ? '' : `: ${verdict}`}`,
  )

test('every key, step, definition and argument that is read counts once', () => {
  const text = `version: 2.1
anchors: {a: 1}
commands:
  greet: {parameters: {whom: {type: string}}, steps: [{run: echo << parameters.whom >>}]}
  idle: {steps: [checkout]}
executors:
  linux: {docker: [{image: debian:12}, {image: redis}], resource_class: medium+}
jobs:
  build:
    executor: linux
    steps: [checkout, {greet: {whom: a}}, {greet: {whom: b}}, {store_test_results: {path: k}}]
    colour: red
  spare: {docker: [{image: x}], parameters: {a: {type: string}}, steps: [checkout]}
workflows:
  all: {jobs: [build, {build: {name: again, context: org}}]}
`
  assert.deepEqual(report(text), [
    '1 version',
    '2 anchors: ignored',
    '3 commands',
    '4 command "greet"',
    '4 parameters of a command',
    '4 parameter whom',
    '4 type of the parameter "whom"',
    '4 steps of a command',
    '4 step run',
    '5 idle: ignored',
    '6 executors',
    '7 executor "linux"',
    '7 docker of an executor',
    '7 image of a container: translated',
    '7 image of a container: refused',
    '7 resource_class of an executor: translated',
    '8 jobs',
    '9 job "build"',
    '10 executor of a job',
    '11 steps of a job',
    '11 step checkout',
    '11 step greet',
    '11 argument whom',
    '11 step greet',
    '11 argument whom',
    '11 step store_test_results',
    '11 path of "store_test_results"',
    '12 colour: ignored',
    '13 spare: ignored',
    '14 workflows',
    '15 workflow all',
    '15 jobs of a workflow',
    '15 invocation of build',
    '15 invocation of build',
    '15 name of an invocation',
    '15 context of an invocation',
  ])
})

test('what only holds anchors is honoured when an alias takes one of them, and ignored when none does', () => {
  const text = `version: 2.1
filters: &tagged {tags: {only: /.*/}}
parts: {deep: {defaults: &defaults {docker: [{image: debian:12}]}}}
idle: &idle {a: 1}
echoed: *idle
commands:
  step: &step {steps: [checkout]}
jobs:
  base: &base {<<: *defaults, steps: [checkout]}
  build: {<<: *base, environment: {A: "1"}}
  spare: {<<: *base}
workflows:
  all: {jobs: [build: {filters: *tagged}]}
`
  const about = new Set([2, 3, 4, 5, 7, 9, 11])
  const named = /anchors|ignored/
  assert.deepEqual(
    report(text).filter((line) => about.has(Number.parseInt(line, 10)) && named.test(line)),
    [
      '2 anchors in "filters"',
      '3 anchors in "parts"',
      '4 anchors in "idle"',
      '5 echoed: ignored',
      '7 step: ignored',
      '9 anchors in "base"',
      '11 job "spare": ignored',
    ],
  )
})

test('a file with errors has a report too: what is wrong is refused, with what to do instead', () => {
  const text = `version: 2.1
jobs:
  build:
    docker: [{image: x}]
    parallelism: four
    steps: [chekout]
`
  const { constructs = [], ok } = compileText(text, { withConstructs: true })
  const refused = constructs.filter(({ verdict }) => verdict === 'refused')
  assert.equal(ok, false)
  assert.deepEqual(
    refused.map(({ what, at, instead }) => [what, at.line, instead]),
    [
      ['parallelism of a job', 5, null],
      ['step chekout', 6, 'did you mean "checkout"?'],
    ],
  )
})

test('who does not ask gets none, and the answer is otherwise the same', () => {
  const folder = fileURLToPath(new URL('../../../shared/corpus/circleci/', import.meta.url))
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.yml')) : []
  if (names.length === 0) console.log('the corpus of real files is absent: one small file stands in for it')
  const texts = names.slice(0, 20).map((name) => readFileSync(folder + name, 'utf8'))
  for (const text of texts.length > 0
    ? texts
    : ['version: 2\njobs: {build: {machine: true, steps: [checkout]}}\n']) {
    const plain = compileText(text)
    const { constructs, ...asked } = compileText(text, { withConstructs: true })
    assert.deepEqual(asked, plain)
    assert.ok(constructs && constructs.length > 3 && !('constructs' in plain))
    const places = constructs.map(({ at, what }) => `${at.file}:${at.line}:${at.column} ${what}`)
    assert.equal(new Set(places).size, places.length, 'each once')
  }
})
