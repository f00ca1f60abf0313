// Projects of the double, and what their source hosts delivered.
import type { Schedule } from '../../../../src/protocol/api/schedules.ts'
import type {
  DeclaredParameters,
  Delivery,
  Project,
  RunChangedFiles,
} from '../../../../src/protocol/api/shapes.ts'
import type { ChangedFile } from '../../../../src/protocol/changed-files.ts'
import { ago, idOf } from './ids.ts'

export const projects: readonly Project[] = ['web', 'api', 'mobile-app'].map((name, i) => ({
  id: idOf('prj', i + 1),
  name,
  source:
    name === 'mobile-app'
      ? { kind: 'local', url: '/srv/git/mobile-app.git' }
      : { kind: 'ssh', url: `git@git.example.com:acme/${name}.git` },
  default_branch: 'main',
  settings: {
    auto_cancel: name === 'web',
    untrusted_in_scripts: false,
    jobs_max: null,
    priority: 'normal',
    approval_seconds: 7_776_000,
    ...{ approval_people: 1, approval_not_self: false, approval_role: 'developer' },
    poll_seconds: name === 'api' ? 300 : null,
  },
  polling:
    name === 'api'
      ? {
          ...{ next_at: ago(-120), last_at: ago(4_000), failures: 3, attempt_id: idOf('att', 77) },
          problem: 'The source host could not be reached',
        }
      : null,
  deploy_key:
    name === 'mobile-app'
      ? null
      : {
          public_key:
            'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8Zk1o0lPq3yQm2cHq9v0Yb6xk0qKZQv5d1e2f3g4h5 mayfly acme/web',
          fingerprint: 'SHA256:3b0YxqkP8n2yq0m9f7eJm1t5y6uVb2aZc4d8e9f0g1h',
        },
  hook: {
    ...{ id: idOf('hok', i + 1), url: `http://localhost:8420/hooks/generic/${idOf('hok', i + 1)}` },
    refused_calls: i === 0 ? { calls: 84, since: ago(5_400), last_at: ago(600) } : null,
  },
  host_keys: [
    {
      fingerprint: 'SHA256:uNiVztksCsDhcc0u9e8BrrBxTQxvZ2mXLkz0a1b2c3d',
      line: 'git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0',
      confirmed: name !== 'api',
    },
  ],
  created_at: ago(86_400 * 30),
  last_run: null,
}))

const delivered = {
  ...{ project_id: idOf('prj', 1), project: { id: idOf('prj', 1), name: 'shop' }, old: null, run_id: null },
  ...{ new: '4f5e6d7c8b9a0f1e2d3c4b5a69788796a5b4c3d2', run: null, sent_at: null, source: 'hook' as const },
  ...{ replay_of: null, replayed_by: null, pull_request: null, replays: 0 },
}

export const deliveries: readonly Delivery[] = [
  {
    ...delivered,
    id: idOf('dlv', 4),
    received_at: ago(95),
    ref: 'refs/heads/stream-export',
    verdict: 'run',
    reason: 'Started run 413.',
    pull_request: { number: 88, url: 'https://code.example/acme/shop/pull/88', title: 'Stream the export' },
    run_id: idOf('run', 413),
    run: { id: idOf('run', 413), number: 413, status: 'running', headline: null },
  },
  {
    ...delivered,
    id: idOf('dlv', 3),
    received_at: ago(1_200),
    ref: 'refs/heads/docs',
    verdict: 'no_run',
    reason: 'The commit message says [skip ci].',
  },
  {
    ...delivered,
    id: idOf('dlv', 2),
    received_at: ago(1_900),
    ref: 'refs/heads/main',
    verdict: 'duplicate',
    reason: 'The same delivery came before.',
  },
  {
    ...delivered,
    id: idOf('dlv', 1),
    received_at: ago(2_600),
    ref: null,
    new: null,
    verdict: 'refused',
    reason: 'The signature is wrong: the hook has another secret.',
  },
]

export const schedules: readonly Schedule[] = [
  {
    ...{ id: idOf('sch', 1), name: 'nightly', cron: '30 2 * * *', zone: 'Europe/Vienna', ref: null },
    ...{ parameters: { deep: true }, paused: false, workflow: null },
    next: [1, 2, 3, 4, 5].map((days) => ago(-86_400 * days)),
    last: { at: ago(40_000), run: { id: idOf('run', 412), number: 412, status: 'failed' }, missed: 2 },
  },
  {
    ...{
      id: idOf('sch', 2),
      name: 'weekly release',
      cron: '0 6 * * mon',
      zone: 'UTC',
      ref: 'refs/heads/release',
    },
    ...{ parameters: {}, paused: true, workflow: null, next: [], last: null },
  },
  {
    ...{ id: idOf('sch', 3), name: 'audit', cron: '0 4 * * 1', zone: 'UTC', ref: null },
    ...{ parameters: {}, paused: false, workflow: 'audit', next: [ago(-90_000)], last: null },
  },
]

const declared: DeclaredParameters['parameters'] = [
  {
    ...{ name: 'target', type: 'enum', default: 'staging', options: ['staging', 'live'] },
    description: 'Where the site is put when its tests have passed',
  },
  { name: 'copies', type: 'integer', default: 2, description: 'Servers that get it' },
  { name: 'dry_run', type: 'boolean', default: true },
  { name: 'greeting', type: 'string', default: 'Hello, \u202eworld' },
  { name: 'revision', type: 'string', default: null },
]

/** Of `web` the runs of main tell; of another branch nobody knows. */
export const parametersOf = (project: string, ref: string | null): DeclaredParameters => {
  const isKnown = project === 'web' && (ref === null || ref === 'main')
  const run = { id: idOf('run', 412), number: 412, commit: '9f3c2e1'.padEnd(40, '0'), created_at: ago(60) }
  return {
    ref: `refs/heads/${ref ?? 'main'}`,
    run: isKnown ? run : null,
    parameters: isKnown ? declared : null,
  }
}

/** Of run 412 the files are known, of others not. */
export const changesOf = (run: string): RunChangedFiles => {
  if (run !== idOf('run', 412)) return { changes: null }
  const files: ChangedFile[] = [
    { path: 'docs/prices.md', change: 'added' },
    { path: 'src/checkout/rounding.ts', change: 'changed' },
    { path: 'src/\u202ets.gnidnuor\u0007.png', change: 'changed' },
    { path: 'src/old/half-up.ts', change: 'removed' },
  ]
  return { changes: { base: '71ab03c'.padEnd(40, '4'), of: 'push', files, more: true } }
}
