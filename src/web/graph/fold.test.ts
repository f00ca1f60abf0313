import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job } from '../../protocol/api/shapes.ts'
import { nodeCounts } from './counts.ts'
import { foldJobs, relatives } from './fold.ts'
import { layOut } from './layout.ts'
import { nodeWidth } from './node-size.ts'

const job = (
  id: string,
  name: string,
  needs: readonly string[] = [],
  status: Job['status'] = 'passed',
): Job => ({
  id,
  rev: 1,
  workflow_id: 'w',
  key: id,
  name,
  kind: 'job',
  status,
  reason: null,
  needs: needs.map((other) => ({ job_id: other, on: ['passed'] })),
  shard: 0,
  shards: 1,
  image: null,
  class: 'small',
  attempts: [],
  approvals: [],
})

const graph = foldJobs([
  job('a', 'install'),
  job('b', 'test (20, linux)', ['a'], 'failed'),
  job('c', 'test (22, linux)', ['a']),
  job('d', 'lint', ['a']),
  job('e', 'deploy', ['b', 'c', 'd'], 'skipped'),
  job('f', 'docs'),
])

test('jobs that differ by their matrix values are one node with counts and the worst status', () => {
  assert.deepEqual(
    graph.nodes.map((node) => node.title),
    ['install', 'test', 'lint', 'deploy', 'docs'],
  )
  const folded = graph.nodes[1]!
  assert.equal(folded.status, 'failed')
  assert.equal(nodeCounts(folded), '1 passed, 1 failed')
})

test('edges join nodes, each pair once', () => {
  assert.deepEqual(
    graph.edges.map(({ from, to }) => `${from}→${to}`),
    ['a→fold:test', 'a→d', 'fold:test→e', 'd→e'],
  )
})

test('relatives are what a node needs and what needs it, however far, and nothing else', () => {
  assert.deepEqual([...relatives(graph, 'd')].sort(), ['a', 'd', 'e'])
  assert.deepEqual([...relatives(graph, 'f')], ['f'])
})

test('a node stands right of everything it needs', () => {
  const layout = layOut({ ids: graph.nodes.map((node) => node.id), edges: graph.edges })
  for (const { from, to } of graph.edges) {
    const [a, b] = [layout.corners[from]!, layout.corners[to]!]
    assert.ok(b.x >= a.x + nodeWidth, `${from} → ${to}`)
  }
  assert.equal(layout.paths.length, graph.edges.length)
  for (const { path } of layout.paths) assert.match(path, /^M[\d.]+ [\d.]+(C[\d. ]+)+$/)
})
