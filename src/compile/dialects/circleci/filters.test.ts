import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../../index.ts'

const runs = (filters: string, ref: { branch: string } | { tag: string }): boolean => {
  const branch = 'branch' in ref ? ref.branch : null
  const tag = 'tag' in ref ? ref.tag : null
  const text = `
version: 2.1
jobs: {a: {docker: [{image: i}], steps: [checkout]}}
workflows: {w: {jobs: [{a: {filters: ${filters}}}]}}
`
  const name = branch === null ? `refs/tags/${tag}` : `refs/heads/${branch}`
  const event = { kind: 'push', ref: name, commit: 'a'.repeat(40), branch, tag } as const
  const result = compile({ files: new Map([['.circleci/config.yml', text]]), event, parameters: {} })
  assert.ok(result.ok, JSON.stringify(result.problems))
  return result.plan.workflows.length === 1
}

const cases: readonly (readonly [
  why: string,
  filters: string,
  ref: { branch: string } | { tag: string },
  run: boolean,
])[] = [
  ['no filter runs on branches', '', { branch: 'x' }, true],
  ['no filter does not run on tags', '', { tag: 'v1' }, false],
  ['text is the whole name', '{branches: {only: main}}', { branch: 'main2' }, false],
  ['one of several is enough', '{branches: {only: [dev, /user-.*/]}}', { branch: 'user-bob' }, true],
  ['a pattern covers the whole name', '{branches: {only: /user-.*/}}', { branch: 'my-user-bob' }, false],
  ['anchors change nothing', '{branches: {only: /^release/}}', { branch: 'release-1' }, false],
  ['an escaped slash is a slash', '{branches: {only: /^build\\/.*/}}', { branch: 'build/1' }, true],
  ['ignore leaves out', '{branches: {ignore: main}}', { branch: 'main' }, false],
  ['ignore lets others run', '{branches: {ignore: main}}', { branch: 'x' }, true],
  ['only wins over ignore', '{branches: {only: /r.*/, ignore: r1}}', { branch: 'r1' }, true],
  ['an empty map filters nothing', '{branches: {}}', { branch: 'x' }, true],
  ['a tag filter does not restrict branches', '{tags: {only: /v.*/}}', { branch: 'x' }, true],
  ['a tag that matches runs', '{tags: {only: /v.*/}}', { tag: 'v1' }, true],
  ['a tag that does not match does not', '{tags: {only: /v.*/}}', { tag: 'x1' }, false],
  ['ignored tags do not run', '{tags: {ignore: /.*-rc/}}', { tag: '1-rc' }, false],
  ['other tags run', '{tags: {ignore: /.*-rc/}}', { tag: '1' }, true],
  ['an empty tag filter runs no tag', '{tags: {}}', { tag: 'v1' }, false],
  ['tags only', '{tags: {only: /.*/}, branches: {ignore: /.*/}}', { branch: 'main' }, false],
  ['a text is an expression', '\'pipeline.git.branch == "main"\'', { branch: 'main' }, true],
  ['an unset value equals nothing', '\'pipeline.git.branch != "main"\'', { tag: 'v1' }, false],
]
for (const [why, filters, ref, run] of cases)
  test(`filters: ${why}`, () => {
    assert.equal(runs(filters, ref), run)
  })
