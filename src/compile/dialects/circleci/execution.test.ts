import assert from 'node:assert/strict'
import { test } from 'node:test'
import { foreignNeed } from '../../../protocol/resource-class.ts'
import { compile } from '../../index.ts'

/** The class in the plan, and what is said of it. */
const classOf = (word: string, place = 'docker: [{image: i}]') => {
  const text = `
version: 2.1
jobs: {a: {${place}, resource_class: "${word}", steps: [checkout]}}
workflows: {w: {jobs: [a]}}
`
  const event = {
    kind: 'push',
    ref: 'refs/heads/main',
    commit: 'a'.repeat(40),
    branch: 'main',
    tag: null,
  } as const
  const result = compile({ files: new Map([['.circleci/config.yml', text]]), event, parameters: {} })
  assert.ok(result.ok, JSON.stringify(result.problems))
  return {
    kind: result.plan.workflows[0]?.jobs[0]?.spec?.image.kind,
    word: result.plan.workflows[0]?.jobs[0]?.spec?.resourceClass,
    said: result.problems.map(({ code, severity, help }) => `${severity} ${code}: ${help}`),
  }
}

test('sizes and classes of a namespace stand in the plan as written, without a word', () => {
  for (const word of ['small', 'medium+', '2xlarge', 'large.gen2', 'acme/gpu'])
    assert.deepEqual(classOf(word), { kind: 'container', word, said: [] })
})

test('a size of another kind of machine stays what it is, with a warning that says what it needs', () => {
  const advice = 'write "medium" if the job does not need an ARM processor'
  assert.deepEqual(classOf('arm.medium'), {
    ...{ kind: 'container', word: 'arm.medium', said: [`warning MF2051: ${advice}`] },
  })
})

test('a class that is no size has a warning with the nearest, or with all sizes', () => {
  assert.deepEqual(classOf('meduim').said, ['warning MF2051: did you mean "medium"?'])
  assert.match(classOf('enormous').said.join(), /the sizes are tiny, small, .*2xlarge\+$/)
})

test("what a size of another kind of machine needs is told; a name of a namespace or a like word is nobody's size", () => {
  const needs = {
    ...{ 'arm.2xlarge': 'an ARM processor', 'gpu.nvidia.small.multi': 'a GPU', 'm4pro.medium': 'macOS' },
    ...{ 'macos.m1.medium.gen1': 'macOS', 'windows.gpu.nvidia.medium': 'a GPU', 'windows.large': 'Windows' },
  }
  for (const [word, need] of Object.entries(needs)) assert.equal(foreignNeed(word), need, word)
  for (const word of [null, 'acme/arm.large', 'army', 'medium', 'medium.gen2', 'gpu', 'windowsill'])
    assert.equal(foreignNeed(word), null, String(word))
})

test('a machine of a Windows class is a Windows machine', () => {
  assert.deepEqual(classOf('windows.medium', 'machine: true'), {
    ...{ kind: 'windows', word: null, said: ['warning MF2052: null'] },
  })
})

test('a size of another system keeps no job waiting: any runner can refuse it, in words', () => {
  assert.deepEqual(classOf('m4pro.medium', 'macos: {xcode: 16.4.0}'), {
    ...{ kind: 'macos', word: null, said: ['warning MF2052: null'] },
  })
  assert.equal(classOf('acme/mac', 'macos: {xcode: 16.4.0}').word, 'acme/mac')
})

test('what no runner has is planned, and warned of where it stands', () => {
  const warned = (place: string) => {
    const text = `version: 2.1\njobs:\n  build:\n    ${place}\n    steps: [checkout]\n`
    const result = compile({
      files: new Map([['.circleci/config.yml', text]]),
      event: { kind: 'push', ref: 'refs/heads/main', commit: 'a'.repeat(40), branch: 'main', tag: null },
      parameters: {},
      withConstructs: true,
    })
    assert.ok(result.ok, JSON.stringify(result.problems))
    const refused = result.constructs?.filter(({ verdict }) => verdict === 'refused') ?? []
    assert.equal(refused.length, result.problems.length)
    return result.problems.map(({ code, message, at }) => [code, at?.line, message.split(';')[0]])
  }
  assert.deepEqual(warned('docker: [{image: a}, {image: postgres}]'), [
    ['MF2052', 4, 'service containers are not started yet'],
  ])
  for (const place of ['macos: {xcode: 16.1}', 'macos:\n      xcode: 16.1'])
    assert.deepEqual(
      warned(place).map(([code, , message]) => [code, message]),
      [['MF2052', 'no runner of this version has macOS']],
    )
  for (const place of ['windows: {image: x}', 'machine: {image: "windows-server-2022-gui:current"}'])
    assert.deepEqual(warned(place), [['MF2052', 4, 'no runner of this version has Windows']])
  assert.deepEqual(warned('machine: true'), [])
})

test('how long caches are kept stands in the plan in days, of 1 to 15; more than 30 is refused, and so is what is no number of days', () => {
  const days = (retention: string) => {
    const text = `version: 2.1\njobs: {build: {docker: [{image: i}], retention: ${retention}, steps: [checkout]}}\n`
    const event = {
      kind: 'push',
      ref: 'refs/heads/main',
      commit: 'a'.repeat(40),
      branch: 'main',
      tag: null,
    } as const
    const result = compile({ files: new Map([['.circleci/config.yml', text]]), event, parameters: {} })
    return result.ok
      ? (result.plan.workflows[0]?.jobs[0]?.spec?.cacheDays ?? null)
      : result.problems.map(({ message }) => message).join()
  }
  assert.deepEqual(['{caches: 1d}', '{caches: 15d}', '{}'].map(days), [1, 15, null])
  for (const wrong of ['0d', '31d', '3', '3h', '1.5d', '99999d'])
    assert.equal(days(`{caches: ${wrong}}`), '"caches" is a number of days from 1d to 15d', wrong)
})
