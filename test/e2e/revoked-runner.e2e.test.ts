// The runner of this machine was revoked: `up` comes up without it and says so, and a new identity is taken when the
// operator does what it says.
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { findLayout } from '../../src/supervisor/index.ts'
import { requestUnix } from '../../src/sys/index.ts'
import { openInstallation, type TestInstallation, waitFor } from '../support/installation.ts'

const open: TestInstallation[] = []
const start = async (last: TestInstallation | null): Promise<TestInstallation> => {
  await last?.close()
  open.length = 0
  const next = last === null ? openInstallation({ args: ['--no-sample'], keepData: true }) : last.restart()
  open.push(await next)
  return next
}
after(async () => {
  for (const { close, data } of open) {
    await close()
    await rm(join(data, '..'), { recursive: true, force: true })
  }
})

type Runners = { items: readonly { id: string; status: string }[] }
const socketsOf = ({ data }: TestInstallation) => findLayout({ data, environment: {}, isRoot: true, uid: 0 })

/** Another one than `last`, which counts as online until it was not heard of for a while. */
const onlineRunner = (installation: TestInstallation, last = ''): Promise<string> =>
  waitFor('a runner is online', async () => {
    const socketPath = socketsOf(installation).operatorSocket
    const answer = await requestUnix({ socketPath, method: 'GET', path: '/api/v1/runners', timeoutMs: 5_000 })
    return (answer.body as Runners).items.find(({ id, status }) => id !== last && status === 'online')?.id
  })

test('a revoked runner does not hold `up` back, stays out, and makes room for a new one', async () => {
  const first = await start(null)
  const runner = await onlineRunner(first)
  const revoked = await requestUnix({
    ...{ socketPath: socketsOf(first).vaultAdminSocket, method: 'POST', path: '/v1/runner.revoke' },
    ...{ body: { runner }, timeoutMs: 5_000 },
  })
  assert.equal(revoked.status, 200, JSON.stringify(revoked.body))

  const restarted = first.cli('restart')
  assert.equal(restarted.code, 1, 'the runner of before is still called online')
  assert.match(
    restarted.stderr,
    /runners is down: (none is heard of since|0 of 1 online); what it said stands where it was/,
  )

  const second = await start(first)
  assert.match(second.output(), /the runner of this machine was revoked.*no job runs here/)
  assert.ok(second.output().includes(`rm -r ${join(second.data, 'runner')}`))
  assert.equal((await fetch(`${second.url}/health`)).status, 200)
  await rm(join(second.data, 'runner'), { recursive: true })

  const third = await start(second)
  assert.doesNotMatch(third.output(), /revoked/)
  assert.ok(await onlineRunner(third, runner))
})
