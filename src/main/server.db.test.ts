// The server as a process: its configuration on descriptor 3, one ready line, its sockets, its signals. No vault runs
// here: the server starts without one and says so.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Writable } from 'node:stream'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeCertificate } from '../../test/support/certificate.ts'
import { migrationsDirectory, testDatabaseSettings } from '../../test/support/postgres.ts'
import { requestUnix, spawn } from '../sys/index.ts'
import { parseServerConfig } from './server.config.ts'

const program = fileURLToPath(new URL('./server.ts', import.meta.url))

const settings = async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mf-server-'))
  after(() => rm(directory, { recursive: true, force: true }))
  const file = (name: string) => join(directory, name)
  const { privateKey } = generateKeyPairSync('ed25519')
  await writeFile(file('ticket.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
  await makeCertificate(directory)
  return {
    dataDir: directory,
    objectsDir: file('objects'),
    database: await testDatabaseSettings(),
    http: { port: 0 },
    runner: { port: 0, keyFile: file('tls.key'), certFile: file('tls.crt') },
    sockets: { operator: file('operator.sock'), vault: file('vault.sock') },
    ticketKeyFile: file('ticket.key'),
    webDir: null,
    migrationsDir: migrationsDirectory,
    localRepositoryRoots: [],
    organisation: { name: 'acme' },
    egressDefault: 'open',
  }
}

const start = (config: unknown) => {
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
  const errors: Buffer[] = []
  child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk))
  // SAFE: descriptor 3 was asked for as a pipe.
  const input = child.stdio[3] as Writable
  input.end(JSON.stringify(config))
  const exited = once(child, 'exit')
  after(() => child.kill('SIGKILL'))
  return { child, exited, log: () => Buffer.concat(errors).toString() }
}

const deadline = () => AbortSignal.timeout(20_000)

const readyLine = async ({ child, log }: ReturnType<typeof start>) => {
  assert.ok(child.stdout)
  const lines = createInterface({ input: child.stdout })
  const line = once(lines, 'line', { signal: deadline() })
  const [text] = await Promise.race([line, once(child, 'exit').then(() => Promise.reject(new Error(log())))])
  return JSON.parse(text)
}

test('where the settings ask for them it serves metrics and sends traces, elsewhere it does neither', async () => {
  const config = await settings()
  const server = start({ ...config, metrics: { port: 0 }, traces: { endpoint: 'http://127.0.0.1:1' } })
  await readyLine(server)
  const line =
    server
      .log()
      .split('\n')
      .find((text) => text.includes('metrics are served')) ?? assert.fail(server.log())
  const { port } = JSON.parse(line)
  const scrape = (headers: Record<string, string>) => fetch(`http://127.0.0.1:${port}/metrics`, { headers })
  assert.equal((await scrape({})).status, 401)
  const made = await requestUnix({
    ...{ socketPath: config.sockets.operator, method: 'POST', path: '/api/v1/tokens', timeoutMs: 10_000 },
    body: { name: 'scrape', scopes: ['metrics.read'] },
  })
  const { secret } = made.body as { secret: string }
  const answer = await scrape({ authorization: `Bearer ${secret}` })
  assert.equal(answer.status, 200)
  const text = await answer.text()
  assert.match(text, /^mayfly_database_up 1$/m)
  assert.match(
    text,
    /^mayfly_http_request_seconds_count\{route="\/api\/v1\/tokens",method="POST",status="2xx"\} 1$/m,
  )
  server.child.kill('SIGTERM')
  assert.deepEqual((await server.exited)[0], 0, server.log())
  const quiet = start({ ...config, http: { port: 0 } })
  await readyLine(quiet)
  assert.equal(quiet.log().includes('metrics are served'), false)
  quiet.child.kill('SIGTERM')
  assert.deepEqual((await quiet.exited)[0], 0, quiet.log())
})

test('it says once that it is ready, serves people and the operator, and stops when told', async () => {
  const config = await settings()
  const server = start(config)
  const ready = await readyLine(server)
  assert.deepEqual([ready.ready, typeof ready.port], [true, 'number'])
  assert.match(ready.claimUrl, new RegExp(`^http://localhost:${ready.port}/claim#[A-Za-z0-9_-]{22}$`))

  for (const host of ['127.0.0.1', 'localhost'])
    assert.equal(await (await fetch(`http://${host}:${ready.port}/health`)).text(), 'ok\n')
  assert.equal((await stat(config.sockets.operator)).mode & 0o777, 0o600)
  const ask = (method: 'GET' | 'POST', path: string, body?: object) =>
    requestUnix({
      socketPath: config.sockets.operator,
      method,
      path,
      timeoutMs: 10_000,
      ...(body === undefined ? {} : { body }),
    })
  const status = (await ask('GET', '/api/v1/status')).body as {
    components: { name: string; status: string }[]
  }
  assert.deepEqual(
    status.components.slice(0, 3).map(({ name, status: word }) => [name, word]),
    [
      ['database', 'ok'],
      ['vault', 'down'],
      ['runners', 'down'],
    ],
  )
  const link = (await ask('POST', '/api/v1/operator/claim-link', {})).body as { url: string }
  assert.notEqual(link.url, ready.claimUrl)
  assert.equal((await ask('GET', '/api/v1/runs')).status, 200)

  const second = start({ ...config, http: { port: 0 } })
  assert.deepEqual((await second.exited)[0], 11, second.log())

  server.child.kill('SIGUSR1')
  server.child.kill('SIGTERM')
  assert.deepEqual(await server.exited, [0, null], server.log())
  assert.doesNotMatch(server.log(), /Debugger listening/)
  for (const url of [ready.claimUrl, link.url]) assert.ok(!server.log().includes(url.split('#')[1]))
})

test('a taken port ends the start with its exit code and the option to change it', async () => {
  const config = await settings()
  const first = start(config)
  const { port } = await readyLine(first)
  const other = {
    ...config,
    http: { port },
    sockets: { ...config.sockets, operator: `${config.sockets.operator}2` },
  }
  const second = start(other)
  assert.equal((await second.exited)[0], 11)
  assert.match(second.log(), /--port/)
  first.child.kill('SIGTERM')
  await first.exited
})

test('bad settings end the start, all reported together, reserved names among them', async () => {
  const config = await settings()
  const bad = {
    ...config,
    http: { port: 70_000, publicUrl: 'https://ci.example.org/mayfly' },
    organisation: { name: 'api' },
    colour: 'red',
  }
  const refused = start(bad)
  assert.equal((await refused.exited)[0], 7)
  for (const word of ['http.port', 'http.publicUrl', 'organisation.name', 'colour'])
    assert.ok(refused.log().includes(word), word)
  assert.throws(() => parseServerConfig('not json'), /E_CONFIG_INVALID/)
})

test('it says again and again that it does not stand still', async () => {
  const server = start(await settings())
  await readyLine(server)
  assert.ok(server.child.stdout)
  assert.equal(String(await once(server.child.stdout, 'data', { signal: deadline() })), '{"beat":true}\n')
  server.child.kill('SIGTERM')
  assert.deepEqual(await server.exited, [0, null])
})
