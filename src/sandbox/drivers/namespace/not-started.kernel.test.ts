// Cells that get no further than bubblewrap, and those whose job has made that hard. Need root.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { needsRoot, startJailer } from '../../../../test/support/jailer.ts'
import { isFault } from '../../../base/faults.ts'
import { silentLog } from '../../../base/log.ts'
import { systemClock } from '../../../sys/index.ts'
import type { Channel } from '../../channel.ts'
import type { Sandbox } from '../../driver.ts'
import { descriptors } from '../../jailer/cell-options.ts'
import { anchorName } from '../../jailer/maker-program.ts'
import { contractSpec, contractStep, runIn } from '../../steps.contract.ts'
import { openNamespaceDriver } from './index.ts'

type Jailer = Awaited<ReturnType<typeof startJailer>>

type Act = (sandbox: Sandbox, jailer: Jailer) => Promise<void>

/** `onSend` sees what the runner's half says to the jailer before it goes there. */
const inSandbox = async (
  act: Act,
  onSend: (message: unknown, nest: string) => Promise<void> | void = () => undefined,
): Promise<void> => {
  const jailer = await startJailer()
  after(jailer.stop)
  let nest = ''
  const send: Channel['send'] = async (message, handle) => {
    await onSend(message, nest)
    return jailer.channel.send(message, handle)
  }
  const channel = { ...jailer.channel, send }
  const driver = openNamespaceDriver({ channel, clock: systemClock, log: silentLog })
  const sandbox = await driver.open(contractSpec, AbortSignal.timeout(30_000))
  nest = sandbox.id
  await act(sandbox, jailer)
  await sandbox.close('done')
  await driver.close()
}

const anchorOf = (nest: string): string =>
  readdirSync('/proc').find((pid) => commandOf(pid).startsWith(`${anchorName} ${nest}`)) ?? ''

/** Root of the file system that the nest's own process sees. */
const viewOf = (nest: string): string => `/proc/${anchorOf(nest)}/root`

const childrenOf = (pid: string): readonly string[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)

/** Of the cell that was begun last: bubblewrap as it is outside of it, and as its PID 1. */
const lastCell = (nest: string) => {
  const outside = childrenOf(anchorOf(nest)).at(-1) ?? ''
  return { outside, inside: childrenOf(outside)[0] ?? '' }
}

const until = async (what: string, holds: () => boolean): Promise<void> => {
  const deadline = performance.now() + 10_000
  while (!holds()) {
    assert.ok(performance.now() < deadline, `not within 10 s: ${what}`)
    await sleep(1)
  }
}

const commandOf = (pid: string): string => {
  try {
    return /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, 'latin1') : ''
  } catch {
    // It ended since it was listed.
    return ''
  }
}

test('a cell that could not be built is told of with the words of who built it', { skip: needsRoot }, () =>
  inSandbox(async (sandbox, { runDirectory }) => {
    const { id } = sandbox
    const place = `${viewOf(id)}${runDirectory}/nest/${id}/root/run`
    renameSync(`${place}/mayfly`, `${place}/elsewhere`)
    await assert.rejects(
      runIn(sandbox, contractStep('echo hi', { cell: 'shared' })),
      (error) =>
        isFault(error, 'E_EXEC_FAILED') &&
        /^the cell ended with 1 before its command: bwrap: Can't mkdir \/run\/mayfly/.test(error.detail),
    )
  }),
)

test('a cell that is killed before its command began is no end of that command', {
  skip: needsRoot,
}, async () => {
  for (const which of ['outside', 'inside'] as const) {
    const killed = async (message: unknown, nest: string) => {
      if ((message as { verb: string }).verb !== 'cell.have') return
      const cell = lastCell(nest)
      // No earlier does it end with the one outside.
      const waits = () => readFileSync(`/proc/${cell.inside}/wchan`, 'latin1').includes('pipe_read')
      await until('it waits for its order to begin', waits)
      process.kill(Number(cell[which]), 'SIGKILL')
      await until('it is buried', () => !childrenOf(anchorOf(nest)).includes(cell.outside))
    }
    await inSandbox(async (sandbox) => {
      await assert.rejects(
        runIn(sandbox, contractStep('echo hi', { cell: 'shared' })),
        (error) =>
          isFault(error, 'E_EXEC_FAILED') && /^the cell was killed before its command/.test(error.detail),
      )
    }, killed)
  }
})

test('an order to one that has just ended ends no nest', { skip: needsRoot }, async () => {
  const stopped = async (message: unknown, nest: string) => {
    if ((message as { verb: string }).verb !== 'cell.have') return
    const { outside, inside } = lastCell(nest)
    const ofOrder = `/proc/${outside}/fd/${descriptors.block}`
    await until('only the one inside reads its order', () => !existsSync(ofOrder))
    process.kill(Number(outside), 'SIGSTOP')
    process.kill(Number(inside), 'SIGKILL')
    const isDead = () => /^State:\s+Z/m.test(readFileSync(`/proc/${inside}/status`, 'latin1'))
    await until('nobody reads it', isDead)
    // Until then nobody is told of its end.
    setTimeout(() => existsSync(`/proc/${outside}`) && process.kill(Number(outside), 'SIGCONT'), 200)
  }
  await inSandbox(async (sandbox) => {
    const lost = runIn(sandbox, contractStep('echo hi', { cell: 'shared' }))
    await assert.rejects(lost, { code: 'E_EXEC_FAILED' })
    assert.match(commandOf(anchorOf(sandbox.id)), new RegExp(`^${anchorName} ${sandbox.id}`))
  }, stopped)
})

test('one that is killed later ends its step with a signal', { skip: needsRoot }, () =>
  inSandbox(async (sandbox) => {
    const stdout = () => void process.kill(Number(lastCell(sandbox.id).outside), 'SIGKILL')
    const { result } = await runIn(sandbox, contractStep('echo hi; sleep 60', { cell: 'shared' }), { stdout })
    assert.deepEqual(
      { kind: result.kind, oom: result.kind === 'signal' && result.oom },
      { kind: 'signal', oom: false },
    )
  }),
)

test(
  'a job that locks itself out of its home fails its steps, and breaks nothing of ours',
  { skip: needsRoot },
  () =>
    inSandbox(async (sandbox) => {
      await runIn(sandbox, contractStep('chmod 000 /home/ci'))
      for (const cell of ['job', 'shared'] as const) {
        const { result, err } = await runIn(sandbox, contractStep('echo hi', { cell }))
        assert.deepEqual(
          { kind: result.kind, code: result.kind === 'exit' && result.code },
          { kind: 'exit', code: 1 },
        )
        assert.match(err, /\/home\/ci.*Permission denied/)
      }
      assert.equal((await runIn(sandbox, contractStep('echo hi', { cell: 'clean' }))).out, 'hi\n')
    }),
)

test('a job that speaks for its step loop without end is heard once', { skip: needsRoot }, () =>
  inSandbox(async (sandbox) => {
    const text = 'timeout 15 yes "start 1 2" >/run/mayfly/0/out; true'
    const { result } = await runIn(sandbox, contractStep(text))
    assert.equal(result.kind, 'signal')
  }),
)
