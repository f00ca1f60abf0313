import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { needsRoot } from '../../../test/support/jailer.ts'
import { openProcessGroups } from './process-groups.ts'

/** Says the number of the first process of a new process namespace, and never buries it. 272, 0x20000000: unshare, its pid. */
const careless =
  'syscall(272, 0x20000000) == 0 or die; $| = 1; my $pid = fork or exec "sleep", 60; print "$pid\\n"; <STDIN>'

test('a namespace whose first process has ended is empty, also before anybody buries it', {
  skip: process.arch === 'x64' ? needsRoot : 'the number of unshare is that of x64',
  timeout: 30_000,
}, async () => {
  const parent = spawn('perl', ['-e', careless], { stdio: ['pipe', 'pipe', 'inherit'] })
  try {
    const [said] = (await once(parent.stdout, 'data')) as [Buffer]
    const first = Number(said.toString())
    const group = openProcessGroups().create('careless')
    group.joined(first)
    assert.deepEqual(group.processes(), [parent.pid, first])
    await group.kill()
    while (!readFileSync(`/proc/${first}/stat`, 'latin1').includes(') Z ')) await sleep(1)
    assert.ok(group.isEmpty())
    assert.deepEqual(group.processes(), [])
  } finally {
    parent.stdin.end()
    await once(parent, 'exit')
  }
})
