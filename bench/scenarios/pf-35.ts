// PF-35, lists: 50 rows of runs, deliveries and jobs of a run as a client gets them, p95, with many runs stored; the baseline
// is one indexed query for 50 rows, asked of the same database directly.
import { join } from 'node:path'
import { findLayout } from '../../src/supervisor/index.ts'
import { type State as Asking, openState } from '../../test/support/installation-state.ts'
import type { BenchProject } from '../add-project.ts'
import type { Client } from '../client.ts'
import { startClock } from '../clock.ts'
import type { Scenario } from '../scenario.ts'
import { slots } from '../slots.ts'

type State = { readonly client: Client; readonly asking: Asking; readonly project: BenchProject }

const stored = 10_000
const rows = 50
/** A credential may ask 600 times a minute. */
const asks = 15

const p95Of = async (ask: () => Promise<unknown>): Promise<number> => {
  const times: number[] = []
  for (let i = 0; i < asks; i++) {
    const elapsed = startClock()
    await ask()
    times.push(elapsed())
  }
  return times.toSorted((a, b) => a - b)[Math.ceil(asks * 0.95) - 1] ?? Number.NaN
}

const idOf = (kind: string) => `'${kind}_' || lpad(to_hex(n), 26, '0')`

/** Up to `count` runs of the project with a delivery and a passed job each, as old as nothing else is. */
const storeRuns = async ({ asking, project }: State, count: number): Promise<void> => {
  const have =
    (
      await asking.ask<{ n: number }>(`select count(*)::int as n from runs where id like 'run\\_0000000000%'`)
    )[0]?.n ?? 0
  if (have >= count) return
  const from = `from generate_series(${have + 1}, ${count}) n, projects p where p.name = '${project.name}'`
  const commit = `md5(n::text) || repeat('c', 8)`
  await asking.ask(`
    insert into deliveries (id, organisation_id, project_id, verdict, reason) select ${idOf('dlv')}, p.organisation_id, p.id, 'no_run', 'stored by the bench' ${from} returning 1`)
  await asking.ask(`
    insert into runs (id, organisation_id, project_id, number, status, event_kind, ref, commit, branch, started_by, started_at, finished_at)
    select ${idOf('run')}, p.organisation_id, p.id, 1000000 + n, 'passed', 'push', 'refs/heads/main', ${commit}, 'main', 'hook', now(), now() ${from} returning 1`)
  await asking.ask('analyze runs')
}

const pageOf = (path: string): string => `/api/v1/${path}${path.includes('?') ? '&' : '?'}limit=${rows}`

const list = (path: string): Scenario<State> => ({
  ...{ id: 'PF-35', variant: path, unit: 'ms', better: 'lower', goal: { value: 15 }, gate: { value: 30 } },
  title: `${rows} rows of a list through the API, p95 of ${asks}, ${stored} runs stored; baseline one indexed query`,
  growth: {
    ...{ of: 'stored runs', sizes: [10_000, 100_000, 300_000], exponentMax: 0.1 },
    at: async (state, size) => {
      await storeRuns(state, size)
      return p95Of(() => state.client.get(pageOf(path)))
    },
  },
  setUp: async ({ installation, directory }) => {
    const under = await installation()
    const { client } = await under.up(slots)
    const data = join(directory, 'data')
    const { run } = findLayout({ data, isRoot: true, uid: 0, environment: {} })
    const state = { client, asking: openState({ data, run }), project: await under.project('jobs-1', 'path') }
    await storeRuns(state, stored)
    return state
  },
  baseline: ({ asking }) => p95Of(() => asking.ask(`select * from runs order by id desc limit ${rows}`)),
  subject: ({ client }) => p95Of(() => client.get(pageOf(path))),
  tearDown: ({ asking }) => asking.close(),
})

/** Filters that find all, next to none, and none of what is stored. */
const filtered = [
  'runs?branch=main',
  'runs?author=nobody',
  'runs?event=schedule',
  'runs?since=7d',
  'runs?class=none',
  // As the first that is stored begins.
  'runs?commit=c4ca4238',
]

export const scenarios = [list('runs'), list('deliveries'), ...filtered.map(list)]
