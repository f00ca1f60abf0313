// The jailer as an installation starts it: it starts the runner, without privileges, and again when it dies.
import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { needsRoot } from '../../test/support/jailer.ts'
import { spawn } from '../sys/index.ts'
import { parseJailerConfig } from './jailer.config.ts'

const program = new URL('./jailer.ts', import.meta.url).pathname
const sandbox = new URL('../sandbox/index.ts', import.meta.url).href
const sys = new URL('../sys/index.ts', import.meta.url).href
const contract = new URL('../sandbox/driver.contract.ts', import.meta.url).href

/** Says who it is, runs one step, keeps the sandbox open and waits. */
const runner = `
import { readFileSync } from 'node:fs'
import { channelOverIpc, openNamespaceDriver } from '${sandbox}'
import { systemClock, createLog } from '${sys}'
const { contractSpec, contractStep } = await import('${contract}')
import { Writable } from 'node:stream'
const config = JSON.parse(readFileSync(3, 'utf8'))
const driver = openNamespaceDriver({ channel: channelOverIpc(process), clock: systemClock, log: createLog('runner') })
const opened = await driver.open(contractSpec, AbortSignal.timeout(20000))
let out = ''
const gather = new Writable({ write: (chunk, encoding, done) => { out += chunk; done() } })
await opened.exec(contractStep('echo from inside'), { stdin: null, stdout: gather, stderr: gather }, AbortSignal.timeout(10000))
const status = readFileSync('/proc/self/status', 'utf8')
const field = (name) => new RegExp('^' + name + ':[ \\\\t]*(.*)$', 'm').exec(status)[1]
console.log(JSON.stringify({ pid: process.pid, config, out, uid: field('Uid'), groups: field('Groups'), bounding: field('CapBnd'),
  noNewPrivs: field('NoNewPrivs'), umask: field('Umask'), nest: opened.id }))
setInterval(() => undefined, 1000)
`

test('the runner is started without privileges, and again after kill -9, which leaves nothing', {
  skip: needsRoot,
  timeout: 60_000,
}, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-supervised-'))
  await chmod(directory, 0o711)
  await writeFile(join(directory, 'runner.ts'), runner, { mode: 0o644 })
  await chmod(join(directory, 'runner.ts'), 0o644)
  const config = {
    ...{
      installation: `s${process.pid}`,
      runDirectory: join(directory),
      repositoryRoots: [],
      stateDirectories: [],
      tools: {},
      slots: 1,
    },
    ...{
      runnerCommand: [process.execPath, join(directory, 'runner.ts')],
      runnerConfig: { hello: 1 },
      trustCa: null,
    },
    runnerUser: { uid: 4242, gid: 4242 },
  }
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] })
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  t.after(() => child.kill('SIGKILL'))
  const pipe = child.stdio[3]
  if (pipe && 'end' in pipe) pipe.end(JSON.stringify(config))
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const nextLine = async () => JSON.parse(String((await lines.next()).value))
  assert.equal((await nextLine()).program, 'jailer')
  const first = await nextLine()
  const { pid, nest, ...who } = first
  const fields = {
    uid: '4242\t4242\t4242\t4242',
    groups: '',
    bounding: '0000000000000000',
    noNewPrivs: '1',
    umask: '0077',
  }
  assert.deepEqual(who, { ...fields, config: { hello: 1 }, out: 'from inside\n' })
  process.kill(pid, 'SIGKILL')
  const second = await nextLine()
  assert.notEqual(second.pid, pid)
  assert.equal(await readFile(join(directory, 'nest-records', `${nest}.json`)).catch(() => null), null)
  child.kill('SIGTERM')
  assert.equal(await exited, 0)
  assert.throws(() => process.kill(second.pid, 0), /ESRCH/)
  await rm(directory, { recursive: true })
})

test('the configuration is closed, and every problem is told', () => {
  const good = {
    ...{
      installation: 'a',
      runDirectory: '/run/a',
      repositoryRoots: [],
      stateDirectories: [],
      tools: { release: '/opt/x' },
      slots: 1,
    },
    ...{ runnerCommand: null, trustCa: null },
  }
  assert.ok(parseJailerConfig(good).ok)
  for (const change of [
    ...[
      { more: 1 },
      { installation: 'A/..' },
      { runDirectory: 'relative' },
      { tools: { 'a/b': '/x' } },
      { tools: { a: 'x' } },
    ],
    ...[{ slots: 0 }, { runnerCommand: [] }, { runnerCommand: ['x'] }, { runnerUser: { uid: 0, gid: 0 } }],
  ])
    assert.equal(parseJailerConfig({ ...good, ...change }).ok, false, JSON.stringify(change))
  const both = parseJailerConfig({ ...good, slots: 'x', trustCa: 3 })
  assert.equal(both.problems.length, 2)
})
