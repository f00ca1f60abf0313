// What jobs are told of earlier tests: which jobs, which lines.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobSpec, PlanRunStep } from '../../../protocol/plan.ts'
import type { TestCase } from '../../../protocol/test-results.ts'
import { asksForTests, failedText, timingsText } from './test-lists.ts'

const tests = async function* (
  ...rows: readonly (readonly [
    outcome: TestCase['outcome'],
    file: string,
    of: string,
    name: string,
    ms: number,
  ])[]
): AsyncGenerator<TestCase> {
  for (const [outcome, file, of, name, ms] of rows) yield { outcome, file, class: of, name, ms, message: '' }
}

test('times are summed by file, class and name; what took no time is not known', async () => {
  const text = await timingsText(
    tests(
      ['passed', 't/a.ts', 'A', 'one', 40],
      ['failed', 't/a.ts', 'A', 'two', 2],
      ['skipped', 't/b.ts', 'B', 'three', 0],
      ['passed', '/abs/c', '', 'one', 5],
    ),
  )
  assert.deepEqual(text.split('\n'), [
    'filename\t42\tt/a.ts',
    'filename\t42\t./t/a.ts',
    'filename\t5\t/abs/c',
    'classname\t42\tA',
    'testname\t45\tone',
    'testname\t2\ttwo',
    '',
  ])
})

test('a sum has no more digits than the split reads, and nothing known is nothing written', async () => {
  assert.equal(
    await timingsText(tests(['passed', '', '', 'x', 5e8], ['passed', '', '', 'x', 6e8])),
    'testname\t999999999\tx\n',
  )
  assert.equal(await timingsText(tests()), '')
})

test('what failed is named in every way in which a list may name it', async () => {
  const text = await failedText(tests(['failed', 't/a.ts', 'A', 'two', 2], ['passed', 't/b.ts', 'B', 'x', 1]))
  assert.equal(text, 't/a.ts\n./t/a.ts\nA\ntwo\n')
})

test('only jobs that may ask for it are made to wait', () => {
  const spec = (...commands: readonly string[]) =>
    ({ steps: commands.map((command) => ({ kind: 'run', command }) as PlanRunStep) }) as unknown as JobSpec
  assert.equal(asksForTests(spec('make tests', 'npm test'), 1), false)
  assert.equal(asksForTests(spec('make'), 2), true)
  assert.equal(asksForTests(spec('true', 'ls | circleci tests  run --command=cat'), 1), true)
})
