// The jailer as an installation starts it: it starts the runner, without privileges, and again when it dies.
import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { endingWithUs, needsRoot } from '../../test/support/jailer.ts'
import { spawn } from '../sys/index.ts'
import { parseJailerConfig } from './jailer.config.ts'

const jailer = new URL('./jailer.ts', import.meta.url).pathname
const sandbox = new URL('../sandbox/index.ts', import.meta.url).href
const sys = new URL('../sys/index.ts', import.meta.url).href
const contract = new URL('../sandbox/steps.contract.ts', import.meta.url).href

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

/** Asks for three sandboxes and takes none of them: it stands still before they are handed over. */
const deafRunner = `
import { readFileSync } from 'node:fs'
import { channelOverIpc, openNamespaceDriver } from '${sandbox}'
import { systemClock, createLog } from '${sys}'
const { contractSpec } = await import('${contract}')
readFileSync(3, 'utf8')
const driver = openNamespaceDriver({ channel: channelOverIpc(process), clock: systemClock, log: createLog('runner') })
for (let i = 0; i < 3; i++) driver.open(contractSpec, AbortSignal.timeout(20000)).catch(() => undefined)
setTimeout(() => {
  console.log(JSON.stringify({ pid: process.pid }))
  process.kill(process.pid, 'SIGSTOP')
}, 10)
`

const startJailer = async (t: TestContext, program: string) => {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-supervised-'))
  await chmod(directory, 0o711)
  await writeFile(join(directory, 'runner.ts'), program, { mode: 0o644 })
  await chmod(join(directory, 'runner.ts'), 0o644)
  const config = {
    ...{
      installation: `s${process.pid}`,
      runDirectory: directory,
      repositoryRoots: [],
      stateDirectories: [],
    },
    ...{ tools: {}, slots: 1, trustCa: null, runnerUser: { uid: 4242, gid: 4242 } },
    ...{ runnerCommand: [process.execPath, join(directory, 'runner.ts')], runnerConfig: { hello: 1 } },
  }
  const [file = '', ...args] = endingWithUs([process.execPath, jailer])
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] })
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  t.after(async () => {
    child.kill('SIGKILL')
    await exited
    await rm(directory, { recursive: true, force: true })
  })
  const pipe = child.stdio[3]
  if (pipe && 'end' in pipe) pipe.end(JSON.stringify(config))
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  const nextLine = async () => {
    for (;;) {
      const line = JSON.parse(String((await lines.next()).value))
      if (line.beat !== true) return line
    }
  }
  assert.equal((await nextLine()).program, 'jailer')
  const records = join(directory, 'nest-records')
  const end = async () => {
    child.kill('SIGTERM')
    return exited
  }
  return { nextLine, records, end }
}

/** Records of nests in whose job cell the loop runs: bubblewrap twice, the shell and its reader. */
const standing = async (records: string): Promise<readonly string[]> => {
  const names = await readdir(records)
  const counts = await Promise.all(
    names.map(async (name) => {
      try {
        const { groups } = JSON.parse(await readFile(join(records, name), 'utf8'))
        const members = await readFile(join(groups[0], 'cgroup.procs'), 'utf8')
        return members.split('\n').filter(Boolean).length
      } catch {
        // Half written, or its group is not there yet.
        return 0
      }
    }),
  )
  return names.filter((_, i) => (counts[i] ?? 0) >= 4)
}

const options = { skip: needsRoot, timeout: 60_000 }

test(
  'the runner is started without privileges, and again after kill -9, which leaves nothing',
  options,
  async (t) => {
    const { nextLine, records, end } = await startJailer(t, runner)
    const { pid, nest, ...who } = await nextLine()
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
    assert.equal(await readFile(join(records, `${nest}.json`)).catch(() => null), null)
    assert.equal(await end(), 0)
    assert.throws(() => process.kill(second.pid, 0), /ESRCH/)
  },
)

test(
  'a runner that dies while nests are handed to it leaves nothing, and is started again',
  options,
  async (t) => {
    const { nextLine, records, end } = await startJailer(t, deafRunner)
    const first = await nextLine()
    // They stand, and what should go to the runner waits for it.
    while ((await standing(records)).length < 3) await sleep(5)
    const before = new Set(await readdir(records))
    process.kill(first.pid, 'SIGKILL')
    const second = await nextLine()
    assert.notEqual(second.pid, first.pid)
    assert.deepEqual(
      (await readdir(records)).filter((name) => before.has(name)),
      [],
    )
    process.kill(second.pid, 'SIGKILL')
    assert.equal(await end(), 0)
  },
)

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
