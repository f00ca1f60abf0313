import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LeaseDetails, leaseSpecOf } from './lease-details.ts'

/** Only what a job lease reads; the rest of the row does not matter here. */
const row = (egress: 'none' | 'list' | 'open' | null): LeaseDetails =>
  ({
    ...{
      jobKind: 'job',
      run: 'run_1',
      runNumber: 1,
      eventKind: 'push',
      ref: 'refs/heads/main',
      commit: 'c0ffee',
    },
    ...{ workflow: 'wfl_1', workflowName: 'w', spec: { egress }, specDigest: 's', planDigest: 'p' },
  }) as unknown as LeaseDetails

const check = (own: 'none' | 'list' | 'open' | null, egressDefault: 'none' | 'open', expected: string) => {
  const spec = leaseSpecOf(row(own), { serverUrl: '', egressDefault })
  assert.equal(spec.kind === 'job' && spec.egress, expected)
}

test('a job without a rule of its own gets what the operator set', () => {
  check(null, 'none', 'none')
  check(null, 'open', 'open')
})

test('a job with a rule keeps it, and a list without a shape gets nothing', () => {
  check('none', 'open', 'none')
  check('open', 'none', 'open')
  check('list', 'open', 'none')
})
