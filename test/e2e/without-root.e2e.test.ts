// Without root: a fresh clone in the home of an OS user without any privilege, made for this test. `mayfly run`, `mayfly up`
// to a green sample run, what all of it says of itself, a backup, down, and up again from that backup; nothing of his is left
// running, nor his files touched.
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Attempt, Run, Runner } from '../../src/protocol/api/shapes.ts'
import { type Api, createApi, jobOf } from '../support/api.ts'
import { makeDelegatedGroup } from '../support/delegated-group.ts'
import { freePort, repository, waitFor } from '../support/installation.ts'
import { makeOrdinaryUser, type OrdinaryUser } from '../support/ordinary-user.ts'

const isRoot = process.getuid?.() === 0
const skip = isRoot ? false : 'needs root to make an OS user'
let user: OrdinaryUser
let clone = ''
let project = ''

/** Their files are root's, and only read: as links where that can be. */
const copyPackages = (): void => {
  const from = join(repository, 'node_modules')
  try {
    execFileSync('cp', ['-al', from, clone], { stdio: 'ignore' })
  } catch {
    execFileSync('cp', ['-a', from, clone])
  }
}

before(() => {
  if (!isRoot) return
  user = makeOrdinaryUser()
  clone = join(user.home, 'mayfly')
  project = join(user.home, 'hello')
  execFileSync('git', ['clone', '--quiet', '--no-hardlinks', repository, clone])
  copyPackages()
  execFileSync('cp', ['-r', join(repository, 'examples/hello'), project])
  execFileSync('chown', ['-R', `${user.name}:`, project])
  // Never a file of the packages: it may be the very one of the clone we are in.
  const own = ['(', '-type', 'd', '-o', '-not', '-path', `${join(clone, 'node_modules')}/*`, ')']
  execFileSync('find', [clone, ...own, '-exec', 'chown', '-h', `${user.name}:`, '{}', '+'])
  assert.equal(user.run(['git', 'init', '--quiet', '--initial-branch=main', project]).code, 0)
})
after(() => user?.remove())

const mayfly = (words: readonly string[], cwd = project) =>
  user.run([join(clone, 'mayfly'), ...words], { cwd })

test('mayfly run: a green verdict, and in words what is weaker', { skip, timeout: 180_000 }, async () => {
  const run = mayfly(['run'])
  assert.equal(run.code, 0, run.stdout + run.stderr)
  assert.match(run.stdout, /^\[greet\] Hello, world!$/m)
  assert.match(run.stdout, /rootless: nothing limits the memory and processor of this job/)
  assert.match(run.stdout, /✓ passed\tdone/)
  // It was the first command of the clone: what the build started may take a moment longer to end.
  await waitFor('the end of all its processes', () => user.processes().length === 0, 5_000)
})

test('doctor finds every way out held, and says what it does not claim', { skip, timeout: 120_000 }, () => {
  const { code, stdout, stderr } = mayfly(['doctor', '--json'])
  assert.equal(code, 0, stderr)
  const findings = JSON.parse(stdout) as { check: string; status: string; detail: string; fix: string }[]
  const of = (check: string) => findings.find((finding) => finding.check === check)
  assert.match(of('isolation')?.detail ?? '', /^tier rootless, measured now: (\d+) of \1 ways out held/)
  assert.equal(of('sandbox')?.status, 'weak')
  assert.match(of('sandbox')?.detail ?? '', /memory and processor of a job are neither limited nor measured/)
  assert.match(of('sandbox')?.fix ?? '', /sudo/)
  assert.equal(of('cgroups')?.status, 'weak')
  const own = ['.', '.ssh', '.config'].map((name) => join(user.home, name)).filter(existsSync)
  const planted = own.flatMap((place) => readdirSync(place)).filter((name) => name.includes('canary'))
  assert.deepEqual(planted, [], 'what was planted to be looked for is gone')
})

test('in a control group that was delegated, doctor and run say what is limited', {
  skip,
  timeout: 180_000,
}, () => {
  const group = makeDelegatedGroup(user)
  try {
    const inGroup = (...words: readonly string[]) => {
      const [file = '', ...args] = group.command(user.command([join(clone, 'mayfly'), ...words]))
      return spawnSync(file, args, {
        cwd: project,
        env: user.env,
        encoding: 'utf8',
        timeout: 150_000,
        killSignal: 'SIGKILL',
      })
    }
    const looked = inGroup('doctor', '--json')
    assert.equal(looked.status, 0, looked.stderr)
    const findings = JSON.parse(looked.stdout) as { check: string; status: string; detail: string }[]
    const of = (check: string) => findings.find((finding) => finding.check === check)
    assert.equal(of('cgroups')?.status, 'ok')
    assert.match(of('cgroups')?.detail ?? '', /delegated to you: .*memory/)
    assert.doesNotMatch(of('isolation')?.detail ?? '', /tier rootless/)
    assert.doesNotMatch(of('sandbox')?.detail ?? '', /neither limited/)
    const run = inGroup('run', '--isolation', 'container')
    assert.equal(run.status, 0, run.stdout + run.stderr)
    assert.doesNotMatch(run.stdout, /nothing limits/)
    group.remove()
  } finally {
    for (const pid of user.processes()) process.kill(pid, 'SIGKILL')
  }
})

type Up = { readonly api: Api; readonly output: () => string; stop(): Promise<void> }

const stateDirectory = () => join(user.home, '.local/state/mayfly')
const dataDirectory = () => join(user.home, '.local/share/mayfly')
const keyFile = () => join(user.home, '.config/mayfly/root.key')

/** Until it says that it is there. */
const up = async (...flags: readonly string[]): Promise<Up> => {
  const ports = ['--port', `${await freePort()}`, '--runner-port', `${await freePort()}`]
  const [file, ...args] = user.command([join(clone, 'mayfly'), 'up', ...ports, ...flags])
  const child = spawn(file, args, { cwd: user.home, env: user.env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = gather(child)
  await waitFor(
    'mayfly up',
    () => {
      assert.equal(child.exitCode, null, output())
      return /Press Ctrl-C/.test(output())
    },
    120_000,
  )
  const stop = async () => {
    const ended = once(child, 'exit')
    // The whole foreground group, as a terminal does it: the launcher became the program.
    child.kill('SIGINT')
    const [code] = await ended
    assert.equal(code, 0, output())
    await waitFor('the end of all its processes', () => user.processes().length === 0, 5_000)
    assert.ok(!existsSync(stateDirectory()), 'the directory of its sockets is gone')
    assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(user.home))
  }
  return { api: createApi({ run: stateDirectory() }), output, stop }
}

test('mayfly up: the sample passes, everybody is told the class, a backup is proven, Ctrl-C leaves nothing', {
  skip,
  timeout: 300_000,
}, async () => {
  const early = mayfly(['backup', 'create', '--to', user.home])
  assert.notEqual(early.code, 0)
  assert.match(early.stderr, /of a running installation: mayfly up; of the one that root started: sudo/)
  const installation = await up()
  const { api, output } = installation
  assert.match(output(), /without root: all its programs run as you/)
  assert.match(output(), /the sample run passed/)
  await whatIsSaid(api)
  const keys = statSync(keyFile())
  assert.deepEqual([keys.uid, keys.mode & 0o777], [user.uid, 0o400])
  assert.ok(user.processes().length > 5)
  const strangers = readdirSync('/proc').filter(
    (pid) => isOfClone(pid) && statSync(`/proc/${pid}`).uid !== user.uid,
  )
  assert.deepEqual(strangers, [], 'none of its programs is anybody else')
  await backUp(api)
  await installation.stop()
})

const kept: { backup: string; run: string; said: readonly string[] } = { backup: '', run: '', said: [] }

const saidIn = async (api: Api, id: string): Promise<readonly string[]> => {
  const run = await api.get<Run>(`/api/v1/runs/${id}`)
  assert.equal(run.status, 'passed')
  const newest = jobOf(run, 'greet').attempts.at(-1)
  const attempt = await api.get<Attempt>(`/api/v1/attempts/${newest?.id}`)
  assert.ok(attempt.log_complete)
  return api.logLines(attempt.id, attempt.steps.at(-1)?.index ?? 0)
}

const backUp = async (api: Api): Promise<void> => {
  const { items } = await api.get<{ items: readonly Run[] }>('/api/v1/runs')
  kept.run = items[0]?.id ?? assert.fail('no run')
  kept.said = await saidIn(api, kept.run)
  assert.match(kept.said.join('\n'), /^Hello, world!$/m)
  const nowhere = mayfly(['backup', 'create', '--to', '/usr'])
  assert.notEqual(nowhere.code, 0)
  assert.match(nowhere.stderr, /\/usr takes no directory of yours \(EACCES\): name another place with --to/)
  const made = mayfly(['backup', 'create', '--to', join(user.home, 'backups')])
  assert.equal(made.code, 0, made.stderr)
  kept.backup = made.stdout.trim()
  const proven = mayfly(['backup', 'verify', kept.backup])
  assert.equal(proven.code, 0, proven.stderr)
  assert.match(proven.stdout, /^proven: of .*, 1 project, \d+ runs?/)
  assert.match(mayfly(['backup', 'list']).stdout, /\t\d+\t2\d{3}-/, 'and its proof was noted')
  const owners = ['', ...readdirSync(kept.backup)].map((name) => statSync(join(kept.backup, name)))
  assert.ok(owners.every(({ uid, mode }) => uid === user.uid && (mode & 0o077) === 0))
}

test('a backup is restored where nothing is left, and what it holds is there again', {
  skip,
  timeout: 300_000,
}, async () => {
  const rootKey = join(user.home, 'root.key.copy')
  renameSync(keyFile(), rootKey)
  for (const lost of [dataDirectory(), dirname(keyFile())]) rmSync(lost, { recursive: true })
  const elsewhere = mayfly([
    ...['backup', 'restore', kept.backup, '--root-key', rootKey],
    ...['--data', '/usr/mayfly-of-nobody'],
  ])
  assert.equal(elsewhere.code, 11)
  assert.match(elsewhere.stderr, /cannot be made \(EACCES\): name a directory of yours with --data, or start/)
  const restored = mayfly(['backup', 'restore', kept.backup, '--root-key', rootKey])
  assert.equal(restored.code, 0, restored.stderr)
  assert.deepEqual(user.processes(), [])
  const installation = await up('--no-sample')
  assert.deepEqual(await saidIn(installation.api, kept.run), kept.said)
  await installation.stop()
})

const isOfClone = (pid: string): boolean => {
  try {
    return (
      /^\d+$/.test(pid) &&
      Number(pid) !== process.pid &&
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${user.home}/.local`)
    )
  } catch {
    return false
  }
}

const whatIsSaid = async (api: Api): Promise<void> => {
  const oneUser = /vault, server, database and runner are one user/
  const facts = async () =>
    (await api.get<{ items: readonly Runner[] }>('/api/v1/runners')).items[0]?.facts ?? {}
  await waitFor('a measured runner', async () => (await facts()).tier === 'rootless')
  assert.ok(!String((await facts()).stops).includes('T-16'))
  const status = mayfly(['status'])
  assert.equal(status.code, 0, status.stderr)
  assert.match(status.stdout, /runners\t.*tier rootless/)
  assert.match(status.stdout, oneUser)
  const started = await api.post<Run>('/api/v1/runs', { project: 'hello' })
  const run = await api.finishedRun(started.id)
  assert.equal(run.status, 'passed', run.headline ?? '')
  const [newest] = jobOf(run, 'greet').attempts
  const { receipt } = await api.get<Attempt>(`/api/v1/attempts/${newest?.id}`)
  assert.ok(receipt?.verified)
  // SAFE: the claims of our own runner, whose signature was just checked.
  const claims = receipt.claims as unknown as {
    weak: string[]
    measuredTier: string
    gone: { ok: boolean }[]
    engine: { class: string }
  }
  assert.equal(claims.measuredTier, 'rootless')
  assert.equal(claims.engine.class, 'rootless')
  assert.match(claims.weak.join('\n'), oneUser)
  assert.match(claims.weak.join('\n'), /neither limited nor measured/)
  assert.ok(claims.gone.length > 0 && claims.gone.every(({ ok }) => ok))
}

const gather = (child: ChildProcess): (() => string) => {
  const chunks: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => chunks.push(String(chunk)))
  return () => chunks.join('')
}
