// A selection says of each workflow and job what left it out, with the values of the event.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunEvent } from '../../../protocol/plan.ts'
import { type CompileInput, compile, pipelineParameterTypes } from '../../index.ts'

const text = `version: 2.1
parameters: {deep: {type: boolean, default: false}, level: {type: string, default: "3"}}
jobs:
  a: &job {docker: [{image: x}], steps: [checkout]}
  b: *job
  c: *job
  d: *job
workflows:
  all:
    jobs:
      - a
      - b: {filters: {branches: {only: [main, /v.*/]}}}
      - c: {requires: [b]}
      - d: {requires: [a, b], filters: {branches: {ignore: old}}}
      - last: {type: approval, filters: 'pipeline.git.branch starts-with "rel"'}
  deep:
    when: {and: [<< pipeline.parameters.deep >>, {equal: [main, << pipeline.git.branch >>]}]}
    jobs: [a]
  quiet:
    unless: pipeline.git.branch == "fix/x"
    jobs: [a]
  nightly:
    triggers: [{schedule: {cron: "0 0 * * *", filters: {branches: {only: main}}}}]
    jobs: [a]
  tagged:
    jobs: [{a: {filters: {branches: {ignore: /.*/}, tags: {only: /v.*/}}}}]
`
const files = new Map([['.circleci/config.yml', text]])

const event = (branch: string | null, tag: string | null, kind: RunEvent['kind'] = 'push'): RunEvent => ({
  kind,
  ref: tag === null ? `refs/heads/${branch}` : `refs/tags/${tag}`,
  commit: 'a'.repeat(40),
  branch,
  tag,
})

const select = (of: RunEvent, more: Partial<CompileInput> = {}) => {
  const result = compile({ files, event: of, parameters: {}, withSelection: true, ...more })
  assert.ok(result.ok && result.selection)
  const started = result.selection.flatMap(({ leftOut, name }) => (leftOut === null ? [name] : []))
  assert.deepEqual(
    started,
    result.plan.workflows.map(({ name }) => name),
    'the selection and the plan agree',
  )
  const jobs = result.selection.flatMap((workflow) =>
    workflow.leftOut === null
      ? workflow.jobs.flatMap((job) => (job.leftOut === null ? [`${workflow.name}/${job.name}`] : []))
      : [],
  )
  assert.deepEqual(
    jobs,
    result.plan.workflows.flatMap(({ name, jobs: planned }) => planned.map((job) => `${name}/${job.name}`)),
  )
  return result.selection
}

const workflow = (selection: ReturnType<typeof select>, name: string) =>
  selection.find((candidate) => candidate.name === name)
const whyJob = (selection: ReturnType<typeof select>, name: string) => {
  const why = workflow(selection, 'all')?.jobs.find((job) => job.name === name)?.leftOut
  return why && `${why.at.line} ${why.rule}: ${why.text}`
}
const why = (selection: ReturnType<typeof select>, name: string) => {
  const left = workflow(selection, name)?.leftOut
  return left && `${left.at.line} ${left.rule}: ${left.text}`
}

test('on a branch: filters, requirements, conditions and schedules give their reasons', () => {
  const selection = select(event('fix/x', null))
  assert.equal(whyJob(selection, 'a'), null)
  assert.equal(whyJob(selection, 'b'), '12 filters: branches.only is main, /v.*/; the branch is fix/x')
  assert.equal(whyJob(selection, 'c'), '13 requires: everything it requires is left out: b')
  assert.deepEqual(workflow(selection, 'all')?.jobs.find((job) => job.name === 'd')?.ignored, ['b'])
  assert.match(
    whyJob(selection, 'last') ?? '',
    /^15 filters: '?pipeline.*is false: pipeline\.git\.branch is "fix\/x"$/,
  )
  assert.match(
    why(selection, 'deep') ?? '',
    /^17 when: \{and: .*\} is false: pipeline\.parameters\.deep is false, pipeline\.git\.branch is "fix\/x"$/,
  )
  assert.match(why(selection, 'quiet') ?? '', /^20 unless: .* is true: pipeline\.git\.branch is "fix\/x"$/)
  assert.equal(why(selection, 'nightly'), '23 triggers: it runs on schedule only, and this is a push')
  assert.equal(why(selection, 'tagged'), '26 jobs: none of its jobs runs')
})

test('on a tag, on schedule, and with parameters', () => {
  const tagged = select(event(null, 'v1'))
  assert.equal(whyJob(tagged, 'a'), '11 filters: no filter of it asks for tags; the tag is v1')
  assert.equal(why(tagged, 'tagged'), null)
  assert.match(
    why(select(event('dev', null, 'schedule')), 'nightly') ?? '',
    /no schedule of it is for this branch; the branch is dev/,
  )
  assert.equal(why(select(event('main', null, 'schedule')), 'nightly'), null)
  assert.equal(why(select(event('main', null, 'schedule')), 'all')?.split(': ')[1], 'it has no schedule')
  assert.equal(why(select(event('main', null), { parameters: { deep: true } }), 'deep'), null)
})

test('a schedule of the project starts what a push starts', () => {
  const scheduled = { ...event('main', null, 'schedule'), schedule: { id: 'sch_1', name: 'nightly' } }
  const selection = select(scheduled)
  assert.equal(why(selection, 'all'), null)
  assert.match(
    why(selection, 'nightly') ?? '',
    /it runs at times of its own, and this is a schedule of the project/,
  )
})

test('nobody who does not ask gets a selection, and the plan is the same', () => {
  const plain = compile({ files, event: event('main', null), parameters: {} })
  const asked = compile({ files, event: event('main', null), parameters: {}, withSelection: true })
  assert.ok(plain.ok && asked.ok && !('selection' in plain))
  assert.deepEqual(plain.plan, asked.plan)
})

test('the types of pipeline parameters are known without compiling', () => {
  assert.deepEqual(
    [...pipelineParameterTypes(files)],
    [
      ['deep', 'boolean'],
      ['level', 'string'],
    ],
  )
  assert.equal(pipelineParameterTypes(new Map([['.circleci/config.yml', '[']])).size, 0)
})
