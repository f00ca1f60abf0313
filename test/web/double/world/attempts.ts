// Attempts of the double: steps and a receipt.

import type { AttemptAnnotations } from '../../../../src/protocol/api/annotations.ts'
import type { Attempt, PinnedError, Status, Step } from '../../../../src/protocol/api/shapes.ts'
import type { RunTimeline } from '../../../../src/protocol/api/timeline.ts'
import type { AttemptUsage } from '../../../../src/protocol/api/usage.ts'
import { type StageName, stagesOf } from '../../../../src/protocol/stages.ts'
import { ago } from './ids.ts'
import { summaries } from './run-list.ts'
import { runById } from './runs.ts'

const stepsOf = (status: Status): Step[] => {
  const list: readonly (readonly [string, Status, number | null])[] =
    status === 'running'
      ? [
          ['Spin up environment', 'passed', 800],
          ['Checkout code', 'passed', 1_200],
          ['npm ci', 'passed', 21_000],
          ['npm test', 'running', null],
        ]
      : [
          ['Spin up environment', 'passed', 800],
          ['Checkout code', 'passed', 1_200],
          ['npm ci', 'passed', 21_000],
          ['npm test', status, 49_000],
          ['Store test results', 'passed', 900],
          ['Restore reports', 'passed', 300],
        ]
  let before = 0
  const begin = (ms: number | null) => {
    const at = before
    before += (ms ?? 0) / 1000
    return (status === 'running' ? 78 : 1_400) - at
  }
  return list.map(([name, state, ms], index) => ({
    index,
    name,
    type: name === 'Checkout code' ? 'checkout' : name === 'Spin up environment' ? 'note' : 'run',
    status: state,
    started_at: ago(begin(ms)),
    finished_at: ms === null ? null : ago(1_300),
    duration_ms: ms,
    exit_code: state === 'failed' ? 1 : ms === null ? null : 0,
    message: state === 'failed' ? 'The command ended with exit code 1.' : null,
    cache: name === 'Restore reports' ? (status === 'failed' ? 'miss' : 'prefix') : null,
    leftovers: name === 'npm test' && state === 'failed' ? 2 : 0,
  }))
}

/** What somebody marked while the double runs. */
const pins = new Map<string, PinnedError>()

export const pin = (id: string, at: { readonly step: number; readonly line: number } | null): void => {
  if (at === null) pins.delete(id)
  else pins.set(id, { ...at, by: { id: 'usr_1', name: 'Ada Lovelace' }, at: ago(0) })
}

export const attemptById = (id: string): Attempt | null => {
  for (const run of summaries().map((summary) => runById(summary.id)))
    for (const job of run?.jobs ?? []) {
      const summary = job.attempts.find((attempt) => attempt.id === id)
      if (summary === undefined || run === null) continue
      const isRunning = summary.status === 'running'
      return {
        ...summary,
        job_id: job.id,
        run_id: run.id,
        class: job.class,
        cancelled_by: summary.status === 'cancelled' ? { id: 'usr_2', name: 'Grace Hopper' } : null,
        steps: stepsOf(summary.status),
        stages: stagesOf({ ...summary, steps: stepsOf(summary.status) }),
        renewed_at: summary.finished_at,
        pinned: pins.get(id) ?? null,
        last_seq: 6,
        log_complete: !isRunning,
        log_expired: run.number === 409 ? { removed_at: ago(86_400), days: 30 } : null,
        notes: ['The registry of the operator was used for “cimg/node:24.1”.'],
        receipt: isRunning
          ? null
          : { claims: receiptClaims, verified: true, jws: 'eyJhbGciOiJFZERTQSJ9.e30.c2ln' },
      }
    }
  return null
}

const receiptClaims = {
  v: 1,
  driver: 'namespace',
  measuredTier: 'container',
  image: 'host',
  openedAt: ago(1_450),
  closedAt: ago(1_320),
  destroyMs: 41,
  storage: 'ram',
  egressMode: 'open',
  secretNames: ['DEPLOY_TOKEN'],
  evidence: {
    ...{ commit: 'a1b2c3d4'.repeat(5), ref: 'refs/heads/main', is_tip: true },
    repo: 'ssh://git@code.example.org:22/team/an-application-with-a-long-name.git',
  },
  usage: { peakMemory: 412 * 1024 * 1024 },
  gone: [
    { check: 'no process of the sandbox is left', ok: true, detail: '' },
    { check: 'its memory-backed mounts are gone', ok: true, detail: '' },
    { check: 'its network namespace is gone', ok: true, detail: '' },
    { check: 'its control group is empty and removed', ok: true, detail: '' },
  ],
  weak: ['Swap is on: pages of a job could reach the disk.'],
}

/** Of an attempt that runs nothing is known yet; of the others a minute and a bit. */
export const usageById = (id: string): AttemptUsage | null => {
  const attempt = attemptById(id)
  if (attempt === null) return null
  if (attempt.status === 'running') return { series: null, peak: null, verdict: null }
  const points = Array.from({ length: 73 }, (_, i) => i)
  const wave = (i: number, most: number) =>
    Math.round(most * (0.5 + 0.4 * Math.sin(i / 4)) * Math.min(1, i / 20))
  return {
    series: {
      started_at: ago(1_400),
      duration_ms: points.map(() => 1_000),
      cpu_milli: points.map((i) => wave(i, 1_900)),
      memory_kib: points.map((i) => wave(i, 1_400_000)),
      disk_kib: points.map((i) => Math.min(i, 24) * 20_000),
      sent_bytes: points.map((i) => (i < 24 ? 40_000 : 0)),
      received_bytes: points.map((i) => (i < 24 ? 9_000_000 + wave(i, 4_000_000) : 0)),
      limits: { cpu_milli: 2_000, memory_kib: 4 * 1024 * 1024, disk_kib: 4 * 1024 * 1024 },
    },
    peak: {
      ...{ memory_kib: 1_300_000, disk_kib: 480_000, processes: 41, cpu_ms: 61_000, throttled_ms: 4_200 },
      ...{ oom_kills: 0, sent_bytes: 960_000, received_bytes: 260_000_000 },
    },
    verdict: { word: 'smaller', smaller: 'small', memory_percent: 31, disk_percent: 11, cpu_percent: 42 },
  }
}

/** Of a run that failed: what its tests said, and a hostile name. */
export const annotationsById = (id: string): AttemptAnnotations => {
  const attempt = attemptById(id)
  const none = {
    items: [],
    counts: { error: 0, warning: 0, notice: 0 },
    credentials: { items: [], count: 0 },
    partial: false,
  }
  if (attempt?.status !== 'failed') return none
  const blank = { title: null, file: null, line: null, column: null }
  return {
    ...none,
    items: [
      {
        ...{ ...blank, level: 'warning', message: '2 packages are deprecated', step: 2, log_line: 3 },
        ...{ file: 'package-lock.json', title: 'npm' },
      },
      {
        ...{
          ...blank,
          level: 'error',
          message: 'AssertionError: expected 10.02 to equal 10.01',
          step: 3,
          log_line: 64,
        },
        ...{ file: 'test/invoice.test.ts', line: 88, column: 25 },
      },
      {
        ...{
          ...blank,
          level: 'notice',
          message: 'A <b>name</b> that turns around: \u202etxt.exe',
          step: 3,
          log_line: 72,
        },
        file: 'javascript:alert(1)',
      },
    ],
    counts: { error: 1, warning: 1, notice: 3 },
    credentials: {
      items: [
        { kind: 'assignment', step: 3, log_line: 12 },
        { kind: 'github_token', step: 4, log_line: 122 },
      ],
      count: 3,
    },
  }
}

export const runAnnotationsById = (id: string) => {
  const items = (runById(id)?.jobs ?? []).flatMap(({ id: job, name, shard, shards, attempts }) => {
    const attempt = attempts.at(-1)
    const noted = attempt === undefined ? null : annotationsById(attempt.id)
    if (attempt === undefined || noted === null || noted.items.length === 0) return []
    return [
      {
        job: { id: job, name, shard, shards },
        attempt: { id: attempt.id, number: attempt.number },
        ...noted,
      },
    ]
  })
  return { items, next_cursor: null }
}

/** Each attempt a share of its time in each stage; the one that installs found no cache. */
export const timelineOf = (id: string): RunTimeline => ({
  items: (runById(id)?.jobs ?? []).flatMap((job) =>
    job.attempts.map(({ id: attempt_id, started_at, finished_at }) => {
      const from = Date.parse(started_at ?? ago(0))
      const whole = Date.parse(finished_at ?? ago(0)) - from
      const missed = job.key === 'install'
      return {
        ...{ attempt_id, job_id: job.id, cache: { hits: missed ? 0 : 1, misses: missed ? 1 : 0 } },
        warm_ms: missed ? Math.round(whole * 0.6) : null,
        stages:
          started_at === null
            ? []
            : shares.slice(0, finished_at === null ? 4 : 6).map(([name, share]) => ({
                ...{ name, started_at: new Date(from + share * whole).toISOString(), duration_ms: null },
              })),
      }
    }),
  ),
})
const shares: readonly (readonly [StageName, number])[] = [
  ...[['sandbox', 0] as const, ['checkout', 0.08] as const, ['prepare', 0.14] as const],
  ...[['steps', 0.3] as const, ['save', 0.88] as const, ['teardown', 0.95] as const],
]
