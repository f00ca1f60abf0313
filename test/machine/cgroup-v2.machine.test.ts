// The namespace driver on a Debian as it comes: systemd, control groups of the second version, Debian's own kernel. The
// machine that runs the suites may have others, so this one is made for the purpose.
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { repository } from '../support/installation.ts'
import { type Machine, makeMachine } from '../support/virtual-machine.ts'

const skip = process.arch === 'x64' ? false : `the virtual machine is an x86-64, this one is ${process.arch}`
let directory = ''
let machine: Machine

before(async () => {
  if (skip) return
  directory = await mkdtemp(join(tmpdir(), 'mayfly-machine-'))
  machine = makeMachine(directory, ['bubblewrap', 'iproute2', 'git'])
  cpSync(process.execPath, join(machine.root, 'usr/local/bin/node'))
  for (const name of ['src', 'test', 'package.json'])
    cpSync(join(repository, name), join(machine.root, 'srv/mayfly', name), { recursive: true })
})
after(() => rm(directory, { recursive: true, force: true }))

const files = [
  'src/sandbox/jailer/cgroup.kernel.test.ts',
  'src/sandbox/drivers/namespace/namespace.kernel.test.ts',
  'src/sandbox/drivers/namespace/delegated.kernel.test.ts',
]

test('the driver keeps its contract under systemd and cgroup v2, and leaves no group', { skip }, async () => {
  const output = await machine.boot(
    [
      'echo "hierarchy: $(stat -fc %T /sys/fs/cgroup), own group: $(cat /proc/self/cgroup)"',
      'modprobe veth; cd /srv/mayfly; export HOME=/root NO_COLOR=1',
      // Another process of the same unit: what the rule about inner processes is about.
      'sleep 900 &',
      `node --test --test-concurrency=1 --test-reporter=spec --test-timeout=600000 ${files.join(' ')}`,
      'echo "ended with $?"',
      'echo "left over: $(ls -d /sys/fs/cgroup/mayfly-* 2>/dev/null | wc -l)"',
    ].join('\n'),
    1_140_000,
  )
  assert.match(output, /hierarchy: cgroup2fs, own group: 0::\/system\.slice\//, output)
  assert.match(output, /ended with 0\r?\n/, output)
  assert.match(output, /left over: 0\r?\n/, output)
  console.log(/tests \d+/.exec(output)?.[0], 'in the machine,', /pass \d+/.exec(output)?.[0])
})
