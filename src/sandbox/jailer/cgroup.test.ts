// Where the controllers are, from the text of /proc, on the kinds of hosts there are.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findCgroups, type Unified } from './cgroup.ts'

const at = (root: string, controllers: readonly string[]): Unified => ({
  isRoot: (directory) => directory === root,
  controllersOf: () => controllers,
})

const hybrid = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
38 31 0:36 / /sys/fs/cgroup/pids rw,relatime shared:3 - cgroup cgroup rw,pids
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw`

test('a hybrid host has its controllers in v1, each at our own group', () => {
  const found = findCgroups(hybrid, '3:memory:/a/b\n2:pids:/\n1:cpu:/\n0::/', at('never', ['hugetlb']))
  assert.equal(found.kind, 'hybrid')
  assert.deepEqual(Object.fromEntries(found.directories), {
    memory: '/sys/fs/cgroup/memory/a/b',
    pids: '/sys/fs/cgroup/pids',
    cpu: '/sys/fs/cgroup/cpu',
  })
})

test('joined controllers share a directory', () => {
  const joined = '30 23 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct'
  const found = findCgroups(joined, '4:cpu,cpuacct:/x', at('never', []))
  assert.equal(found.kind, 'v1')
  assert.equal(found.directories.get('cpu'), '/sys/fs/cgroup/cpu,cpuacct/x')
  assert.equal(found.directories.get('cpuacct'), '/sys/fs/cgroup/cpu,cpuacct/x')
})

const v2 = '30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate'

test('a v2 host has ours at the root of its hierarchy, whatever group we were started in', () => {
  const found = findCgroups(
    v2,
    '0::/system.slice/mayfly.service',
    at('/sys/fs/cgroup', ['cpu', 'memory', 'pids']),
  )
  assert.equal(found.kind, 'v2')
  assert.equal(found.directories.get('memory'), '/sys/fs/cgroup')
})

test('where the root of the v2 hierarchy is not ours, they lie in our own group', () => {
  const found = findCgroups(v2, '0::/a/b', {
    isRoot: () => false,
    controllersOf: (directory) => (directory === '/sys/fs/cgroup/a/b' ? ['memory'] : []),
  })
  assert.deepEqual([...found.directories], [['memory', '/sys/fs/cgroup/a/b']])
})

test('inside a container the mount shows a part of the hierarchy', () => {
  const part = '30 23 0:32 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory'
  const found = findCgroups(part, '3:memory:/docker/abc/job', at('never', []))
  assert.equal(found.directories.get('memory'), '/sys/fs/cgroup/memory/job')
})

test('no cgroups is an answer, not an error', () => {
  assert.deepEqual(findCgroups('', '', at('never', [])), { kind: 'none', directories: new Map() })
})
