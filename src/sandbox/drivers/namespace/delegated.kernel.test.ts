// Without root, but in a control group that was delegated to the user: what root's jobs are limited in holds for his, is
// measured and stands on the receipt. Run by root this file makes such a user and group and starts itself again in it.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeDelegatedGroup } from '../../../../test/support/delegated-group.ts'
import { type StartedJailer, startJailer } from '../../../../test/support/jailer.ts'
import { makeOrdinaryUser } from '../../../../test/support/ordinary-user.ts'
import { silentLog } from '../../../base/log.ts'
import { findNoUserNamespaces, systemClock } from '../../../sys/index.ts'
import type { Driver, Sandbox } from '../../driver.ts'
import { createMeasure } from '../../probes/measure.ts'
import { contractSpec, contractStep, runIn } from '../../steps.contract.ts'
import { openNamespaceDriver } from './index.ts'

const self = import.meta.filename
const forbidden = findNoUserNamespaces(false)
const skip = forbidden === null ? false : forbidden.why
const mayDelegate = 'MAYFLY_TEST_DELEGATED'

function asGivenUser(): void {
  test('limits hold for a user who was given a control group, and nothing of it is left', {
    skip,
    timeout: 400_000,
  }, (t) => {
    const user = makeOrdinaryUser()
    try {
      if (!user.canLoad(self)) return t.skip('this clone is closed to other users')
      const group = makeDelegatedGroup(user)
      const [file = '', ...args] = group.command(user.command([process.execPath, self]))
      const env = { ...user.env, [mayDelegate]: '1' }
      const ran = spawnSync(file, args, {
        cwd: user.home,
        env,
        encoding: 'utf8',
        timeout: 380_000,
        killSignal: 'SIGKILL',
      })
      assert.equal(ran.status, 0, `${ran.stdout}${ran.stderr}`.slice(-20_000))
      assert.match(ran.stdout, /(ℹ|#) pass [1-9]/)
      assert.match(ran.stdout, /(ℹ|#) skipped 0/)
      t.diagnostic(`as ${user.name}, groups ${group.version}`)
      // The kernel takes groups apart when their last process is buried, which has happened: this throws else.
      group.remove()
    } finally {
      user.remove()
    }
  })
}

const MiB = 1024 * 1024
const limits = {
  ...contractSpec.limits,
  memory: 96 * MiB,
  ramdisk: 32 * MiB,
  shm: 4 * MiB,
  pids: 64,
  cpu: 0.5,
}
/** Of the job, in a cell of its own. */
const residents = 40
const soon = () => AbortSignal.timeout(60_000)

function limitsHold(): void {
  describe('in a delegated group', { timeout: 220_000 }, () => {
    let jailer: StartedJailer
    let driver: Driver
    let sandbox: Sandbox
    before(async () => {
      jailer = await startJailer()
      driver = openNamespaceDriver({
        ...{ channel: jailer.channel, clock: systemClock, log: silentLog, rootless: true },
      })
    })
    after(async () => {
      await driver.close()
      await jailer.stop()
    })
    const perl = (text: string) =>
      runIn(sandbox, contractStep(text, { script: { interpreter: ['perl'], text } }))

    test('it is said which limits hold, and nothing is called unlimited', async () => {
      assert.ok(!driver.can.limits.includes('memory'), 'not before the machine was looked at')
      const probe = await driver.probe(soon())
      assert.ok(probe.ok && !probe.facts.root)
      assert.deepEqual(
        ['memory', 'pids', 'cpu'].filter((name) => !probe.facts.controllers.includes(name)),
        [],
      )
      assert.ok(driver.can.limits.includes('memory') && driver.can.limits.includes('cpu'))
      assert.doesNotMatch(probe.notes.join('\n'), /neither limited nor measured/)
      assert.match(probe.notes.join('\n'), /jobs are the user who started this/)
      sandbox = await driver.open({ ...contractSpec, limits }, soon())
    })
    test('memory ends the step as out of memory, and the sandbox goes on', async () => {
      const { result } = await perl('my @all; push @all, "x" x 8_000_000 while 1')
      assert.ok(result.kind === 'signal' && result.oom, JSON.stringify(result))
      assert.ok(result.usage.peakMemory <= limits.memory + limits.ramdisk + limits.shm)
      assert.equal((await runIn(sandbox, contractStep('echo alive'))).out, 'alive\n')
    })
    test('processes of all cells of a job are limited together', async () => {
      const stay = `for i in $(seq ${residents}); do sleep 60 >/dev/null 2>&1 </dev/null & done; echo begun`
      assert.equal((await runIn(sandbox, contractStep(stay))).out, 'begun\n')
      const text =
        'my @kids; while (defined(my $pid = fork)) { if (!$pid) { sleep 60; exit } push @kids, $pid } kill 9, @kids; print scalar @kids'
      const script = { interpreter: ['perl'], text } as const
      const { out } = await runIn(sandbox, contractStep(text, { script, cell: 'clean' }))
      assert.ok(Number(out) > 0 && Number(out) < limits.pids - residents, out)
    })
    test('the kernel was told what the class says, and counts the time of the processor', async () => {
      // Groups of other tests vanish while it walks: an error to find and none to us.
      const found = spawnSync('find', ['/sys/fs/cgroup', '-type', 'd', '-name', sandbox.id], {
        encoding: 'utf8',
        timeout: 20_000,
      })
      const groups = found.stdout.trim().split('\n')
      const read = (...names: readonly string[]): string | undefined =>
        groups
          .flatMap((group) => names.map((name) => join(group, name)))
          .filter(existsSync)
          .map((path) => readFileSync(path, 'utf8').trim())[0]
      const total = limits.memory + limits.ramdisk + limits.shm
      assert.equal(read('memory.max', 'memory.limit_in_bytes'), String(total))
      assert.equal(read('pids.max'), String(limits.pids))
      assert.match(read('cpu.max', 'cpu.cfs_quota_us') ?? '', /^50000( 100000)?$/)
      assert.ok((await sandbox.usage()).cpuSeconds > 0)
    })
    test('the receipt has what was measured, and that the groups are gone', async () => {
      const receipt = await sandbox.close('done')
      assert.equal(receipt.engine.class, 'rootless')
      assert.match(receipt.engine.limits ?? '', /^delegated control groups/)
      assert.ok(receipt.usage.peakMemory > 0 && receipt.usage.oomKills > 0 && receipt.usage.cpuSeconds > 0)
      assert.deepEqual(
        receipt.gone.map(({ check, ok }) => `${check} ${ok}`),
        [
          ...['control groups are gone true', 'no process in its namespaces true'],
          ...['no mount names it true', 'mount point is gone true'],
        ],
      )
    })
  })
}

function isAContainer(): void {
  test('all a container claims is claimed as far as swap lets it, and held', {
    timeout: 150_000,
  }, async () => {
    const jailer = await startJailer()
    const driver = openNamespaceDriver({
      ...{ channel: jailer.channel, clock: systemClock, log: silentLog, rootless: true },
    })
    try {
      await driver.probe(soon())
      const spec = { ...contractSpec, egress: { mode: 'list', allow: [], privateRanges: [] } } as const
      const host = { stateDirectories: [homedir()], sockets: [] }
      const measure = createMeasure({ clock: systemClock, host, spec })
      const { tier, stops } = await measure(driver, AbortSignal.timeout(120_000))
      assert.ok(stops.includes('T-16'))
      const isSwapOff = readFileSync('/proc/swaps', 'utf8').trim().split('\n').length === 1
      assert.equal(tier, isSwapOff ? 'container' : 'none')
    } finally {
      await driver.close()
      await jailer.stop()
    }
  })
}

if (process.env[mayDelegate] === undefined) asGivenUser()
else {
  limitsHold()
  isAContainer()
}
