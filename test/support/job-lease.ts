// Job leases for tests of the runner without a server: a grant for one script, and what carries it out on a driver.
import { formatId, type IdKind, uuid7 } from '../../src/base/ids.ts'
import { silentLog } from '../../src/base/log.ts'
import type { JobEgress } from '../../src/protocol/egress.ts'
import type { JobSpec, Plan } from '../../src/protocol/plan.ts'
import type { JobLease, LeaseGrant } from '../../src/protocol/runner-wire.ts'
import { createCarryOut } from '../../src/runner/carry-out.ts'
import { createFetchers, type Fetchers } from '../../src/runner/checkout/fetch.ts'
import { createPackStore } from '../../src/runner/checkout/pack-store.ts'
import { createSourceReaders } from '../../src/runner/checkout/source-readers.ts'
import { createCompilers } from '../../src/runner/compile-cell.ts'
import { createKnownPlans, type KnownPlans } from '../../src/runner/evidence/known-plans.ts'
import { classes, type Driver } from '../../src/sandbox/index.ts'
import type { CryptoKey } from '../../src/seal/index.ts'
import { systemClock } from '../../src/sys/index.ts'

const id = <K extends IdKind>(kind: K) => formatId(kind, uuid7(1, new Uint8Array(10)))

export const jobGrant = (
  command: string,
  { egress = { mode: 'none', allow: [] }, name = 'ask' }: { egress?: JobEgress; name?: string } = {},
): LeaseGrant => {
  const spec: JobSpec = {
    ...{ v: 1, dialect: 'circleci', image: { kind: 'host', ref: null }, services: [], resourceClass: null },
    ...{ workdir: '~', env: [], contexts: [], egress, timeoutMs: 60_000 },
    steps: [
      {
        ...{ kind: 'run', name, when: 'on_success', command, shell: null, env: [], background: false },
        ...{ workdir: null, noOutputTimeoutMs: 60_000, maxAutoReruns: 0, autoRerunDelayMs: 0 },
      },
    ],
  }
  const event = { kind: 'push', ref: 'refs/heads/main', commit: 'a'.repeat(40), branch: 'main', tag: null }
  const lease: JobLease = {
    kind: 'job',
    organisation: { id: id('organisation'), name: 'acme' },
    project: { id: id('project'), name: 'app', defaultBranch: 'main' },
    source: { kind: 'local', root: 0, path: 'app.git' },
    serverUrl: 'http://localhost',
    run: { id: id('run'), number: 1, event: { ...event, kind: 'push' } },
    number: 1,
    workflow: { id: id('workflow'), name: 'w' },
    job: { id: id('job'), key: 'a', name: 'a', number: 1 },
    shard: { index: 0, total: 1 },
    ...{ spec, class: 'small', egress, planDigest: '', specDigest: '' },
  }
  return {
    ...{ lease: id('lease'), attempt: id('attempt'), ttlMs: 60_000, ticket: '', eph: null, sealed: null },
    spec: lease,
  }
}

/** A repository in which this job is what its commit says. */
const repositoryOf = ({ run, workflow, job, shard, spec }: JobLease) => {
  const planned = { key: job.key, name: job.name, kind: 'job', needs: [], shards: shard.total, spec } as const
  const plan: Plan = {
    ...{ v: 1, dialect: spec.dialect, source: [], inputs: { event: run.event, parameters: {} } },
    workflows: [{ name: workflow.name, jobs: [planned] }],
  }
  const standing: Fetchers['standing'] = async ({ commit }) => ({
    ...{ ok: true, standing: { tip: commit, isTip: true }, end: async () => undefined },
  })
  return { standing, knownPlans: { keep: () => undefined, find: () => plan } satisfies KnownPlans }
}

/** What carries leases out on `driver`; `close` when they are over. `proves`: the job that is taken for proven. */
export const openCarryOut = (
  driver: Driver,
  {
    vaultSignKey,
    egressRanges = [],
    proves,
  }: { vaultSignKey: CryptoKey; egressRanges?: readonly string[]; proves?: JobLease },
) => {
  const proven = proves && repositoryOf(proves)
  const packs = createPackStore({ clock: systemClock })
  const { limits } = classes.small
  const compilers = createCompilers({ driver, log: silentLog, limits, tool: 'none' })
  const sources = { driver, log: silentLog, limits, privateRanges: [], agentDirectory: '/nonexistent' }
  const readers = createSourceReaders(sources)
  const onStuck = (error: unknown) => {
    throw error
  }
  const real = createFetchers({ ...sources, clock: systemClock, keepMs: 0, onStuck })
  const fetchers = { ...real, ...(proven && { standing: proven.standing }) }
  const knownPlans = proven?.knownPlans ?? createKnownPlans()
  const carryOut = createCarryOut({
    ...{ ...sources, packs, clock: systemClock, compilers, readers, fetchers, knownPlans },
    ...{ vaultSignKey, egressRanges },
  })
  return { carryOut, close: () => packs.close() }
}
