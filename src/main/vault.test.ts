// The vault as its own program, with the flags it is deployed with: starts from descriptor 3, answers on its sockets
// only, survives kill -9, and refuses what is not set up safely.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { randomBytes, spawn } from '../sys/index.ts'
import { parseVaultConfig } from './vault.config.ts'

const root = await mkdtemp(join(tmpdir(), 'mf-'))
after(() => rm(root, { recursive: true, force: true }))
const program = fileURLToPath(new URL('./vault.ts', import.meta.url))
const source = fileURLToPath(new URL('../', import.meta.url))

const makeConfig = async () => {
  const base = await mkdtemp(join(root, 'v'))
  const config = {
    dataDir: join(base, 'data'),
    rootKeyPath: join(base, 'root.key'),
    keyringPath: join(base, 'keyring'),
    serverSocket: join(base, 'run', 'vault.sock'),
    adminSocket: join(base, 'admin', 'vault-admin.sock'),
    installation: 'test',
    oidcBase: 'https://id.example',
  }
  await writeFile(config.rootKeyPath, randomBytes(32), { mode: 0o400 })
  await mkdir(join(base, 'run'), { mode: 0o710 })
  await mkdir(join(base, 'admin'), { mode: 0o700 })
  return config
}
type Config = Awaited<ReturnType<typeof makeConfig>>

/** As the supervisor starts it: no third-party code can load, no child can start, only its own files can be touched. */
const flagsFor = (config: Config) => [
  '--disable-sigusr1',
  '--disable-proto=delete',
  '--disallow-code-generation-from-strings',
  '--no-addons',
  '--permission',
  ...[source, dirname(config.dataDir)].map((path) => `--allow-fs-read=${path}`),
  `--allow-fs-write=${dirname(config.dataDir)}`,
]

const start = (config: Config, document = JSON.stringify(config)) => {
  const child = spawn(process.execPath, [...flagsFor(config), program], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const [, stdout, stderr, pipe] = child.stdio as unknown as [null, Readable, Readable, Writable]
  pipe.end(document)
  let errors = ''
  stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const exited = once(child, 'exit', { signal: AbortSignal.timeout(20_000) }) as Promise<
    [number | null, string | null]
  >
  exited.catch(() => child.kill('SIGKILL'))
  const ready = async () => {
    const lines = createInterface({ input: stdout })
    const line = await Promise.race([
      once(lines, 'line', { signal: AbortSignal.timeout(15_000) }).then(([text]) => text as string),
      exited.then(() => assert.fail(`the vault ended: ${errors}`)),
    ])
    return JSON.parse(line) as { ready: boolean; epoch: string }
  }
  const nextLine = async () => String(await once(stdout, 'data', { signal: AbortSignal.timeout(15_000) }))
  return { child, ready, nextLine, exited, errors: () => errors }
}

const ask = (socketPath: string, verb: string, body: string | Uint8Array, type = 'application/json') =>
  new Promise<{ status: number; body: Record<string, unknown> }>((resolve, reject) => {
    const headers = { 'content-type': type, 'content-length': Buffer.byteLength(body) }
    const sent = request(
      { socketPath, path: `/v1/${verb}`, method: 'POST', headers, timeout: 5_000 },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })

test('the vault starts under the permission model, answers on both sockets and ends on SIGTERM', async () => {
  const config = await makeConfig()
  const vault = start(config)
  const { ready, epoch } = await vault.ready()
  assert.equal(ready, true)
  const onServer = await ask(config.serverSocket, 'health', '{}')
  const onAdmin = await ask(config.adminSocket, 'health', '{}')
  assert.deepEqual([onServer.status, onServer.body.epoch, onAdmin.body.epoch], [200, epoch, epoch])
  assert.equal((await ask(config.serverSocket, 'runner.revoke', '{}')).status, 404)
  assert.equal((await stat(config.adminSocket)).mode & 0o777, 0o600)
  assert.equal((await stat(config.dataDir)).mode & 0o777, 0o700)
  vault.child.kill('SIGTERM')
  assert.deepEqual(await vault.exited, [0, null], vault.errors())
  await assert.rejects(stat(config.serverSocket), { code: 'ENOENT' })
})

test('SIGUSR1 opens no inspector', async () => {
  const config = await makeConfig()
  const vault = start(config)
  await vault.ready()
  vault.child.kill('SIGUSR1')
  assert.equal((await ask(config.serverSocket, 'health', '{}')).status, 200)
  vault.child.kill('SIGTERM')
  await vault.exited
  assert.doesNotMatch(vault.errors(), /[Dd]ebugger/)
})

test('after kill -9 the next start takes over the stale sockets; a second vault beside a running one does not', async () => {
  const config = await makeConfig()
  const first = start(config)
  const before = await first.ready()
  const used = join(config.dataDir, 'used.log')
  const { ino } = await stat(used)
  const second = start(config)
  assert.deepEqual(await second.exited, [11, null])
  assert.match(second.errors(), /E_ALREADY_RUNNING/)
  assert.equal((await stat(used)).ino, ino, 'the refused one did not touch the store')
  first.child.kill('SIGKILL')
  await first.exited
  const third = start(config)
  assert.notEqual((await third.ready()).epoch, before.epoch)
  assert.equal((await ask(config.serverSocket, 'health', '{}')).status, 200)
  third.child.kill('SIGTERM')
  await third.exited
})

test('a body that is too large ends the connection with 413', async () => {
  const config = await makeConfig()
  const vault = start(config)
  await vault.ready()
  const answer = await ask(config.serverSocket, 'health', new Uint8Array(2 * 1024 * 1024 + 1)).catch(
    () => null,
  )
  // The answer may be lost to the reset that ends an unread body; being served would be wrong.
  assert.ok(answer === null || answer.status === 413)
  assert.equal((await ask(config.serverSocket, 'health', '{}')).status, 200)
  vault.child.kill('SIGTERM')
  await vault.exited
})

test('directories that strangers may enter, bad settings and an open root key stop the start', async () => {
  const open = await makeConfig()
  await chmod(dirname(open.serverSocket), 0o711)
  assert.deepEqual(await start(open).exited, [11, null])
  const admin = await makeConfig()
  await chmod(dirname(admin.adminSocket), 0o710)
  assert.deepEqual(await start(admin).exited, [11, null])
  const key = await makeConfig()
  await chmod(key.rootKeyPath, 0o440)
  assert.deepEqual(await start(key).exited, [11, null])
  const settings = await makeConfig()
  const bad = start(settings, '{"dataDir":"relative","extra":1}')
  assert.deepEqual(await bad.exited, [7, null])
  assert.match(bad.errors(), /unknown member .*extra.*dataDir: has a wrong form.*rootKeyPath: is missing/)
})

test('socket paths that the kernel would cut are refused', async () => {
  const config = await makeConfig()
  const long = parseVaultConfig(JSON.stringify({ ...config, serverSocket: `/${'x'.repeat(107)}` }))
  assert.equal(long.ok, false)
  assert.equal(parseVaultConfig(JSON.stringify(config)).ok, true)
  assert.equal(parseVaultConfig('not JSON').ok, false)
})

test('it says again and again that it does not stand still', async () => {
  const vault = start(await makeConfig())
  await vault.ready()
  assert.equal(await vault.nextLine(), '{"beat":true}\n')
  vault.child.kill('SIGTERM')
  assert.deepEqual(await vault.exited, [0, null])
})
