// Where jobs put what outlives them, who reads it there, and whose signature it takes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProjectId, RunId } from '../base/ids.ts'
import {
  cacheScopes,
  type Manifest,
  mayRestore,
  runScope,
  type ScopeFacts,
  tierOfScope,
} from './stored-object.ts'

const trunk = 'refs/heads/main'
const facts = (changes: Partial<ScopeFacts> = {}): ScopeFacts => ({
  ...{ tier: 'branch', ref: trunk, event: 'push', default_ref: trunk },
  ...changes,
})
const check = (changes: Partial<ScopeFacts>, write: string, ...read: readonly string[]) =>
  assert.deepEqual(cacheScopes(facts(changes)), { write, read: [write, ...read] }, JSON.stringify(changes))

test('only a push to the default branch, or to a protected one, writes what others read', () => {
  const shared = `protected/${trunk}`
  check({}, shared)
  check({ tier: 'protected' }, shared)
  check({ tier: 'protected', ref: 'refs/heads/release' }, 'protected/refs/heads/release', shared)
  check({ ref: 'refs/heads/x' }, 'branch/refs/heads/x', shared)
  for (const event of ['manual', 'schedule', 'api', undefined]) check({ event }, `branch/${trunk}`, shared)
  check({ tier: 'fork' }, `fork/${trunk}`, shared)
  check({ tier: 'fork', ref: 'refs/pull/1/head' }, 'fork/refs/pull/1/head', shared)
  check({ default_ref: undefined }, `branch/${trunk}`)
  check({ default_ref: undefined, ref: undefined }, 'branch/')
})

test('a job takes back what its scopes hold of its project, and the workspace of its run', () => {
  const [project, run] = ['prj_a' as ProjectId, 'run_a' as RunId]
  const may = (manifest: Partial<Manifest>, changes: object = {}): boolean =>
    // SAFE: a manifest is more than what decides here.
    mayRestore({ ...facts(), project, run, ...changes }, {
      project,
      scope: runScope(run),
      ...manifest,
    } as Manifest)
  const shared = { scope: `protected/${trunk}` }
  for (const kind of ['cache', 'tests'] as const) {
    assert.ok(may({ kind, ...shared }))
    assert.ok(!may({ kind, ...shared, project: 'prj_b' as ProjectId }))
    assert.ok(!may({ kind, scope: 'branch/refs/heads/x' }))
    assert.ok(!may({ kind }), 'what is of a run is of no scope')
  }
  assert.ok(may({ kind: 'workspace' }))
  assert.ok(!may({ kind: 'workspace', scope: runScope('run_b' as RunId) }))
  assert.ok(!may({ kind: 'workspace', project: 'prj_b' as ProjectId }))
  assert.ok(!may({ kind: 'workspace', scope: runScope(undefined as never) }, { run: undefined }))
  assert.ok(!may({ kind: 'workspace', ...shared }))
  assert.ok(!may({ kind: 'artifacts' }), 'they are for people')
})

test('what others read takes the signature of a runner that is admitted there', () => {
  const tier = (kind: Manifest['kind'], scope: string) => tierOfScope({ kind, scope })
  for (const kind of ['cache', 'tests'] as const) {
    assert.equal(tier(kind, `protected/${trunk}`), 'protected')
    assert.equal(tier(kind, `branch/${trunk}`), 'branch')
    assert.equal(tier(kind, 'fork/refs/pull/1/head'), 'fork')
  }
  assert.equal(tier('workspace', `protected/${trunk}`), 'branch')
  assert.equal(tier('artifacts', 'fork/x'), 'branch')
})
