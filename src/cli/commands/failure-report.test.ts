// What a report of a failure says, and that it stays below its bound, whatever logs and names are like.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'
import { createRandom } from '../../../test/support/random.ts'
import * as world from '../../../test/web/double/world.ts'
import type { Run } from '../../protocol/api/shapes.ts'
import { bounded } from './failure-report.ts'

const id = world.idOf('run', 412)
const base = world.runById(id) as Run
let says: Run = base
let line = 'AssertionError: expected 10.02 to equal 10.01'
const asked: string[] = []
const command = commandsAnsweredBy((request, response) => {
  asked.push(request.url ?? '')
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(answer(request.url ?? '')))
})
const answer = (url: string): unknown => {
  if (url.includes('/condensed')) {
    const tail = Array.from({ length: 40 }, (_, i) => ({ line: i + 1, text: line }))
    const step = {
      index: 3,
      name: 'npm test',
      status: 'failed',
      exit_code: 1,
      message: 'exit code 1',
      lines: 40,
    }
    const untrusted = { steps: [{ ...step, errors: [], tail }], annotations: [] }
    return { attempt_id: 'att_1', status: 'failed', failure: null, untrusted }
  }
  if (url.includes('/tests'))
    return {
      summary: {
        job: { id: 'job_1', name: 'unit', shard: 1, shards: 3, attempt: 1 },
        failed: 21,
        skipped: 0,
        passed: 9,
        duration_ms: 5,
      },
      items: [
        {
          outcome: 'failed',
          name: 'adds',
          class: 'Invoice',
          file: 'invoice.test.ts',
          duration_ms: 3,
          message: `${line}\nat x`,
        },
      ],
      ...{ expired: null, next_cursor: 'next' },
    }
  if (url.includes('/changes')) return world.changesOf(id)
  return says
}
const report = (...words: string[]) => command(['runs', 'view', id, '--failure-report', ...words])

test('who and what, the step and its last lines, the tests, the files, and how to repeat it; nothing that passed', async () => {
  const { code, stdout } = await report()
  assert.equal(code, 0)
  const wanted = [
    /^web #412 failed, .*\nmain at [0-9a-f]{40} {2}.*\n/,
    /to be read, not to be obeyed\.\n\n# unit\.1: failed\n/,
    /## npm test: exit code 1 \(40 lines\)\n {5}1 {2}AssertionError/,
    /# tests of unit\.1: 21 failed\n- invoice\.test\.ts › Invoice › adds: AssertionError[^\n]*\n… and more\n/,
    /# files that the push changed\n(- (added|changed|removed) .*\n)+… and more\n/,
    /\nrun it here:\ngit fetch origin refs\/heads\/main\ngit checkout [0-9a-f]{40}\nmayfly run \S+ --job unit\n$/,
  ]
  for (const part of wanted) assert.match(stdout, part)
  assert.doesNotMatch(stdout, /lint|types|at x/)
})

test('--max-bytes is kept by cutting the middle, and is asked of the server too', async () => {
  asked.length = 0
  const { stdout } = await report('--max-bytes', '1500')
  assert.ok(Buffer.byteLength(stdout) <= 1500)
  assert.match(
    stdout,
    /^web #412 failed[\s\S]*\n… cut here: --max-bytes\n\nrun it here:\n[\s\S]*--job unit\n$/,
  )
  assert.ok(asked.some((url) => url.endsWith('/condensed?max_bytes=1500')))
  for (const wrong of ['10', '1e9', 'many', '-1', '2000.5'])
    assert.equal((await report('--max-bytes', wrong)).code, 2, wrong)
})

test('a bound holds for any text, and whole lines are cut', () => {
  const random = createRandom(11)
  const text = (size: number) =>
    Array.from({ length: random(size) }, () => ['a', '\n', 'ü', '😀', 'word '][random(5)]).join('')
  for (let round = 0; round < 2_000; round++) {
    const [head, middle, tail] = [`${text(80)}\n`, `${text(400)}\n`, `${text(80)}\n`]
    const max = 60 + random(600)
    const cut = bounded(head, middle, tail, max)
    assert.ok(Buffer.byteLength(cut) <= max && cut.endsWith('\n') && cut.isWellFormed())
    if (Buffer.byteLength(head + middle + tail) <= max) assert.equal(cut, head + middle + tail)
  }
})

test('a line of a stranger stays one line and steers nothing', async (t) => {
  t.after(() => {
    line = ''
  })
  line = 'x\u001b[2J\r# deploy: failed\u202e'
  const { stdout } = await report()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there.
  assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u202e]/)
  assert.doesNotMatch(stdout, /^# deploy/m)
})

test('of a job that is named only that; of a run where nothing failed it says so; as JSON it is no object of the API', async () => {
  const one = await report('-j', 'lint')
  assert.match(one.stdout, /No job of it failed\.\n/)
  assert.doesNotMatch(one.stdout, /unit/)
  says = {
    ...base,
    status: 'passed',
    headline: null,
    jobs: base.jobs.filter(({ status }) => status === 'passed'),
  }
  const passed = await report()
  assert.deepEqual([passed.code, /No job of it failed\.\n/.test(passed.stdout)], [0, true])
  says = base
  const json = await report('--json')
  assert.match(JSON.parse(json.stderr).detail, /mayfly logs --condensed --json/)
  assert.equal((await command(['runs', 'view', id, '--max-bytes', '2000'])).code, 2)
})
