// `mayfly up` that does not come up: what it says, how it ends, and that nothing is left.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { freePort, node, repository, waitFor } from '../support/installation.ts'
import { processesNaming } from '../support/leftovers.ts'

const world = { directory: '', data: '' }
before(async () => {
  world.directory = await mkdtemp(join(tmpdir(), 'mayfly-begin-'))
  await chmod(world.directory, 0o711)
  world.data = join(world.directory, 'data')
})
after(() => rm(world.directory, { recursive: true, force: true }))

/** With ports of its own, unless others are given. */
const up = async (...words: readonly string[]) => {
  const ports = ['--port', `${await freePort()}`, '--runner-port', `${await freePort()}`]
  const child = spawn(
    node,
    [join(repository, 'build/cli.js'), 'up', '--no-sample', '--data', world.data, ...ports, ...words],
    { cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] },
  )
  after(() => child.kill('SIGKILL'))
  const said: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => said.push(String(bytes)))
  const ended = once(child, 'close', { signal: AbortSignal.timeout(120_000) })
  return { child, said: () => said.join(''), code: async () => (await ended)[0] as number | null }
}

test('a directory of repositories that is not there is refused before anything is made', async () => {
  const begun = await up('--local-repos', join(world.directory, 'repositroies'))
  assert.equal(await begun.code(), 2)
  assert.match(begun.said(), /--local-repos: \S+\/repositroies is no directory of this machine {2}\[MF4000\]/)
  await assert.rejects(chmod(world.data, 0o711), { code: 'ENOENT' })
})

test('one port for two things ends it, in words', async () => {
  const port = `${await freePort()}`
  const begun = await up('--port', port, '--runner-port', port)
  assert.equal(await begun.code(), 11)
  assert.match(begun.said(), new RegExp(`the server did not start: Port ${port} is taken`))
  assert.doesNotMatch(begun.said(), /"level"|"stack"/)
})

test('Ctrl-C while it starts is answered at once, and it does not say afterwards that it is up', async () => {
  const begun = await up()
  await waitFor('its start', () => begun.said().includes('starting database'))
  begun.child.kill('SIGINT')
  await waitFor('an answer', () => begun.said().includes('  stopping …\n'), 2_000)
  assert.ok([0, 130].includes((await begun.code()) ?? -1))
  assert.doesNotMatch(begun.said(), /is up at|Press Ctrl-C/)
  assert.deepEqual(processesNaming([world.data]), [])
})
