// The rootless form (isolation.md §2.4) against the contract and the isolation suite. Run by root this file makes an OS
// user without any privilege and starts itself again as him; all that counts is in there, and what is tried to be read is his.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type StartedJailer, startJailer } from '../../../../test/support/jailer.ts'
import { makeOrdinaryUser } from '../../../../test/support/ordinary-user.ts'
import { silentLog } from '../../../base/log.ts'
import { openLocalSandboxes } from '../../../main/local-sandboxes.ts'
import { findNoUserNamespaces, systemClock } from '../../../sys/index.ts'
import { driverContract } from '../../driver.contract.ts'
import type { Driver, EgressMode } from '../../driver.ts'
import { createMeasure } from '../../probes/measure.ts'
import { contractSpec, contractStep, gather, runIn } from '../../steps.contract.ts'
import { openNamespaceDriver } from './index.ts'

const self = import.meta.filename
const forbidden = findNoUserNamespaces(false)
const skip = forbidden === null ? false : forbidden.why

function asOrdinaryUser(): void {
  test('the suites hold for a user without any privilege', { skip, timeout: 240_000 }, async (t) => {
    const user = makeOrdinaryUser()
    try {
      if (!user.canLoad(self)) return t.skip('this clone is closed to other users')
      const { code, stdout, stderr } = user.run([process.execPath, self], { timeoutMs: 220_000 })
      assert.equal(code, 0, `${stdout}${stderr}`.slice(-20_000))
      t.diagnostic(`as ${user.name}: ${/^ℹ pass \d+|^# pass \d+/m.exec(stdout)?.[0]}`)
      assert.match(stdout, /(ℹ|#) pass [1-9]\d/)
      await until('nothing of his runs on', () => user.processes().length === 0)
    } finally {
      user.remove()
    }
  })
}

const soon = () => AbortSignal.timeout(30_000)

const childrenOf = (pid: number): readonly number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
const isMaker = (pid: number): boolean =>
  readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('mayfly-maker')

async function contract(): Promise<void> {
  const jailer = await startJailer()
  after(jailer.stop)
  const { channel, runDirectory } = jailer
  driverContract('namespace without root', {
    open: async () => ({
      driver: openNamespaceDriver({ channel, clock: systemClock, log: silentLog, rootless: true }),
      close: async () => undefined,
    }),
    cycles: 40,
    leaks: async () =>
      [
        ...readdirSync(`${runDirectory}/nest`),
        ...readdirSync(`${runDirectory}/nest-records`),
        ...childrenOf(Number(jailer.child.pid)).flatMap((pid) => (isMaker(pid) ? childrenOf(pid) : [pid])),
      ].map(String),
  })
}

function walls(): void {
  for (const mode of ['none', 'list', 'open'] as const satisfies readonly EgressMode[])
    test(`egress ${mode}: no probe is open in any kind of cell`, async () => {
      const local = await openLocalSandboxes({ privateRanges: [] })
      try {
        await local.driver.probe(soon())
        const spec = { ...contractSpec, egress: { mode, allow: [], privateRanges: [] } }
        const host = { stateDirectories: [homedir()], sockets: [] }
        const measure = createMeasure({ clock: systemClock, host, spec })
        const { probes, stops, tier } = await measure(local.driver, AbortSignal.timeout(60_000))
        assert.deepEqual(
          probes.filter(({ verdict }) => verdict !== 'held'),
          [],
        )
        assert.equal(tier, 'rootless')
        assert.ok(!stops.includes('T-16'), 'what nobody limits is not claimed')
      } finally {
        await local.close()
      }
    })
}

const openDriver = ({ channel }: StartedJailer): Driver =>
  openNamespaceDriver({ channel, clock: systemClock, log: silentLog, rootless: true })

/** What a job may look for of him who started it, and whether this finds it where it can be found: beside him. */
function ownThings(): void {
  describe('what belongs to the user', () => {
    const value = `own-${process.pid}-${Date.now()}`
    const key = join(homedir(), '.ssh/id_ed25519')
    const socketPath = join(homedir(), 'engine.sock')
    const reached = { count: 0 }
    const engine = createServer((socket) => {
      reached.count++
      socket.on('error', () => undefined).end()
    })
    const bystander = spawn('/bin/sh', ['-c', 'read -r _', value], { stdio: ['pipe', 'ignore', 'ignore'] })
    let jailer: StartedJailer
    let driver: Driver
    before(async () => {
      mkdirSync(join(homedir(), '.ssh'), { mode: 0o700 })
      writeFileSync(key, `${value}\n`, { mode: 0o600 })
      await new Promise<void>((resolve) => engine.listen(socketPath, resolve))
      jailer = await startJailer()
      driver = openDriver(jailer)
    })
    after(async () => {
      await driver.close()
      await jailer.stop()
      engine.close()
      bystander.kill('SIGKILL')
      rmSync(join(homedir(), '.ssh'), { recursive: true })
    })
    const everywhere = `${homedir()} /home /root /tmp /var /run /mnt /opt /srv /dev/shm /etc /proc/1/root/home`
    // Every file that can be read, every process, the socket by its name; the value is looked for by its first half.
    const search = (places: string) => `head=own-${process.pid}-
for dir in ${places}; do
  grep -rslF -D skip -e "$head" "$dir" 2>/dev/null
done
grep -lsaF -e "$head" /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | grep -v "/$$/"
ls ${homedir()} ${key} 2>/dev/null
perl -MSocket -e 'socket(my $s, PF_UNIX, SOCK_STREAM, 0); connect($s, pack_sockaddr_un("${socketPath}")) and print "connected\n"'
kill -0 ${bystander.pid} 2>/dev/null && echo signalled
true`
    test('is found by who looks beside him', async () => {
      const found = execFileSync('/bin/sh', ['-c', search(homedir())], { encoding: 'utf8' })
      for (const word of [key, `/proc/${bystander.pid}/cmdline`, 'connected', 'signalled'])
        assert.ok(found.includes(word), `${word} in:\n${found}`)
      await until('the connection', () => reached.count > 0)
    })
    for (const cell of ['job', 'shared', 'clean'] as const)
      test(`is found by no step in a ${cell} cell: files, key, socket, processes`, async () => {
        reached.count = 0
        const sandbox = await driver.open(contractSpec, soon())
        try {
          // Its own script holds what it looks for.
          const text = `rm -f /run/mayfly/*/s/step /run/mayfly/s/step\n${search(everywhere)}`
          const { out, result } = await runIn(sandbox, contractStep(text, { cell }))
          assert.equal(result.kind, 'exit')
          assert.equal(out, '')
          assert.equal(reached.count, 0)
        } finally {
          await sandbox.close('done')
        }
      })
    test('is not opened by us for a job that puts links in the way of its own pipes', async () => {
      const sandbox = await driver.open(contractSpec, soon())
      try {
        const places = '/run/mayfly/2 /run/mayfly/2/pro /run/mayfly/2/s /run/mayfly/9 /run/mayfly/s'
        const trap = `for place in ${places}; do
  mv $place $place.away; rm -rf $place; ln -s ${key} $place; ln -sfn ${homedir()}/.ssh $place; chmod 0777 $place
done 2>&1 | grep -v -e 'Read-only file system' -e 'No such file' -e 'File exists' -e 'dangling symlink' || :; touch / /etc /usr /opt/x /mnt/x /run/x 2>&1 | grep -v Read-only || :`
        const { out } = await runIn(sandbox, contractStep(trap))
        assert.equal(out, '', 'each of them refused')
        for (let n = 0; n < 20; n++)
          assert.equal((await runIn(sandbox, contractStep(`echo ${n}`))).out, `${n}\n`)
        const { out: own } = await runIn(sandbox, contractStep('echo own', { cell: 'clean' }))
        assert.equal(own, 'own\n')
        assert.equal(readFileSync(key, 'utf8'), `${value}\n`)
        assert.deepEqual(readdirSync(join(homedir(), '.ssh')), ['id_ed25519'])
      } finally {
        await sandbox.close('done')
      }
    })
  })
}

function limitsAndEnds(): void {
  describe('limits and ends', () => {
    const small = { ...contractSpec.limits, pids: 64, ramdisk: 32 * 1024 ** 2 }
    test('forks stop at the limit of the cell, another sandbox and the user go on', async () => {
      const jailer = await startJailer()
      const driver = openDriver(jailer)
      const [bombed, other] = await Promise.all(
        [1, 2].map(() => driver.open({ ...contractSpec, limits: small }, soon())),
      )
      assert.ok(bombed && other)
      const text =
        'my $n = 0; $| = 1; while (defined(my $pid = fork)) { if (!$pid) { sleep 60; exit } $n++ } print "$n\\n"; sleep 60'
      const io = { stdin: null, stdout: gather(), stderr: gather() }
      const stop = new AbortController()
      const step = bombed.exec(contractStep('', { script: { interpreter: ['perl'], text } }), io, stop.signal)
      await until('the bomb', () => io.stdout.text().includes('\n'))
      const forks = Number(io.stdout.text())
      assert.ok(forks > 40 && forks < small.pids, `${forks}`)
      assert.equal((await runIn(other, contractStep('echo alive | cat'))).out, 'alive\n')
      assert.equal(execFileSync('/bin/sh', ['-c', 'echo beside | cat'], { encoding: 'utf8' }), 'beside\n')
      stop.abort()
      await step
      const receipt = await bombed.close('cancelled')
      assert.deepEqual(
        receipt.gone.map(({ check, ok }) => `${check} ${ok}`),
        ['no process in its namespaces true', 'no mount names it true', 'mount point is gone true'],
      )
      await other.close('done')
      await driver.close()
      await jailer.stop()
    })
    test('a full ramdisk says so and can be emptied', async () => {
      const jailer = await startJailer()
      const driver = openDriver(jailer)
      const sandbox = await driver.open({ ...contractSpec, limits: small }, soon())
      const fill = 'head -c 100000000 /dev/zero >/tmp/big || { rm /tmp/big; exit 28; }'
      const { err, result } = await runIn(sandbox, contractStep(fill))
      assert.match(err, /No space left/)
      assert.equal(result.kind === 'exit' && result.code, 28)
      assert.equal((await runIn(sandbox, contractStep('echo again >/tmp/x && cat /tmp/x'))).out, 'again\n')
      await sandbox.close('done')
      await driver.close()
      await jailer.stop()
    })
    test('the receipt says the class, and nothing of the user is measured in vain', async () => {
      const jailer = await startJailer()
      const driver = openDriver(jailer)
      const probe = await driver.probe(soon())
      assert.ok(probe.ok && !probe.facts.root)
      assert.match(probe.notes.join('\n'), /memory and processor of a job are neither limited nor measured/)
      const receipt = await (await driver.open(contractSpec, soon())).close('done')
      assert.equal(receipt.engine.class, 'rootless')
      await driver.close()
      await jailer.stop()
    })
    test('kill -9 of the jailer ends every process of a job, daemons too', async () => {
      const jailer = await startJailer()
      const driver = openDriver(jailer)
      const sandbox = await driver.open(contractSpec, soon())
      const mark = `7${process.pid}.5`
      await runIn(
        sandbox,
        contractStep(`setsid sh -c "sleep ${mark} & sleep ${mark}" >/dev/null 2>&1 </dev/null &`),
      )
      await until('the daemon', () => sleepers(mark) === 2)
      jailer.child.kill('SIGKILL')
      await jailer.exited
      await until('the end of the daemon', () => sleepers(mark) === 0)
      rmSync(jailer.runDirectory, { recursive: true, force: true })
    })
    test('kill -9 of the jailer while it makes cells leaves none of them, however far they are', async () => {
      const others = new Set(partsOfCells())
      for (let round = 0; round < 20; round++) {
        const jailer = await startJailer()
        const driver = openDriver(jailer)
        for (let n = 0; n < 4; n++) driver.open(contractSpec, soon()).catch(() => undefined)
        await sleep(20 + Math.random() * 150)
        jailer.child.kill('SIGKILL')
        await jailer.exited
        await until(
          `the end of cells in round ${round}`,
          () => !partsOfCells().some((pid) => !others.has(pid)),
        )
        rmSync(jailer.runDirectory, { recursive: true, force: true })
      }
    })
  })
}

/** Living processes that make cells or are the first in one. */
const partsOfCells = (): readonly string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && partOfCell.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
    } catch {
      return false
    }
  })
const partOfCell = /^mayfly-(maker|nest)|^bwrap\0--args|\/etc\/mayfly\/loop/

const sleepers = (mark: string): number =>
  readdirSync('/proc').filter((pid) => {
    const path = `/proc/${pid}/cmdline`
    try {
      return /^\d+$/.test(pid) && existsSync(path) && readFileSync(path, 'utf8') === `sleep\0${mark}\0`
    } catch {
      return false
    }
  }).length

const until = async (what: string, holds: () => boolean): Promise<void> => {
  const deadline = performance.now() + 20_000
  while (!holds()) {
    assert.ok(performance.now() < deadline, `not within 20 s: ${what}`)
    await sleep(10)
  }
}

if (process.getuid?.() === 0) asOrdinaryUser()
else {
  await contract()
  walls()
  ownThings()
  limitsAndEnds()
}
