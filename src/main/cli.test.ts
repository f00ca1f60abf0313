// How the program of the command line ends.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as world from '../../test/web/double/world.ts'

const forgetful = 'data:text/javascript,setTimeout(() => undefined, 600_000)'

test('a verb that is over ends its program, with its code, whatever still waits in there', () => {
  const { status, signal, stderr } = spawnSync(
    process.execPath,
    ['--import', forgetful, join(import.meta.dirname, 'cli.ts'), 'explain', 'MF9999'],
    {
      env: { PATH: process.env.PATH, HOME: '/nonexistent' },
      encoding: 'utf8',
      timeout: 60_000,
      killSignal: 'SIGKILL',
    },
  )
  assert.deepEqual([status, signal], [2, null])
  assert.match(stderr, /MF9999/)
})

const program = join(import.meta.dirname, 'cli.ts')
const run = world.runById(world.idOf('run', 413)) ?? assert.fail()

test('whose reader has gone passes nothing on any more, also of what has no end', async () => {
  let rev = 0
  const server = createServer((request, response) => {
    if (/\/runs(\/run_\w+)?$/.test(request.url ?? '')) {
      const jobs = run.jobs.map((job) => ({ ...job, status: ++rev % 2 === 0 ? 'running' : 'queued' }))
      response.writeHead(200, { 'content-type': 'application/json' })
      return response.end(JSON.stringify({ ...run, jobs, rev }))
    }
    response.writeHead(200, { 'content-type': 'text/plain' })
    const timer = setInterval(() => response.write('line\n'), 50)
    response.once('close', () => clearInterval(timer))
  })
  server.listen(0, '127.0.0.1')
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  for (const words of [
    ['api', 'GET', '/attempts/a/log'],
    ['watch', run.id, '--logs'],
    ['runs', 'start', '-R', run.project.name, '--watch', '--branch', 'main'],
  ]) {
    const child = spawn(process.execPath, [program, ...words], {
      env: { PATH: process.env.PATH, MAYFLY_URL: `http://127.0.0.1:${port}`, MAYFLY_TOKEN: 'mfp_x' },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    after(() => child.kill('SIGKILL'))
    const ended = once(child, 'exit', { signal: AbortSignal.timeout(60_000) })
    await once(child.stdout, 'data')
    child.stdout.destroy()
    assert.deepEqual(await ended, [0, null], words.join(' '))
  }
})

test('output that a full disk does not take is an error, and said', () => {
  const full = openSync('/dev/full', 'w')
  const { status, stderr } = spawnSync(process.execPath, [program, 'help', '--man'], {
    ...{ env: { PATH: process.env.PATH, HOME: '/nonexistent' }, encoding: 'utf8', timeout: 60_000 },
    stdio: ['ignore', full, 'pipe'],
  })
  assert.equal(status, 4)
  assert.match(stderr, /^mayfly: not all of the output was written: ENOSPC/)
})

test('in a directory that was removed it says so', () => {
  const gone = mkdtempSync(join(tmpdir(), 'mayfly-gone-'))
  const script = 'rmdir "$PWD"; exec "$@"'
  const { status, stderr } = spawnSync('/bin/sh', ['-c', script, 'sh', process.execPath, program, 'lint'], {
    ...{
      cwd: gone,
      env: { PATH: process.env.PATH, HOME: '/nonexistent' },
      encoding: 'utf8',
      timeout: 60_000,
    },
  })
  assert.deepEqual([status, stderr.split('\n').length], [2, 2], stderr)
  assert.match(stderr, /^mayfly: the directory you are in is not there any more/)
})
