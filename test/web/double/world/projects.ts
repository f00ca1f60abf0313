// Projects of the double, and what their source hosts delivered.
import type { Delivery, Project } from '../../../../src/protocol/api/shapes.ts'
import { ago, idOf } from './ids.ts'

export const projects: readonly Project[] = ['web', 'api', 'mobile-app'].map((name, i) => ({
  id: idOf('prj', i + 1),
  name,
  source:
    name === 'mobile-app'
      ? { kind: 'local', url: '/srv/git/mobile-app.git' }
      : { kind: 'ssh', url: `git@git.example.com:acme/${name}.git` },
  default_branch: 'main',
  settings: { auto_cancel: name === 'web', untrusted_in_scripts: false, jobs_max: null, priority: 'normal' },
  deploy_key:
    name === 'mobile-app'
      ? null
      : {
          public_key:
            'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8Zk1o0lPq3yQm2cHq9v0Yb6xk0qKZQv5d1e2f3g4h5 mayfly acme/web',
          fingerprint: 'SHA256:3b0YxqkP8n2yq0m9f7eJm1t5y6uVb2aZc4d8e9f0g1h',
        },
  hook: { id: idOf('hok', i + 1), url: `http://localhost:8420/hooks/generic/${idOf('hok', i + 1)}` },
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

export const deliveries: readonly Delivery[] = [
  {
    id: idOf('dlv', 4),
    project_id: idOf('prj', 1),
    received_at: ago(95),
    ref: 'refs/heads/stream-export',
    old: null,
    new: null,
    verdict: 'run',
    reason: 'Started run 413.',
    run_id: idOf('run', 413),
  },
  {
    id: idOf('dlv', 3),
    project_id: idOf('prj', 1),
    received_at: ago(1_200),
    ref: 'refs/heads/docs',
    old: null,
    new: null,
    verdict: 'no_run',
    reason: 'The commit message says [skip ci].',
    run_id: null,
  },
  {
    id: idOf('dlv', 2),
    project_id: idOf('prj', 1),
    received_at: ago(1_900),
    ref: 'refs/heads/main',
    old: null,
    new: null,
    verdict: 'duplicate',
    reason: 'The same delivery came before.',
    run_id: null,
  },
  {
    id: idOf('dlv', 1),
    project_id: idOf('prj', 1),
    received_at: ago(2_600),
    ref: null,
    old: null,
    new: null,
    verdict: 'refused',
    reason: 'The signature is wrong: the hook has another secret.',
    run_id: null,
  },
]
