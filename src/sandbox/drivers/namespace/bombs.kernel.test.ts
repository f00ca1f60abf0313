// Bombs (isolation.md §14): what a job can exhaust is its own. After each the same sandbox still runs a step.
import assert from 'node:assert/strict'
import { Readable, Writable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { needsRoot, type StartedJailer, startJailer } from '../../../../test/support/jailer.ts'
import { isFault } from '../../../base/faults.ts'
import { silentLog } from '../../../base/log.ts'
import { systemClock } from '../../../sys/index.ts'
import type { Driver, Sandbox } from '../../driver.ts'
import { contractSpec, contractStep, type Ran, runIn } from '../../steps.contract.ts'
import { openNamespaceDriver } from './index.ts'

const MiB = 1024 * 1024
const limits = {
  ...contractSpec.limits,
  ...{
    memory: 128 * MiB,
    ramdisk: 64 * MiB,
    shm: 8 * MiB,
    pids: 64,
    inodes: 5_000,
    fds: 256,
    logBytes: 32 * MiB,
  },
}

describe('bombs', { skip: needsRoot, timeout: 120_000 }, () => {
  let jailer: StartedJailer
  let driver: Driver
  let sandbox: Sandbox
  before(async () => {
    jailer = await startJailer()
    driver = openNamespaceDriver({ channel: jailer.channel, clock: systemClock, log: silentLog })
    sandbox = await driver.open({ ...contractSpec, limits }, AbortSignal.timeout(20_000))
  })
  after(async () => {
    const receipt = await sandbox.close('done')
    assert.ok(receipt.gone.every((entry) => entry.ok))
    await driver.close()
    await jailer.stop()
  })

  const perl = (text: string): Promise<Ran> =>
    runIn(sandbox, contractStep(text, { script: { interpreter: ['perl'], text } }))
  const bomb = (title: string, run: () => Promise<void>) =>
    test(title, async () => {
      await run()
      const { out } = await runIn(sandbox, contractStep('echo alive'))
      assert.equal(out, 'alive\n')
    })

  bomb('forks stop at the limit of processes', async () => {
    const { out } = await perl(
      'my @kids; while (defined(my $pid = fork)) { if (!$pid) { sleep 60; exit } push @kids, $pid } kill 9, @kids; print scalar @kids',
    )
    assert.ok(Number(out) > 40 && Number(out) < limits.pids, out)
  })

  bomb('memory ends the step as out of memory', async () => {
    const { result } = await perl('my @all; push @all, "x" x 8_000_000 while 1')
    assert.deepEqual(
      { kind: result.kind, oom: result.kind === 'signal' && result.oom },
      { kind: 'signal', oom: true },
    )
    assert.ok(result.usage.oomKills >= 1)
    assert.ok(result.usage.peakMemory <= limits.memory + limits.ramdisk + limits.shm)
  })

  bomb('the ramdisk is full before memory is, and empties again', async () => {
    const { err, result } = await runIn(
      sandbox,
      contractStep('head -c 200000000 /dev/zero >/tmp/big || { stat -c %s /tmp/big; rm /tmp/big; exit 28; }'),
    )
    assert.match(err, /No space left/)
    assert.equal(result.kind === 'exit' && result.code, 28)
    const { out } = await runIn(
      sandbox,
      contractStep('head -c 40000000 /dev/zero >/tmp/x && rm /tmp/x && echo fits'),
    )
    assert.equal(out, 'fits\n')
  })

  bomb('every writable place is the ramdisk, /dev is not one, and /dev/shm has its own cap', async () => {
    const touch =
      'for d in / /etc /usr /opt /mnt /run /var /dev /sys /home /run/mayfly; do (: >$d/x) 2>/dev/null && echo $d; done'
    assert.equal((await runIn(sandbox, contractStep(`${touch}; true`))).out, '')
    const shm =
      'head -c 20000000 /dev/zero >/dev/shm/x 2>/dev/null || true; stat -c %s /dev/shm/x; rm /dev/shm/x'
    assert.equal((await runIn(sandbox, contractStep(shm))).out, `${limits.shm}\n`)
  })

  bomb('names run out before the host has fewer', async () => {
    const { out } = await perl(
      'mkdir "/tmp/n"; my $n = 0; while (open(my $f, ">", "/tmp/n/$n")) { $n++ } print $n; unlink map { "/tmp/n/$_" } 0 .. $n',
    )
    assert.ok(Number(out) > 3_000 && Number(out) < limits.inodes, out)
  })

  bomb('descriptors stop at the limit of the class', async () => {
    const { out } = await perl(
      'my @open; while (open(my $f, "<", "/dev/null")) { push @open, $f } print scalar @open',
    )
    assert.ok(Number(out) > 200 && Number(out) <= limits.fds, out)
  })

  bomb('a sysctl, a core or a raised limit is refused', async () => {
    const text =
      'ulimit -c unlimited && echo core; ulimit -n 100000 && echo fds; : >/proc/sys/kernel/core_pattern && echo pattern; ulimit -Hc; ulimit -n'
    const step = contractStep('', { script: { interpreter: ['/bin/bash'], text } })
    const { out } = await runIn(sandbox, step)
    assert.equal(out, `0\n${limits.fds}\n`)
  })

  bomb('an archive of links to outside stays inside', async () => {
    // A link out of the tree, then a file through it, as GNU tar would unpack them one after the other.
    const made = await runIn(
      sandbox,
      contractStep(
        'cd /tmp; ln -s /etc l; tar cf a.tar l; rm l; mkdir l; echo x >l/owned; tar rf a.tar l/owned; cat a.tar; rm -r a.tar l',
      ),
    )
    await assert.rejects(
      sandbox.copyIn(Readable.from([made.bytes]), '/tmp/t', AbortSignal.timeout(10_000)),
      (error) => isFault(error, 'E_EXEC_FAILED') && error.detail.includes('l/owned: Cannot open'),
    )
    sandbox.close('fault')
    sandbox = await driver.open({ ...contractSpec, limits }, AbortSignal.timeout(20_000))
  })

  bomb('a flood of output fills its budget, not our memory', async () => {
    let bytes = 0
    const slow = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        bytes += chunk.length
        setImmediate(done)
      },
    })
    const before = process.memoryUsage().rss
    const { result } = await runIn(sandbox, contractStep('yes "$(head -c 4000 /dev/zero | tr "\\0" x)"'), {
      stdout: slow,
    })
    assert.equal(result.kind, 'log-limit')
    assert.ok(bytes <= limits.logBytes)
    assert.ok(process.memoryUsage().rss - before < 64 * MiB)
    await sandbox.close('failed')
    sandbox = await driver.open({ ...contractSpec, limits }, AbortSignal.timeout(20_000))
  })
})
