import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from '../../../test/support/random.ts'
import type { Job } from '../../protocol/api/shapes.ts'
import type { JobWorkspace } from '../../protocol/api/workspaces.ts'
import { edgeWords } from './edge-words.ts'
import { foldJobs } from './fold.ts'
import { passingsOf } from './passing.ts'

const job = (
  id: string,
  needs: readonly string[] = [],
  of: Partial<Job> & { readonly on?: string[] } = {},
): Job => ({
  ...{ id, rev: 1, workflow_id: 'w', key: id, name: id, kind: 'job', status: 'passed', reason: null },
  ...{ shard: 0, shards: 1, image: null, class: 'small', attempts: [], approvals: [] },
  needs: needs.map((other) => ({ job_id: other, on: of.on ?? ['passed'] })),
  ...of,
})
const persists = (job_id: string, size_bytes: number | null = null): JobWorkspace => ({
  ...{ job_id, persists: true, attaches: false, size_bytes },
})
const attaches = (job_id: string): JobWorkspace => ({
  ...{ job_id, persists: false, attaches: true, size_bytes: null },
})
const words = (jobs: readonly Job[], known: readonly JobWorkspace[] = []) =>
  passingsOf(foldJobs(jobs), known).edges.map((edge) => `${edge.to}: ${edgeWords(edge)}`)

test('an edge says what has to come and whether it has', () => {
  const jobs = [
    job('a'),
    job('b', [], { status: 'running' }),
    job('c', [], { status: 'failed' }),
    job('d', [], { kind: 'approval', status: 'on_hold' }),
    job('e', [], { status: 'skipped' }),
    job('z', ['a', 'b', 'c', 'd'], { status: 'waiting' }),
    job('y', ['e'], { on: ['failed', 'skipped:rule'] }),
  ]
  assert.deepEqual(words(jobs), [
    'z: a: runs after: passed',
    'z: b: runs after: passed, has not ended',
    'z: c: runs after: passed, ended otherwise',
    'z: d: runs after a person approved, has not ended',
    'y: e: runs after: failed, skipped:rule',
  ])
})

test('a workspace goes along every edge between who persisted it and who attaches it, and along no other', () => {
  const jobs = [
    job('install'),
    job('lint', ['install']),
    job('build', ['install']),
    job('sign', ['build']),
    job('deploy', ['sign']),
    job('report', ['deploy']),
  ]
  const known = [persists('install', 2048), persists('build'), attaches('deploy')]
  assert.deepEqual(words(jobs, known), [
    'lint: install: runs after: passed',
    'build: install: runs after: passed, workspace of install (2.0 KiB)',
    'sign: build: runs after: passed, workspace of build, install (2.0 KiB)',
    'deploy: sign: runs after: passed, workspace of build, install (2.0 KiB)',
    'report: deploy: runs after: passed',
  ])
  const { takes } = passingsOf(foldJobs(jobs), known)
  assert.deepEqual(
    [takes('deploy').map(({ title }) => title), takes('sign'), takes('report')],
    [['build', 'install'], [], []],
  )
})

test('copies of a job are one layer, and what nobody attaches goes nowhere', () => {
  const copies = ['one', 'two', 'three'].map((name) => job(name, [], { name: `unit (${name})` }))
  const jobs = [...copies, job('z', ['one', 'two', 'three'])]
  const known = [persists('one', 1024), persists('two', 1024), persists('three')]
  assert.deepEqual(words(jobs, [...known, attaches('z')]), [
    'z: unit: runs after: passed, workspace of unit (2.0 KiB)',
  ])
  assert.deepEqual(words(jobs, known), ['z: unit: runs after: passed'])
})

test('of any graph: an edge has files exactly when somebody above persisted and somebody below attaches', () => {
  const random = createRandom(11)
  for (let n = 0; n < 300; n++) {
    const size = 2 + random(12)
    const jobs = Array.from({ length: size }, (_, i) =>
      job(`j${i}`, i === 0 ? [] : [...new Set([`j${random(i)}`, `j${random(i)}`])]),
    )
    const known = jobs.flatMap(({ id }) => [persists(id, 1), attaches(id), null][random(3)] ?? [])
    const isKnown = (id: string, what: 'persists' | 'attaches') =>
      known.some((each) => each.job_id === id && each[what])
    const needs = (id: string): string[] =>
      jobs.find((each) => each.id === id)!.needs.map(({ job_id }) => job_id)
    const above = (id: string): boolean => isKnown(id, 'persists') || needs(id).some(above)
    const below = (id: string): boolean =>
      isKnown(id, 'attaches') || jobs.some((each) => needs(each.id).includes(id) && below(each.id))
    for (const edge of passingsOf(foldJobs(jobs), known).edges)
      assert.equal(edge.layers.length > 0, above(edge.from) && below(edge.to), JSON.stringify(jobs))
  }
})

test('a graph of a thousand jobs and many edges is looked through once for each node', () => {
  const jobs = Array.from({ length: 1_000 }, (_, i) =>
    job(
      `j${i}`,
      Array.from({ length: Math.min(i, 8) }, (_, back) => `j${i - back - 1}`),
    ),
  )
  const known = [persists('j0', 5), attaches('j999')]
  const { edges } = passingsOf(foldJobs(jobs), known)
  assert.equal(edges.length, 7_964)
  assert.ok(edges.every(({ layers }) => layers.length === 1))
})
