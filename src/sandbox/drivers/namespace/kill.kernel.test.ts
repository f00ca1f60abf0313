// kill -9 of every part that holds a sandbox together, with a daemonising job inside: nothing may be left, or nothing
// that the next life's sweep does not take.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, mock, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { needsRoot, type StartedJailer, startJailer } from '../../../../test/support/jailer.ts'
import { silentLog } from '../../../base/log.ts'
import { systemClock } from '../../../sys/index.ts'
import type { Driver, Sandbox } from '../../driver.ts'
import { callMs, destroyMs } from '../../limits.ts'
import { contractSpec, contractStep, gather, runIn } from '../../steps.contract.ts'
import { createJailerClient } from './client.ts'
import { openNamespaceDriver } from './index.ts'

type Record = { readonly id: string; readonly uid: number; readonly groups: readonly string[] }
type Life = {
  readonly jailer: StartedJailer
  readonly driver: Driver
  readonly sandbox: Sandbox
  readonly record: Record
}

/** A sandbox in which a daemon runs and a step waits. */
const live = async (): Promise<Life & { readonly step: ReturnType<Sandbox['exec']> }> => {
  const jailer = await startJailer()
  const driver = openNamespaceDriver({ channel: jailer.channel, clock: systemClock, log: silentLog })
  const sandbox = await driver.open(contractSpec, AbortSignal.timeout(20_000))
  await runIn(sandbox, contractStep('setsid sh -c "sleep 300 & sleep 300" >/dev/null 2>&1 </dev/null &'))
  const io = { stdin: null, stdout: gather(), stderr: gather() }
  const step = sandbox.exec(contractStep('sleep 300'), io, new AbortController().signal)
  step.catch(() => undefined)
  const [name] = readdirSync(join(jailer.runDirectory, 'nest-records'))
  const record: Record = JSON.parse(readFileSync(join(jailer.runDirectory, 'nest-records', name!), 'utf8'))
  return { jailer, driver, sandbox, record, step }
}

const membersOf = ({ groups }: Record): readonly { pid: number; name: string }[] => {
  const procs = join(groups.find((group) => group.includes('/pids/')) ?? groups[0]!, 'cgroup.procs')
  if (!existsSync(procs)) return []
  const pids = readFileSync(procs, 'utf8').split('\n').filter(Boolean).map(Number)
  return pids.map((pid) => ({ pid, name: nameOf(pid) }))
}
const nameOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return 'gone'
  }
}

const anchorOf = (nest: string): number => {
  const pid = readdirSync('/proc').find((name) => {
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').startsWith(`mayfly-nest ${nest}`)
    } catch {
      return false
    }
  })
  assert.ok(pid)
  return Number(pid)
}

const until = async (what: string, holds: () => boolean): Promise<void> => {
  const deadline = performance.now() + 10_000
  while (!holds()) {
    assert.ok(performance.now() < deadline, `not within 10 s: ${what}`)
    await sleep(5)
  }
}

const nothingMounted = ({ id }: Record): boolean =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .every((pid) => {
      try {
        return !readFileSync(`/proc/${pid}/mountinfo`, 'utf8').includes(id)
      } catch {
        return true
      }
    })

const assertNothingLeft = ({ record, jailer }: Life): void => {
  for (const group of record.groups) assert.ok(!existsSync(group), group)
  for (const name of ['nest', 'nest-records']) {
    const directory = join(jailer.runDirectory, name)
    assert.deepEqual(existsSync(directory) ? readdirSync(directory) : [], [])
  }
  assert.ok(nothingMounted(record))
}

const options = { skip: needsRoot, timeout: 60_000 }

describe('kill -9', () => {
  test(
    'of the jailer: every process and mount ends by itself, the next life sweeps the rest',
    options,
    async () => {
      const life = await live()
      await until('a daemon and a step', () => membersOf(life.record).length >= 7)
      life.jailer.child.kill('SIGKILL')
      await life.jailer.exited
      await assert.rejects(life.step)
      await until('no process', () => membersOf(life.record).length === 0)
      await until('no mount', () => nothingMounted(life.record))
      const next = await startJailer({ like: life.jailer })
      const driver = openNamespaceDriver({ channel: next.channel, clock: systemClock, log: silentLog })
      assert.deepEqual(await driver.sweep(AbortSignal.timeout(10_000)), { removed: [], stuck: [] })
      assertNothingLeft(life)
      const again = await driver.open(contractSpec, AbortSignal.timeout(20_000))
      await again.close('done')
      await next.stop()
    },
  )

  test('of the runner: the jailer destroys everything and ends', options, async () => {
    const life = await live()
    life.jailer.channel.close()
    await life.jailer.exited
    assertNothingLeft(life)
    await rm(life.jailer.runDirectory, { recursive: true })
  })

  test(
    'of bubblewrap, outside and as PID 1 inside: the step ends, the sandbox closes clean',
    options,
    async () => {
      for (const index of [0, 1]) {
        const life = await live()
        const bwrap = membersOf(life.record).filter(({ name }) => name === 'bwrap')
        assert.equal(bwrap.length, 2)
        process.kill(bwrap[index]!.pid, 'SIGKILL')
        assert.equal((await life.step).kind, 'signal')
        const receipt = await life.sandbox.close('failed')
        assert.ok(receipt.gone.every((entry) => entry.ok))
        assertNothingLeft(life)
        await life.jailer.stop()
      }
    },
  )

  test('of the anchor: the sandbox still closes clean', options, async () => {
    const life = await live()
    process.kill(anchorOf(life.record.id), 'SIGKILL')
    const receipt = await life.sandbox.close('failed')
    assert.ok(receipt.gone.every((entry) => entry.ok))
    await life.step
    assertNothingLeft(life)
    await life.jailer.stop()
  })

  test(
    'of the anchor: what is still asked of its nest is refused, and the next one is made',
    options,
    async () => {
      const jailer = await startJailer()
      const client = createJailerClient(jailer.channel)
      const { limits } = contractSpec
      const want = { limits, net: 'none', seccomp: 'strict', tools: [] } as const
      const prepare = async () => {
        const reply = await client.call('nest.prepare', want)
        // SAFE: the jailer's own answer (jailer/served.ts).
        return (reply.value as { readonly nest: string }).nest
      }
      const nest = await prepare()
      const anchor = anchorOf(nest)
      process.kill(anchor, 'SIGKILL')
      await until('no anchor', () => !existsSync(`/proc/${anchor}`))
      // Its directories are looked for below that one.
      await assert.rejects(client.call('set.open', { nest, kind: 'background' }), { code: 'E_SANDBOX_LOST' })
      await client.call('nest.destroy', { nest: await prepare(), unused: true })
      await client.call('nest.destroy', { nest, unused: true })
      await jailer.stop()
    },
  )

  test('of the maker: sandboxes go on, and the next one is made', options, async () => {
    const life = await live()
    const children = readFileSync(
      `/proc/${life.jailer.child.pid}/task/${life.jailer.child.pid}/children`,
      'utf8',
    )
    const maker = children
      .trim()
      .split(' ')
      .map(Number)
      .find((pid) => nameOf(pid) === 'mayfly-maker')
    assert.ok(maker)
    process.kill(maker, 'SIGKILL')
    await until('the maker is buried', () => !existsSync(`/proc/${maker}`))
    const next = await life.driver.open(contractSpec, AbortSignal.timeout(20_000))
    const result = await runIn(next, contractStep('echo still here'))
    assert.equal(result.out, 'still here\n')
    for (const sandbox of [next, life.sandbox])
      assert.ok((await sandbox.close('done')).gone.every((entry) => entry.ok))
    await life.step
    assertNothingLeft(life)
    await life.jailer.stop()
  })

  test('a message that is no verb ends the line, and with it everything', options, async () => {
    const life = await live()
    await life.jailer.channel.send({ call: 9, verb: 'nest.exec', with: { command: 'id' } })
    await life.jailer.exited
    await assert.rejects(life.step)
    assertNothingLeft(life)
    await rm(life.jailer.runDirectory, { recursive: true })
  })

  /** A jailer that stands still for `ms` as the runner counts them, and what the runner waits for then. */
  const whileStill = async (jailer: StartedJailer, work: () => Promise<unknown>, ms: number) => {
    process.kill(jailer.child.pid ?? 0, 'SIGSTOP')
    mock.timers.enable({ apis: ['setTimeout'] })
    let end = 'none'
    const done = work().then(
      () => {
        end = 'done'
      },
      (error: { readonly code: string }) => {
        end = error.code
      },
    )
    // What it is told has gone out by then.
    await sleep(50)
    mock.timers.tick(ms)
    mock.timers.reset()
    await sleep(50)
    const then = end
    process.kill(jailer.child.pid ?? 0, 'SIGCONT')
    await done
    return [then, end]
  }

  test(
    'a sandbox that takes long to destroy is waited for, and of one that takes too long nobody says that it is gone',
    options,
    async () => {
      for (const [ms, ends] of [
        [callMs, ['none', 'done']],
        [destroyMs, ['E_DESTROY_UNVERIFIED', 'E_DESTROY_UNVERIFIED']],
      ] as const) {
        const jailer = await startJailer()
        const driver = openNamespaceDriver({ channel: jailer.channel, clock: systemClock, log: silentLog })
        const sandbox = await driver.open(contractSpec, AbortSignal.timeout(20_000))
        assert.deepEqual(await whileStill(jailer, () => sandbox.close('done'), ms), ends)
        await jailer.stop()
      }
    },
  )

  test('a nest that a jailer makes when nobody waits for it any more does not stay', options, async () => {
    const jailer = await startJailer()
    const verbs: string[] = []
    const send: typeof jailer.channel.send = (message, handle) => {
      verbs.push((message as { readonly verb: string }).verb)
      return jailer.channel.send(message, handle)
    }
    const channel = { ...jailer.channel, send }
    const driver = openNamespaceDriver({ channel, clock: systemClock, log: silentLog })
    const open = () => driver.open(contractSpec, AbortSignal.timeout(60_000))
    assert.deepEqual(await whileStill(jailer, open, callMs), Array(2).fill('E_SANDBOX_DEADLINE'))
    await until('it is asked to go', () => verbs.includes('nest.destroy'))
    await until('it has gone', () => readdirSync(join(jailer.runDirectory, 'nest-records')).length === 0)
    await jailer.stop()
  })

  test('of a sandbox that waits: the next job gets another one', options, async () => {
    const jailer = await startJailer()
    const driver = openNamespaceDriver({ channel: jailer.channel, clock: systemClock, log: silentLog })
    await driver.prepare?.({
      image: 'host',
      shape: 'user',
      net: 'none',
      count: 2,
      limits: contractSpec.limits,
    })
    const records = join(jailer.runDirectory, 'nest-records')
    const [first = ''] = readdirSync(records)
    const anchor = anchorOf(JSON.parse(readFileSync(join(records, first), 'utf8')).id)
    process.kill(anchor, 'SIGKILL')
    await until('no anchor', () => !existsSync(`/proc/${anchor}`))
    await sleep(100)
    for (let nth = 0; nth < 2; nth++) {
      const sandbox = await driver.open(contractSpec, AbortSignal.timeout(20_000))
      const { result, out } = await runIn(sandbox, contractStep('echo here'))
      assert.deepEqual([result.kind, out], ['exit', 'here\n'])
      await sandbox.close('done')
    }
    await driver.close()
    await jailer.stop()
  })

  test('of a sandbox that was opened: that no step began is no failure of its job', options, async () => {
    const jailer = await startJailer()
    const driver = openNamespaceDriver({ channel: jailer.channel, clock: systemClock, log: silentLog })
    const sandbox = await driver.open(contractSpec, AbortSignal.timeout(20_000))
    process.kill(anchorOf(sandbox.id), 'SIGKILL')
    await sleep(100)
    await assert.rejects(runIn(sandbox, contractStep('echo here')), { code: 'E_EXEC_FAILED' })
    await sandbox.close('fault')
    await driver.close()
    await jailer.stop()
  })
})
