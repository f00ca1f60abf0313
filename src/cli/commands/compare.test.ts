// `mayfly runs compare` in words, over a server that answers one comparison.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'

const id = (n: number) => `run_${String(n).repeat(26)}`
const side = (n: number, status: string) => ({
  ...{
    id: id(n),
    number: n,
    status,
    commit: String(n).repeat(40),
    created_at: '',
    queued_ms: 1,
    plan_digest: null,
  },
  duration_ms: n * 1000,
})
const pair = (before: unknown, after: unknown) => ({ before, after })
const failed = { job: 'test', file: 'a.js', class: '', name: 'adds' }
const comparison = {
  ...{ before: side(1, 'passed'), after: side(2, 'failed') },
  plan: {
    added: [{ workflow: 'ci', job: 'lint' }],
    removed: [],
    changed: [{ workflow: 'ci', job: 'test', fields: [{ field: 'step.a', ...pair(null, 'x\ny') }] }],
  },
  jobs: [
    {
      ...{ workflow: 'ci', job: 'test', shard: 1, status: pair('passed', 'failed') },
      ...{ cpu_ms: pair(900, 400), memory_kib: pair(2_048, null) },
      steps: [
        {
          name: 'deps',
          ...{ status: pair('passed', 'passed'), duration_ms: pair(1, 1), cache: pair('exact', 'miss') },
        },
        {
          name: 'a',
          ...{ status: pair('passed', 'passed'), duration_ms: pair(1, 2), cache: pair(null, null) },
        },
      ],
      ...{ queued_ms: pair(5, 5), duration_ms: pair(3000, 1000) },
      sandbox: pair({ image: 'a', isolation: 'namespace' }, null),
    },
  ],
  tests: { newly_failed: [failed], no_longer_failed: [], complete: false },
}

const run = commandsAnsweredBy((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
  const isOther = searchParams.get('with') === id(2)
  const answer = pathname.endsWith('/compare') && isOther ? comparison : null
  response.writeHead(answer === null ? 404 : 200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(answer ?? {}))
})

test('what differs is said in lines', async () => {
  const { stdout, stderr } = await run(['runs', 'compare', id(1), id(2)])
  assert.deepEqual(
    stdout.split('\n'),
    [
      '#1  ✓ passed  1111111111  1.0 s',
      '#2  ✗ failed  2222222222  2.0 s',
      '+ ci/lint',
      '~ ci/test',
      '    step.a: (none) → x\\ny',
      'now failing: test › a.js › adds',
      'there are more failed tests than were compared',
      'test.1\tpassed → failed\t3.0 s → 1.0 s\t-2.0 s\t5 ms\t900 ms → 400 ms\t2 MiB → -\ta in namespace → -',
      'test.1, deps: cache exact → miss',
      '',
    ],
    stderr,
  )
})
