// Runners of the double, and how its installation is.
import type { Runner, SystemStatus } from '../../../../src/protocol/api/shapes.ts'
import { ago, idOf } from './ids.ts'

export const runners: readonly Runner[] = [
  {
    id: idOf('rnr', 1),
    name: 'brook',
    status: 'online',
    last_seen_at: ago(2),
    running: 1,
    facts: {
      version: '0.1.0',
      driver: 'namespace',
      tier: 'container',
      stops: [],
      images: 'any',
      egress: ['none', 'list', 'open'],
      slots: 4,
      classes: ['tiny', 'small', 'medium'],
      weak: ['Swap is on: pages of a job could reach the disk.'],
    },
  },
  {
    id: idOf('rnr', 2),
    name: 'creek',
    status: 'offline',
    last_seen_at: ago(90_000),
    running: 0,
    facts: null,
  },
  {
    id: idOf('rnr', 3),
    name: 'delta',
    status: 'suspended',
    last_seen_at: ago(400_000),
    running: 0,
    facts: {
      version: '0.1.0',
      driver: 'gvisor',
      tier: 'sandboxed-kernel',
      images: 'host-only',
      egress: ['list'],
      slots: 2,
      classes: ['small'],
      weak: [],
    },
  },
]

const process = (name: string, pid: number, more: Partial<SystemStatus['processes'][number]> = {}) => ({
  ...({ name, pid, status: 'ok', since: ago(3 * 86_400), restarts: 0, memory_bytes: 61_000_000 } as const),
  ...{ detail: 'runs for 3 days', ...more },
})
/** What somebody is told who is not signed in, while the database is away. */
export const strangersStatus: SystemStatus = {
  ...{ version: '0.1.0', healthy: false, processes: [], disks: [], queue: null, backup: null },
  components: [{ name: 'database', status: 'down', detail: '', mend: null }],
}
export const systemStatus: SystemStatus = {
  version: '0.1.0',
  healthy: true,
  components: [
    { name: 'database', status: 'ok', detail: 'PostgreSQL 15, 4 ms', mend: null },
    { name: 'vault', status: 'ok', detail: 'open, key of this machine', mend: null },
    { name: 'runners', status: 'ok', detail: '1 of 3 online', mend: null },
    { name: 'disk', status: 'ok', detail: '212.4 GiB of 465.1 GiB free at /var/lib/mayfly', mend: null },
    {
      ...{
        name: 'clock',
        status: 'weak',
        mend: 'timedatectl set-ntp true, or the time service of this machine',
      },
      detail:
        'jumped 1 h forward, to 2026-11-21T09:00:00.000Z; leases and time limits of jobs go on by uptime',
    },
    { name: 'backup', status: 'weak', detail: 'there is none', mend: 'mayfly backup create --to DIRECTORY' },
  ],
  processes: [
    process('supervisor', 812),
    process('database', 830, { memory_bytes: 48_000_000 }),
    process('vault', 1407, { status: 'weak', restarts: 2, since: ago(240) }),
    process('server', 846),
    process('jailer', 851),
  ],
  disks: [{ path: '/var/lib/mayfly', free_bytes: 228_000_000_000, total_bytes: 499_000_000_000 }],
  queue: { queued: 2, running: 1, oldest_queued_ms: 41_000 },
  backup: null,
}
