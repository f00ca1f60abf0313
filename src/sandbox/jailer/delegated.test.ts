// Which control groups a jailer without root may use, by what lies in their directories.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { CgroupLayout } from './cgroup.ts'
import { findDelegated } from './delegated.ts'

const directory = mkdtempSync(join(tmpdir(), 'mayfly-delegated-'))
after(() => rmSync(directory, { recursive: true }))
let groups = 0

const makeGroup = (files: Readonly<Record<string, string>>): string => {
  const at = join(directory, String(++groups))
  mkdirSync(at)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(at, name), text)
  return at
}
const layout = (kind: CgroupLayout['kind'], at: string, ...controllers: readonly string[]): CgroupLayout => ({
  kind,
  directories: new Map(controllers.map((name) => [name, at])),
})
const all = ['memory', 'pids', 'cpu', 'io'] as const
const own = `${process.pid}\n`
const files = { 'cgroup.procs': own, 'cgroup.subtree_control': '' }

test('a group of version 2 that holds nobody else is used', () => {
  const given = layout('v2', makeGroup(files), ...all)
  assert.deepEqual(findDelegated(given, process.pid), given)
  assert.deepEqual(findDelegated(given, process.ppid), given, 'what its starter started is his')
})

test('one that somebody else is in is not: his processes would be moved', () => {
  for (const stranger of ['1', '0']) {
    const at = makeGroup({ ...files, 'cgroup.procs': `${own}${stranger}\n` })
    assert.equal(findDelegated(layout('v2', at, ...all), process.pid), null)
  }
  assert.equal(
    findDelegated(
      layout('v2', makeGroup({ ...files, 'cgroup.procs': `${process.ppid}\n` }), ...all),
      process.pid,
    ),
    null,
  )
})

test('a process that is gone is nobody', () => {
  const at = makeGroup({ ...files, 'cgroup.procs': `${own}${2 ** 22 + 1}\n` })
  assert.notEqual(findDelegated(layout('v2', at, ...all), process.pid), null)
})

test('a group without a controller that limits need is not used, nor one whose files are not ours', () => {
  for (const lacking of ['memory', 'pids', 'cpu']) {
    const rest = all.filter((name) => name !== lacking)
    assert.equal(findDelegated(layout('v2', makeGroup(files), ...rest), process.pid), null, lacking)
  }
  assert.equal(findDelegated(layout('v2', makeGroup({ 'cgroup.procs': own }), ...all), process.pid), null)
})

test('of version 1 only the hierarchies that are ours are used, whoever shares the group', () => {
  const at = makeGroup({ 'cgroup.procs': '1\n' })
  const given = layout('hybrid', at, 'memory', 'pids', 'cpu')
  const foreign = new Map([...given.directories, ['devices', join(directory, 'nowhere')] as const])
  assert.deepEqual(findDelegated({ ...given, directories: foreign }, process.pid), given)
})
