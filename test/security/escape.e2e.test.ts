// Ways out of a real job of a real installation, and what such a job leaves. Everything planted on the host is a random
// value of the test's own and removed by it; every attempt is made inside a sandbox, by programs that refuse to run
// anywhere else and do no harm where they succeed (isolation.md §12, §13).
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Attempt, Run, Runner } from '../../src/protocol/api/shapes.ts'
import { openProbeHost, type ProbeHost } from '../../src/sandbox/probes/host.ts'
import { allProbes, judgeOutput, programFor, watchHost } from '../../src/sandbox/probes/run.ts'
import { type Api, createApi, jobOf, stepIndex } from '../support/api.ts'
import { createRepository } from '../support/git-host.ts'
import { openInstallation, type TestInstallation, waitFor } from '../support/installation.ts'
import { findLeftovers, installationName, processesNaming } from '../support/leftovers.ts'
import { type LoopDisk, openLoopDisk } from '../support/loop-disk.ts'
import {
  diskHolds,
  filesWith,
  formsOf,
  holds,
  kernelLogHolds,
  memoryWith,
  processesWith,
  swapWith,
  tracesOfNest,
} from '../support/residue.ts'
import { daemon, neighbour, plant, search } from './residents.ts'

const image = 'docker: [{image: cimg/base:stable}]'
const resident = `  resident:
    ${image}
    steps:
      - checkout
      - run: {name: Beside, background: true, command: exec sleep 100000}
      - run: {name: Plant, command: sh plant.sh}`
const configuration = (env: Readonly<Record<string, string>>) => `version: 2.1
jobs:
  attempts:
    ${image}
    environment: ${JSON.stringify(env)}
    steps:
      - checkout
      - run: {name: Attempts, command: perl < probes.pl}
      - run: {name: Search, command: sh search.sh}
${resident}
  neighbour:
    ${image}
    steps:
      - checkout
      - run: {name: Look, command: sh neighbour.sh}
workflows:
  all:
    jobs: [attempts, resident, neighbour: {requires: [resident]}]
`
const stayingConfiguration = `version: 2.1
jobs:
${resident}
      - run: {name: Stay, command: sleep 600}
workflows: {all: {jobs: [resident]}}
`

const foreignConfiguration = `version: 2.1
jobs:
  apple: {macos: {xcode: "15.0.0"}, steps: [run: echo I ran]}
  windows: {machine: {image: "windows-server-2022-gui:current"}, resource_class: windows.medium, steps: [run: echo I ran]}
  graphics: {machine: {image: "linux-cuda-12:default"}, resource_class: gpu.nvidia.small, steps: [run: echo I ran]}
  service: {docker: [{image: cimg/base:stable}, {image: "postgres:16"}], steps: [run: echo I ran]}
workflows: {all: {jobs: [apple, windows, graphics, service]}}
`

type World = {
  readonly directory: string
  /** Everything changed after it was made is newer. */
  readonly stamp: string
  readonly installation: TestInstallation
  /** Everything the installation keeps is on it; null where the machine lends no loop device. */
  readonly disk: LoopDisk | null
  readonly api: Api
  readonly host: ProbeHost
  readonly run: Run
  /** Host listeners reached since before the first attempt. */
  readonly seen: ReturnType<ReturnType<typeof watchHost>>
}
const diskBytes = 1024 ** 3
let world: World
/** Undone in reverse, also when the beginning fails in the middle. */
const undo: (() => Promise<void>)[] = []

before(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-escape-'))
  undo.push(() => rm(directory, { recursive: true, force: true }))
  await chmod(directory, 0o755)
  const stamp = join(directory, 'stamp')
  await writeFile(stamp, '')
  const disk = openLoopDisk(diskBytes)
  undo.push(async () => disk?.close())
  const place = disk === null ? {} : { data: join(disk.directory, 'data') }
  const installation = await openInstallation({ args: ['--no-sample', '--local-repos', directory], ...place })
  undo.push(() => closeCompletely(installation))
  const api = createApi(installation)
  const host = await plantOnHost(installation)
  const { text, env } = programFor(allProbes, host)
  const add = async (name: string, config: string, files: Readonly<Record<string, string>>) => {
    const { bare } = await createRepository(directory, name, { '.circleci/config.yml': config, ...files })
    await api.addProject(name, { kind: 'local', path: bare })
  }
  const hiding = { 'plant.sh': plant, 'daemon.pl': daemon }
  const looking = { 'probes.pl': text, 'neighbour.sh': neighbour, 'search.sh': search }
  await add('escape', configuration(env), { ...hiding, ...looking })
  await add('staying', stayingConfiguration, hiding)
  await add('foreign', foreignConfiguration, {})
  await waitFor('a measured runner', async () => (await factsOf(api)).tier === 'container')
  const watch = watchHost(host)
  const started = await api.post<Run>('/api/v1/runs', { project: 'escape' })
  const run = await api.finishedRun(started.id, 120_000)
  world = { directory, stamp, installation, disk, api, host, run, seen: watch([]) }
})

after(async () => {
  for (const step of undo.reverse()) await step()
})

const plantOnHost = async ({ data, run }: TestInstallation): Promise<ProbeHost> => {
  const sockets = execFileSync('find', [run, '-type', 's'], { encoding: 'utf8' }).split('\n').filter(Boolean)
  const parts = ['vault', 'runner', 'server'].map((part) => join(data, part))
  const host = await openProbeHost({ stateDirectories: [...parts, data, '/root'], sockets })
  undo.push(async () => {
    await host.close()
    const left = host.targets.canaries.filter((path) => existsSync(path))
    assert.deepEqual(left, [], 'the test took everything it planted')
  })
  return host
}

/** Ctrl-C, then the machine is as before; also what the jailer planted for its runner is gone. */
const closeCompletely = async (installation: TestInstallation): Promise<void> => {
  const { data, run } = installation
  const name = installationName(data)
  await installation.close()
  assert.deepEqual(findLeftovers({ data, run, installation: name }), [])
  const places = ['/etc', '/opt', '/home', '/srv'].map((place) => `${place}/mayfly-canary-${name}`)
  assert.deepEqual(
    places.filter((path) => existsSync(path)),
    [],
  )
}

const factsOf = async (api: Api): Promise<Readonly<Record<string, unknown>>> =>
  (await api.get<{ items: readonly Runner[] }>('/api/v1/runners')).items[0]?.facts ?? {}

/** The newest attempt of a job and the lines of one of its steps. */
const attemptOf = async (run: Run, job: string): Promise<Attempt> => {
  const newest = jobOf(run, job).attempts.at(-1)
  assert.ok(newest, `job ${job} never ran: ${run.headline}`)
  return world.api.get<Attempt>(`/api/v1/attempts/${newest.id}`)
}
const linesOf = async (run: Run, job: string, step: string): Promise<string[]> => {
  const attempt = await attemptOf(run, job)
  return world.api.logLines(attempt.id, stepIndex(attempt, step))
}
const beginningWith = (lines: readonly string[], word: string): string[] =>
  lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1))

type Claims = {
  readonly measuredTier: string
  readonly measuredAt: string | null
  readonly cells: readonly { readonly leftovers: number }[]
  readonly gone: readonly { readonly check: string; readonly ok: boolean; readonly detail: string }[]
}
const receiptOf = async (run: Run, job: string): Promise<Claims> => {
  const { receipt } = await attemptOf(run, job)
  assert.ok(receipt?.verified, `job ${job} has no receipt that verifies`)
  return receipt.claims as unknown as Claims
}

/** isolation.md §12: the list that the namespace driver has to hold, `F01` to `N08`. */
const catalogue = Object.entries({ F: 18, P: 13, S: 23, N: 8 }).flatMap(([letter, count]) =>
  Array.from({ length: count }, (_, i) => `${letter}${String(i + 1).padStart(2, '0')}`),
)

test('what is planted on the host can be seen by whoever is on the host', async () => {
  const { host } = world
  const places = host.targets.canaries.map((path) => path.slice(0, path.lastIndexOf('/')))
  for (const place of ['/etc', '/opt', '/home', '/srv', '/root', '/tmp', '/dev/shm'])
    assert.ok(places.includes(place), place)
  for (const path of host.targets.canaries) assert.ok(host.planted.includes(readFileSync(path, 'utf8')), path)
  const before = host.accepted('loopback')
  const socket = connect(host.targets.ports.loopback, '127.0.0.1').on('error', () => undefined)
  await waitFor('the listener to count', () => host.accepted('loopback') > before, 5_000)
  socket.destroy()
  assert.ok(host.targets.sockets.length >= 3, 'sockets of ours to try')
})

test('every attempt of the catalogue to leave a job is made, and held', async (t) => {
  assert.equal(catalogue.length, 62)
  const lines = await linesOf(world.run, 'attempts', 'Attempts')
  const results = judgeOutput(allProbes, lines.join('\n'), world.seen, 'it printed nothing')
  const verdicts = new Map(results.map(({ id, verdict }) => [id, verdict]))
  for (const id of catalogue) assert.ok(verdicts.has(id), `no probe ${id}`)
  assert.deepEqual(
    results.filter(({ verdict }) => verdict !== 'held'),
    [],
  )
  t.diagnostic(`${results.length} attempts held`)
})

test('a job that searches finds nothing of the host', async () => {
  const lines = await linesOf(world.run, 'attempts', 'Search')
  assert.deepEqual(beginningWith(lines, 'found'), [])
  assert.deepEqual(beginningWith(lines, 'calibrated'), [`/tmp/decoy:planted${'0'.repeat(32)}`])
})

test('what ran says how well it was walled in, as measured', async () => {
  const facts = await factsOf(world.api)
  assert.equal(facts.tier, 'container')
  assert.ok(Date.parse(String(facts.measuredAt)) > 0)
  assert.deepEqual(facts.stops, [
    ...Array.from({ length: 20 }, (_, i) => `T-${String(i + 1).padStart(2, '0')}`),
    'T-22',
  ])
  const receipt = await receiptOf(world.run, 'attempts')
  assert.equal(receipt.measuredTier, 'container')
  assert.equal(receipt.measuredAt, facts.measuredAt)
})

/** The secret of a job that planted it everywhere it can, and what it said of that. */
const secretOf = async (run: Run): Promise<string> => {
  const lines = await linesOf(run, 'resident', 'Plant')
  assert.equal(beginningWith(lines, 'planted').length, 7)
  const processes = Number(/processes with it: (\d+)/.exec(lines.join('\n'))?.[1])
  assert.ok(processes >= 3, `${processes} of the job's processes carried it`)
  const [secret = ''] = beginningWith(lines, 'secret')
  assert.match(secret, /^[0-9a-f]{32}$/)
  return secret
}

/** What the job made of the secret it printed, and printed nowhere. */
const hiddenOf = (secret: string): string => createHash('sha256').update(secret).digest('hex').slice(0, 32)

const expectNothingOf = async (secret: string): Promise<void> => {
  const forms = [...formsOf(secret), ...formsOf(hiddenOf(secret))]
  assert.deepEqual(processesWith(forms), [])
  const { directory, stamp } = world
  const decoy = join(directory, 'decoy')
  await writeFile(decoy, Buffer.from(`..${secret}..`).toString('base64'))
  assert.deepEqual(filesWith(forms, stamp), [decoy], 'only what the test itself put there is found')
  await rm(decoy)
  expectNothingInDatabase(forms)
  await expectNothingInMemory(secret)
  expectNothingOnDisk(forms)
  assert.deepEqual(swapWith(forms), [])
  assert.equal(kernelLogHolds(forms), false)
}

const expectNothingInDatabase = (forms: readonly Buffer[]): void => {
  const { data, run } = world.installation
  const dump = execFileSync('pg_dump', ['-h', join(run, 'pg'), '-U', 'mayfly', 'mayfly'], {
    env: { PATH: process.env.PATH ?? '', PGPASSWORD: readFileSync(join(data, 'pg/password'), 'utf8').trim() },
    maxBuffer: 256 * 1024 * 1024,
  })
  assert.ok(dump.includes('escape'), 'the dump has the project')
  assert.equal(holds(dump, forms), false, 'the database has no plaintext of a log')
}

/**
 * What the job hid was in nobody's memory but its own. What it printed passes through two: the runner, which seals it,
 * and the server, of which this test has asked the log as text; there it may lie where nobody uses it any more.
 */
const expectNothingInMemory = async (secret: string): Promise<void> => {
  const { data, run } = world.installation
  const parts = ['supervisor', 'server', 'vault', 'jailer', 'runner']
  const ours = processesNaming([data, run])
  const nameOf = (line: string) => parts.find((part) => line.includes(`/${part}.js`)) ?? 'database'
  assert.deepEqual(new Set(ours.map(({ line }) => nameOf(line))), new Set([...parts, 'database']))
  const without = (...names: readonly string[]) =>
    ours.filter(({ line }) => !names.includes(nameOf(line))).map(({ pid }) => pid)
  const holder = await startHolder(secret)
  try {
    const found = memoryWith(formsOf(secret), [...without('runner', 'server'), holder.pid])
    assert.deepEqual(
      found.map((text) => text.includes(`process ${holder.pid}:`)),
      [true],
      found.join(', '),
    )
    assert.deepEqual(memoryWith(formsOf(hiddenOf(secret)), without()), [])
  } finally {
    holder.stop()
  }
}

/** A process that has the secret in its heap and nowhere else. */
const startHolder = async (secret: string): Promise<{ readonly pid: number; stop(): void }> => {
  const program = `my $held = <STDIN>; $held x= 2; $| = 1; print "held\\n"; <STDIN>`
  const child = spawn('perl', ['-e', program], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.write(`${secret}\n`)
  await once(child.stdout, 'data')
  return { pid: child.pid ?? 0, stop: () => child.stdin.end() }
}

/** Raw, with a file that was written and deleted to show that such are found. */
const expectNothingOnDisk = (forms: readonly Buffer[]): void => {
  const { disk } = world
  if (disk === null) return
  const decoy = randomBytes(16).toString('hex')
  const path = join(disk.directory, 'decoy')
  const file = openSync(path, 'wx')
  writeSync(file, `${decoy}\n`)
  fsyncSync(file)
  closeSync(file)
  rmSync(path)
  disk.flush()
  assert.equal(diskHolds(disk.image, formsOf(decoy)), true, 'what was deleted can be read')
  assert.equal(diskHolds(disk.image, forms), false)
}

test('a job that hid itself everywhere leaves nothing when it has passed', async (t) => {
  if (world.disk === null) t.diagnostic('no loop device here: the raw disk is not searched')
  assert.equal(jobOf(world.run, 'resident').status, 'passed')
  const secret = await secretOf(world.run)
  const receipt = await receiptOf(world.run, 'resident')
  assert.ok((receipt.cells.at(-1)?.leftovers ?? 0) >= 4, 'there were processes to end')
  assert.ok(receipt.gone.length >= 5)
  assert.deepEqual(
    receipt.gone.filter(({ ok }) => !ok),
    [],
  )
  await expectNothingOf(secret)
})

test('the next job on the machine finds nothing of it', async () => {
  const lines = await linesOf(world.run, 'neighbour', 'Look')
  assert.deepEqual(beginningWith(lines, 'found'), [])
  assert.deepEqual(beginningWith(lines, 'calibrated'), ['/tmp/residue'])
})

test('a job that is cancelled while it hides leaves nothing either', async () => {
  const { api } = world
  const { id } = await api.post<Run>('/api/v1/runs', { project: 'staying' })
  const hidden = await waitFor('the job, seen from outside', () => residents()[0])
  const nest = /\/([a-z2-7]{8})$/m.exec(readFileSync(`/proc/${hidden}/cgroup`, 'utf8'))?.[1]
  assert.ok(nest, 'the job is in a control group of its own')
  assert.notDeepEqual(tracesOfNest(nest), [], 'the search finds a nest that is there')
  await waitFor('the step after it', async () => {
    const run = await api.get<Run>(`/api/v1/runs/${id}`)
    return (await attemptOf(run, 'resident')).steps.some(
      (step) => step.name === 'Stay' && step.status === 'running',
    )
  })
  await api.post(`/api/v1/runs/${id}/cancel`)
  const run = await api.finishedRun(id)
  assert.equal(jobOf(run, 'resident').status, 'cancelled')
  await receiptOf(run, 'resident')
  assert.equal(existsSync(`/proc/${hidden}/cgroup`), false)
  assert.deepEqual(residents(), [])
  assert.deepEqual(tracesOfNest(nest), [])
  await expectNothingOf(await secretOf(run))
})

test('what cannot be walled in here is not run at all, and the page says why', async () => {
  const { api } = world
  const { id } = await api.post<Run>('/api/v1/runs', { project: 'foreign' })
  const run = await api.finishedRun(id)
  const jobs = run.jobs.filter((job) => job.kind === 'job')
  const said = jobs.map((job) => [job.key, job.status, job.attempts.at(-1)?.failure?.message])
  assert.deepEqual(said, [
    ['apple', 'failed', 'This job needs macOS (15.0.0); this runner is Linux.'],
    ['windows', 'failed', 'This job needs Windows (windows-server-2022-gui:current); this runner is Linux.'],
    [
      ...['graphics', 'failed'],
      'This job needs a GPU (resource class gpu.nvidia.small); no runner offered that class when the run was planned.',
    ],
    [
      ...['service', 'failed'],
      'This job needs the service container "postgres:16"; this runner cannot start service containers. A "run" step with "background: true" can start the program instead.',
    ],
  ])
  for (const { key } of jobs) assert.equal((await attemptOf(run, key)).receipt, null, 'no sandbox was made')
})

/** Processes of the job whose arguments carry a secret. */
const residents = (): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return /residue-[0-9a-f]{32}/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'))
      } catch {
        return false
      }
    })
    .map(Number)
