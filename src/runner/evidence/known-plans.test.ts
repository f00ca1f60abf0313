// Which plan proves a job without compiling again: the one that the same inputs made, and no other.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Plan } from '../../protocol/plan.ts'
import { knownPlansMax } from '../limits.ts'
import { createKnownPlans, type Shaping } from './known-plans.ts'

const commit = 'c'.repeat(40)
const event = { kind: 'push', ref: 'refs/heads/main', commit, branch: 'main', tag: null } as const
const run = { id: 'run_1', number: 1, organisation: 'acme', project: 'app', defaultBranch: 'main', url: 'u' }
const shaping: Shaping = {
  project: 'prj_a',
  commit,
  event,
  parameters: { a: 1 },
  orbs: { 'a/b@1.0.0': 'x' },
  run,
}
const planOf = (more: Partial<Plan['inputs']> = {}): Plan => ({
  ...{ v: 1, dialect: 'circleci', source: [], workflows: [] },
  inputs: { event, parameters: {}, ...more },
})

test('everything that shapes a plan has to be the same', () => {
  const known = createKnownPlans()
  const plan = planOf()
  known.keep(shaping, plan)
  assert.equal(known.find({ ...shaping, parameters: { a: 1 } }), plan)
  // It did not ask for its run, so it serves others.
  assert.equal(known.find({ ...shaping, run: { ...run, id: 'run_2', number: 2 } }), plan)
  const others: readonly Partial<Shaping>[] = [
    { project: 'prj_b' },
    { commit: 'd'.repeat(40) },
    { event: { ...event, kind: 'manual' } },
    { event: { ...event, ref: 'refs/heads/b', branch: 'b' } },
    { parameters: { a: '1' } },
    { parameters: {} },
    { orbs: {} },
    { orbs: { 'a/b@1.0.0': 'y' } },
  ]
  for (const other of others) assert.equal(known.find({ ...shaping, ...other }), null, JSON.stringify(other))
})

test('a plan that asked for its run is of that run', () => {
  const known = createKnownPlans()
  const plan = planOf({ run: { ...run, commit: { subject: 's', author: 'a' } } })
  known.keep(shaping, plan)
  assert.equal(known.find(shaping), plan)
  assert.equal(known.find({ ...shaping, run: { ...run, number: 2 } }), null)
  assert.equal(known.find({ ...shaping, run: { ...run, change: { base: 'd'.repeat(40) } } }), null)
})

test('only the newest are remembered', () => {
  const known = createKnownPlans()
  const numbered = (n: number): Shaping => ({ ...shaping, parameters: { n } })
  for (let n = 0; n <= knownPlansMax; n++) known.keep(numbered(n), planOf())
  assert.equal(known.find(numbered(0)), null)
  assert.notEqual(known.find(numbered(1)), null)
})
