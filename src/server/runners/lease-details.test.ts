import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobEgress } from '../../protocol/egress.ts'
import type { LeaseDetails } from '../runs/leased.ts'
import { leaseSpecOf } from './lease-details.ts'

/** Only what a job lease reads; the rest of the row does not matter here. */
const row = (egress: JobEgress | null): LeaseDetails =>
  ({
    ...{
      jobKind: 'job',
      run: 'run_1',
      runNumber: 1,
      eventKind: 'push',
      startedBy: null,
      ref: 'refs/heads/main',
      commit: 'c0ffee',
    },
    ...{ workflow: 'wfl_1', workflowName: 'w', spec: { egress }, specDigest: 's', planDigest: 'p' },
  }) as unknown as LeaseDetails

const check = (own: JobEgress | null, egressDefault: 'none' | 'open', expected: JobEgress) => {
  const spec = leaseSpecOf(row(own), { serverUrl: '', egressDefault })
  assert.deepEqual(spec.kind === 'job' && spec.egress, expected)
}
const none: JobEgress = { mode: 'none', allow: [] }
const open: JobEgress = { mode: 'open', allow: [] }
const list: JobEgress = { mode: 'list', allow: [{ host: 'a.example', ports: [443], tls: 'sni' }] }

test('a job without a rule of its own gets what the operator set', () => {
  check(null, 'none', none)
  check(null, 'open', open)
})

test('a job with a rule keeps it, a list with its hosts', () => {
  check(none, 'open', none)
  check(open, 'none', open)
  check(list, 'open', list)
})
