import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AttemptId, OrganisationId, ProjectId, RunId } from '../../base/ids.ts'
import { scopeOfOrganisation } from '../access/actor.ts'
import { tellWith } from '../db/tell.ts'
import type { RunChanges } from '../use-cases.ts'
import { createJustBegun } from './just-begun.ts'

const [organisation, other] = [
  'org_00000000000000000000000001',
  'org_00000000000000000000000002',
] as OrganisationId[]
const [project, elsewhere] = [
  'prj_00000000000000000000000001',
  'prj_00000000000000000000000002',
] as ProjectId[]
const [run, another] = ['run_00000000000000000000000001', 'run_00000000000000000000000002'] as RunId[]
const scopeOf = (projects: readonly (ProjectId | undefined)[] | null, of = organisation) =>
  scopeOfOrganisation(of!, projects === null ? null : projects.map((one) => one!))
// SAFE: of a run nothing else is looked at here.
const changes = {
  rev: 1,
  run: { id: run, project: { id: project, name: 'web' } },
  jobs: [],
} as unknown as RunChanges

const open = (isAlone = true) => {
  const heard: { readonly channel: string; readonly handler: (payload: string | null) => void }[] = []
  const db = {}
  tellWith(db, { tell: () => undefined, mayOthersListen: () => !isAlone })
  // SAFE: only told by, and asked whether it is alone.
  const database = {
    db,
    listen: (channel: string, handler: (payload: string | null) => void) => {
      heard.push({ channel, handler })
      return () => undefined
    },
  }
  const begun = createJustBegun(database as unknown as Parameters<typeof createJustBegun>[0])
  const say = (payload: string | null, on = 'mayfly_run') => {
    for (const { channel, handler } of heard) if (channel === on || payload === null) handler(payload)
  }
  return { begun, heard, say }
}
const notice = (of: RunId | undefined, rev = 2) => [organisation, project, of, rev].join(' ')

test('who follows a run from its beginning is told what began, until there is news about it', () => {
  const { begun, say, heard } = open()
  begun.expect(run!)(scopeOf(null), changes)
  assert.equal(begun.changesSince(scopeOf(null), run!, -1), changes)
  assert.equal(begun.changesSince(scopeOf(null), run!, 1), null, 'it has seen that')
  assert.equal(begun.changesSince(scopeOf(null), another!, -1), null)
  say(notice(another))
  assert.equal(begun.changesSince(scopeOf(null), run!, 0), changes)
  say(notice(run))
  assert.equal(begun.changesSince(scopeOf(null), run!, 0), null)
  assert.equal(heard.length, 2)
})

test('news that come before it is told, and lost notices, send everybody to the tables', () => {
  const { begun, say } = open()
  const tell = begun.expect(run!)
  say(notice(run))
  tell(scopeOf(null), changes)
  assert.equal(begun.changesSince(scopeOf(null), run!, -1), null)
  begun.expect(run!)(scopeOf(null), changes)
  say(null)
  assert.equal(begun.changesSince(scopeOf(null), run!, -1), null)
})

test('nobody is told of a run outside of their scope', () => {
  const { begun } = open()
  begun.expect(run!)(scopeOf([project]), changes)
  for (const scope of [scopeOf(null), scopeOf([elsewhere, project])])
    assert.equal(begun.changesSince(scope, run!, -1), changes)
  for (const scope of [scopeOf([elsewhere]), scopeOf([]), scopeOf(null, other), scopeOf([project], other)])
    assert.equal(begun.changesSince(scope, run!, -1), null)
})

test('of a log that has no frame yet it is known whose it is, until there is news of log or run', () => {
  const attempt = 'att_00000000000000000000000001' as AttemptId
  // SAFE: as above.
  const withJob = { ...changes, jobs: [{ attempts: [{ id: attempt }] }] } as unknown as RunChanges
  const owner = { run, project }
  for (const [news, channel] of [
    [attempt, 'mayfly_log'],
    [notice(run), 'mayfly_run'],
    [null, 'mayfly_run'],
  ] as const) {
    const { begun, say } = open()
    begun.expect(run!)(scopeOf(null), withJob)
    assert.deepEqual(begun.ownerOf(scopeOf([project]), attempt), owner)
    assert.equal(begun.ownerOf(scopeOf([elsewhere]), attempt), null)
    assert.equal(begun.ownerOf(scopeOf(null, other), attempt), null)
    assert.equal(begun.ownerOf(scopeOf(null), 'att_other' as AttemptId), null)
    say('att_other', 'mayfly_log')
    assert.deepEqual(begun.ownerOf(scopeOf(null), attempt), owner)
    say(news, channel)
    assert.equal(begun.ownerOf(scopeOf(null), attempt), null)
  }
})

test('beside other servers, whose news come later, the tables are asked; and no more are kept than a few', () => {
  const beside = open(false)
  beside.begun.expect(run!)(scopeOf(null), changes)
  assert.equal(beside.begun.changesSince(scopeOf(null), run!, -1), null)
  const { begun } = open()
  begun.expect(run!)(scopeOf(null), changes)
  for (let i = 0; i < 1_000; i++) begun.expect(`run_${i}` as RunId)
  assert.equal(begun.changesSince(scopeOf(null), run!, -1), null)
})
