// The groups of an installation exist for as long as its jailer: an idle machine shows no trace of us.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { needsRoot, startJailer } from '../../../test/support/jailer.ts'
import { openGroups } from './cgroup.ts'
import { readHost } from './host.ts'

test('an ended jailer leaves no control group', { skip: needsRoot, timeout: 30_000 }, async () => {
  const host = readHost()
  assert.ok(host.ok)
  const jailer = await startJailer()
  const own = [...host.cgroups.directories.values()].map((directory) =>
    join(directory, `mayfly-${jailer.installation}`),
  )
  assert.ok(own.length > 0 && own.every(existsSync))
  await jailer.stop()
  assert.deepEqual(own.filter(existsSync), [])
})

test('a group may use the devices of a cell and no others, also beside one of an earlier life', {
  skip: needsRoot,
  timeout: 30_000,
}, async (t) => {
  const host = readHost()
  assert.ok(host.ok)
  if (!host.cgroups.directories.has('devices')) return t.skip('devices are no controller of this host')
  const name = `mayfly-test-${process.pid}`
  // As a release left it that said it of each group: its own is there, and the parent allows everything.
  const earlier = join(host.cgroups.directories.get('devices') ?? '', name)
  mkdirSync(join(earlier, 'earlier2'), { recursive: true })
  for (const life of ['aaaaaaaa', 'bbbbbbbb']) {
    const groups = openGroups(host.cgroups, name)
    const group = groups.create(life)
    const at = group.directories.find((directory) => directory.startsWith(earlier)) ?? assert.fail()
    const list = readFileSync(join(at, 'devices.list'), 'utf8')
    assert.match(list, /^c 1:3 rwm$/m)
    assert.doesNotMatch(list, /^a |\bb |^c (?!1:[35789] |5:[02] |136:\* )/m)
    assert.equal(await group.remove(), true)
    if (existsSync(join(earlier, 'earlier2'))) rmdirSync(join(earlier, 'earlier2'))
    else await groups.release()
  }
  assert.equal(existsSync(earlier), false)
})
