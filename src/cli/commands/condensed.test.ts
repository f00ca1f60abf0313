import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CondensedLog } from '../../protocol/api/annotations.ts'
import { condensedText } from './condensed.ts'

const log = (more: Partial<CondensedLog['untrusted']['steps'][number]>): CondensedLog => ({
  ...{ attempt_id: 'att_1', status: 'failed', failure: { code: null, message: 'step failed' } },
  untrusted: {
    steps: [
      {
        ...{ index: 3, name: 'npm test', status: 'failed', exit_code: 1, message: 'exit code 1', lines: 9 },
        ...{ errors: [], tail: [], ...more },
      },
    ],
    annotations: [],
  },
})
const job = { name: 'unit', shard: 2, shards: 3 }

test('errors and the end of a step with their numbers, and dots where lines are left out', () => {
  assert.equal(
    condensedText(
      job,
      log({
        errors: [{ line: 2, text: 'error: x' }],
        tail: [
          { line: 8, text: 'one' },
          { line: 9, text: 'two' },
        ],
      }),
    ),
    '# unit.2: failed\nstep failed\n\n## npm test: exit code 1 (9 lines)\n…\n     2  error: x\n…\n     8  one\n     9  two\n\n',
  )
})

test('nothing that a terminal would obey is printed', () => {
  assert.ok(
    !condensedText(job, log({ name: '\u001b]0;x\u0007', tail: [{ line: 1, text: '\r\u001b[2J' }] })).includes(
      '\u001b',
    ),
  )
})
