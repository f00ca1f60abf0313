// Two runs side by side, with something of everything that can differ, and names that try to be markup.
import type { Comparison } from '../../../../src/protocol/api/shapes.ts'
import { idOf } from './ids.ts'

const side = (number: number, status: 'passed' | 'failed', duration_ms: number) => ({
  ...{
    id: idOf('run', number),
    number,
    status,
    commit: 'c0ffee00'.repeat(5),
    created_at: '2026-01-01T10:00:00.000Z',
  },
  ...{ queued_ms: 800, duration_ms, plan_digest: 'd'.repeat(64) },
})
const box = (image: string) => ({ image, isolation: 'namespace, container' })

export const comparison: Comparison = {
  ...{ before: side(409, 'passed', 251_000), after: side(412, 'failed', 372_000) },
  plan: {
    added: [{ workflow: 'build', job: 'licences' }],
    removed: [{ workflow: 'build', job: 'old <b>smoke</b> test' }],
    changed: [
      {
        ...{ workflow: 'build', job: 'unit' },
        fields: [
          { field: 'env.NODE_OPTIONS', before: null, after: '--max-old-space-size=4096' },
          { field: 'image', before: 'container node:24', after: 'container node:26' },
          { field: 'step.Test', before: 'npm test', after: 'npm run build\nnpm test -- --shard' },
        ],
      },
    ],
  },
  jobs: [
    {
      ...{ workflow: 'build', job: 'unit', shard: 1, status: { before: 'passed', after: 'failed' } },
      ...{ queued_ms: { before: 400, after: 900 }, duration_ms: { before: 61_000, after: 184_000 } },
      sandbox: { before: box('node:24'), after: box('node:26') },
      ...{ cpu_ms: { before: 71_000, after: 140_000 }, memory_kib: { before: 420_000, after: 1_900_000 } },
      steps: [
        {
          name: 'Restore cache',
          status: { before: 'passed', after: 'passed' },
          duration_ms: { before: 2_100, after: 300 },
          cache: { before: 'exact', after: 'miss' },
        },
        {
          name: 'Install',
          status: { before: 'passed', after: 'passed' },
          duration_ms: { before: 9_000, after: 84_000 },
          cache: { before: null, after: null },
        },
        {
          name: 'Test',
          status: { before: 'passed', after: 'failed' },
          duration_ms: { before: 50_000, after: 98_000 },
          cache: { before: null, after: null },
        },
      ],
    },
    {
      ...{ workflow: 'build', job: 'licences', shard: 0, status: { before: null, after: 'passed' } },
      ...{ queued_ms: { before: null, after: 20 }, duration_ms: { before: null, after: 4_200 } },
      ...{ cpu_ms: { before: null, after: 900 }, memory_kib: { before: null, after: null } },
      ...{ sandbox: { before: null, after: box('node:26') }, steps: [] },
    },
  ],
  tests: {
    newly_failed: [
      { job: 'unit', file: 'src/price.test.ts', class: 'price', name: 'rounds half to even' },
      {
        job: 'unit',
        file: 'src/price.test.ts',
        class: 'price',
        name: 'knows <script>alert(1)</script> as a name',
      },
    ],
    no_longer_failed: [{ job: 'unit', file: 'src/link.test.ts', class: '', name: 'refuses an expired link' }],
    complete: false,
  },
}
