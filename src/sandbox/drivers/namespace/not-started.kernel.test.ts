// Cells that get no further than bubblewrap, and those whose job has made that hard. Need root.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, renameSync } from 'node:fs'
import { after, test } from 'node:test'
import { needsRoot, startJailer } from '../../../../test/support/jailer.ts'
import { isFault } from '../../../base/faults.ts'
import { silentLog } from '../../../base/log.ts'
import { systemClock } from '../../../sys/index.ts'
import type { Sandbox } from '../../driver.ts'
import { anchorName } from '../../jailer/maker-program.ts'
import { contractSpec, contractStep, runIn } from '../../steps.contract.ts'
import { openNamespaceDriver } from './index.ts'

type Jailer = Awaited<ReturnType<typeof startJailer>>

const inSandbox = async (act: (sandbox: Sandbox, jailer: Jailer) => Promise<void>): Promise<void> => {
  const jailer = await startJailer()
  after(jailer.stop)
  const driver = openNamespaceDriver({ channel: jailer.channel, clock: systemClock, log: silentLog })
  const sandbox = await driver.open(contractSpec, AbortSignal.timeout(30_000))
  await act(sandbox, jailer)
  await sandbox.close('done')
  await driver.close()
}

/** Root of the file system that the nest's own process sees. */
const viewOf = (nest: string): string =>
  `/proc/${readdirSync('/proc').find((pid) => commandOf(pid).startsWith(`${anchorName} ${nest}`))}/root`

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
