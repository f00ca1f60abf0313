// A project as the API shows it, for tests of what stands around the answer.
import type { Project } from '../../src/protocol/api/shapes.ts'

export const someProject: Project = {
  ...{ id: `prj_${'0'.repeat(26)}`, name: 'web', source: { kind: 'ssh', url: 'ssh://git@example.org/web' } },
  ...{
    default_branch: 'main',
    deploy_key: null,
    hook: { id: 'hok_1', url: '/hooks/generic/hok_1', refused_calls: null },
  },
  settings: {
    ...{ auto_cancel: false, untrusted_in_scripts: false, jobs_max: null, priority: 'normal' },
    ...{ approval_seconds: 7_776_000, poll_seconds: null },
    ...{ approval_people: 1, approval_not_self: false, approval_role: 'developer' as const },
  },
  ...{ host_keys: [], polling: null, created_at: '2026-01-01T00:00:00.000Z', last_run: null },
}
