// Attempts behind the real wall: the namespace driver with its jailer, real shells, real Git, a real sshd on loopback.
// Needs root. The fast twin is attempt.test.ts.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { buildCompileTool } from '../../test/support/compile-tool.ts'
import { noContinuing } from '../../test/support/continuing.ts'
import { createRepository, openGitHost, type TestRepository } from '../../test/support/git-host.ts'
import { person } from '../../test/support/person-git.ts'
import { noStores } from '../../test/support/stores.ts'
import { formatId, uuid7 } from '../base/ids.ts'
import { silentLog } from '../base/log.ts'
import { Secret } from '../base/secret.ts'
import { openLocalSandboxes } from '../main/local-sandboxes.ts'
import type { JobSpec, PlanRunStep, PlanStep } from '../protocol/plan.ts'
import type { JobFacts, RefsLease, Source } from '../protocol/runner-wire.ts'
import type { UsageSeries } from '../protocol/usage-series.ts'
import { classes } from '../sandbox/index.ts'
import { systemClock } from '../sys/index.ts'
import { type AttemptResult, runJobAttempt } from './attempt.ts'
import { createFetchers } from './checkout/fetch.ts'
import { createGitTrees, type GitTreesDeps } from './checkout/git-trees.ts'
import { createPackStore } from './checkout/pack-store.ts'
import type { SourceDeps, SourceKey } from './checkout/source-cell.ts'
import { createSourceReaders } from './checkout/source-readers.ts'
import { createCompilers } from './compile-cell.ts'
import { createKnownPlans } from './evidence/known-plans.ts'
import { runPlanAttempt } from './plan.ts'
import { runRefsAttempt } from './refs.ts'
import type { TreeSource } from './tree-source.ts'

let root = ''
let sandboxes: Awaited<ReturnType<typeof openLocalSandboxes>>
let deps: GitTreesDeps & SourceDeps
let repository: TestRepository

const configuration =
  'version: 2.1\njobs: {a: {docker: [{image: x}], steps: [checkout, {run: ./ok.sh}]}}\nworkflows: {w: {jobs: [a]}}\n'

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'mayfly-runner-'))
  await chmod(root, 0o755)
  const tool = join(root, 'tool')
  await mkdir(join(root, 'agents'), { mode: 0o700 })
  await mkdir(join(root, 'repos'))
  repository = await createRepository(join(root, 'repos'), 'app', {
    '.circleci/config.yml': configuration,
    'file.txt': 'first\n',
  })
  await buildCompileTool(tool)
  execFileSync('chmod', ['-R', 'a+rX', root])
  sandboxes = await openLocalSandboxes({
    privateRanges: [],
    repositoryRoots: [join(root, 'repos')],
    tools: { release: tool },
  })
  const sources = {
    ...{ driver: sandboxes.driver, log: silentLog, limits: classes.small.limits },
    privateRanges: ['127.0.0.0/8'],
    agentDirectory: join(root, 'agents'),
  }
  const packs = createPackStore({ clock: systemClock })
  deps = {
    ...sources,
    packs,
    fetchers: createFetchers({
      ...sources,
      clock: systemClock,
      keepMs: 0,
      onStuck: () => assert.fail('stuck'),
    }),
  }
})
after(async () => {
  deps?.packs.close()
  await deps?.fetchers.close()
  await sandboxes?.close()
  await rm(root, { recursive: true, force: true })
})

const id = <K extends Parameters<typeof formatId>[0]>(kind: K) => formatId(kind, uuid7(1, new Uint8Array(10)))
const local: Source = { kind: 'local', root: 0, path: 'app.git' }
const eventOf = (commit: string) =>
  ({ kind: 'push', ref: 'refs/heads/main', commit, branch: 'main', tag: null }) as const
const factsOf = (source: Source, commit: string): JobFacts => ({
  organisation: { id: id('organisation'), name: 'acme' },
  project: { id: id('project'), name: 'app', defaultBranch: 'main' },
  run: { id: id('run'), number: 1, event: eventOf(commit) },
  workflow: { id: id('workflow'), name: 'w' },
  job: { id: id('job'), key: 'a', name: 'a', number: 1 },
  shard: { index: 0, total: 1 },
  serverUrl: 'http://localhost',
  source,
})

const run = (command: string, more: Partial<PlanRunStep> = {}): PlanRunStep => ({
  kind: 'run',
  name: command.split('\n')[0] ?? '',
  when: 'on_success',
  command,
  shell: null,
  env: [],
  background: false,
  workdir: null,
  noOutputTimeoutMs: 60_000,
  maxAutoReruns: 0,
  autoRerunDelayMs: 0,
  ...more,
})
const checkout: PlanStep = {
  kind: 'checkout',
  name: 'checkout',
  when: 'on_success',
  path: '.',
  method: 'shallow',
  depth: 1,
}

const noTrees: TreeSource = { place: async () => ({ ok: false, message: 'no tree' }) }

const play = async (
  steps: readonly PlanStep[],
  options: {
    trees?: TreeSource
    timeoutMs?: number
    env?: JobSpec['env']
    signal?: AbortSignal
    onOutput?: () => void
  } = {},
): Promise<
  AttemptResult & {
    readonly log: (step: number) => string
    readonly steps: readonly string[]
    readonly series: UsageSeries | null
  }
> => {
  const log = new Map<number, string>()
  let series: UsageSeries | null = null
  const statuses: string[] = []
  const spec: JobSpec = {
    ...{ v: 1, dialect: 'circleci', image: { kind: 'host', ref: null }, services: [], resourceClass: null },
    ...{ workdir: '~/project', env: options.env ?? [], contexts: [], egress: null, steps },
    timeoutMs: options.timeoutMs ?? 60_000,
  }
  const result = await runJobAttempt(
    {
      driver: sandboxes.driver,
      trees: options.trees ?? noTrees,
      stores: noStores,
      continuing: noContinuing,
      agentDirectory: '/nonexistent',
      clock: systemClock,
      log: silentLog,
    },
    {
      attempt: id('attempt'),
      facts: factsOf(local, repository.head()),
      spec,
      limits: classes.small.limits,
      egress: { mode: 'none', allow: [], privateRanges: [] },
      secrets: [],
    },
    {
      output: (step, bytes) => {
        log.set(step, (log.get(step) ?? '') + Buffer.from(bytes).toString())
        options.onOutput?.()
        return undefined
      },
      event: (event) => {
        if (event.kind === 'step-finished') statuses.push(`${event.status} ${event.exitCode}`)
        if (event.kind === 'usage') series = event.series ?? null
      },
    },
    options.signal ?? new AbortController().signal,
  )
  return { ...result, log: (step) => log.get(step) ?? '', steps: statuses, series }
}

test('a step sees its environment and directory; both streams come in their order', async () => {
  const done = await play(
    [
      run(
        'echo "$WHO $CIRCLE_JOB $FROM_STEP"; echo to-stderr >&2; echo after; pwd; id -u; env | grep -c MF_ || true',
        {
          env: [['FROM_STEP', 'it\'s "here"\nand there']],
        },
      ),
    ],
    { env: [['WHO', '$NOT_EXPANDED']] },
  )
  assert.equal(
    done.log(1),
    '$NOT_EXPANDED a it\'s "here"\nand there\nto-stderr\nafter\n/home/ci/project\n1000\n0\n',
  )
  assert.equal(done.outcome, 'passed')
  assert.ok(done.receipt?.gone.every((check) => check.ok))
})

test('the default shell stops at the first failure, in pipes too; exit codes and clean-up steps are kept', async () => {
  const done = await play([
    run('false | cat; echo not-reached'),
    run('echo skipped'),
    run('echo cleaned; exit 7', { when: 'always' }),
    run('echo told', { when: 'on_fail' }),
  ])
  assert.deepEqual(done.steps, ['failed 1', 'skipped null', 'failed 7', 'passed 0'])
  assert.deepEqual([done.log(1), done.log(3), done.log(4)], ['', 'cleaned\n', 'told\n'])
  assert.equal(done.reason?.message, 'false | cat; echo not-reached: exit code 1')
})

test('steps share one machine: a daemon and BASH_ENV reach the next step, variables do not', async () => {
  const done = await play([
    run(
      'echo export SHARED=yes >> "$BASH_ENV"; LOST=1; (while :; do echo alive > /tmp/beat; sleep 0.05; done) >/dev/null 2>&1 &',
    ),
    run('until [ -s /tmp/beat ]; do sleep 0.01; done; echo "$SHARED [$LOST]"; cat /tmp/beat'),
    run('echo "$0"; echo plain', { shell: ['/bin/sh', '-e'] }),
  ])
  assert.equal(done.outcome, 'passed', done.log(1) + done.log(2))
  assert.equal(done.log(2), 'yes []\nalive\n')
  assert.match(done.log(3), /plain\n$/)
})

test('background steps do not hold the job and end with it', async () => {
  const done = await play([
    run('echo up; touch /tmp/ready; sleep 600', { background: true }),
    run('until [ -e /tmp/ready ]; do sleep 0.01; done; echo seen'),
  ])
  assert.deepEqual([done.outcome, done.log(2)], ['passed', 'seen\n'])
  assert.ok(done.steps.includes('passed null'))
})

test('circleci step halt ends the job well', async () => {
  const done = await play([
    run('circleci-agent step halt; echo said'),
    run('echo no'),
    run('echo no', { when: 'always' }),
  ])
  assert.deepEqual(
    [done.outcome, done.steps, done.log(1)],
    ['passed', ['passed 0', 'skipped null', 'skipped null'], 'said\n'],
  )
})

test('silence, the time limit and a cancel stop a step, and it may clean up', async () => {
  const trap = 'trap "echo cleaned; exit 1" TERM; echo begun; while :; do sleep 0.05; done 2>/dev/null'
  // bash itself says what became of `sleep`.
  const words = (text: string) => text.replace('Terminated\n', '')
  // Long enough for a step to begin, on a machine that has other things to do, too.
  const silent = await play([run(trap, { noOutputTimeoutMs: 2_000 })])
  assert.deepEqual(
    [silent.outcome, words(silent.log(1))],
    ['timed_out', 'begun\ncleaned\nstopped: no output for 2s\n'],
  )
  const late = await play([run(trap)], { timeoutMs: 3_000 })
  assert.deepEqual(
    [late.outcome, words(late.log(1))],
    ['timed_out', 'begun\ncleaned\nstopped: the time of the job is over\n'],
  )
  const stop = new AbortController()
  const onOutput = () => stop.abort('cancelled')
  const cancelled = await play([run(trap)], { signal: stop.signal, onOutput })
  assert.deepEqual([cancelled.outcome, words(cancelled.log(1))], ['cancelled', 'begun\ncleaned\n'])
})

const until = async (what: string, condition: () => boolean): Promise<void> => {
  const deadline = performance.now() + 30_000
  while (!condition()) {
    assert.ok(performance.now() < deadline, what)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test('memory that runs out is said', async () => {
  const done = await play([run('exec tail /dev/zero')])
  assert.equal(done.outcome, 'failed')
  assert.match(done.reason?.message ?? '', /out of memory/)
})

test('what a job uses is read while it runs; of a job of nothing, nothing is', async () => {
  const busy = await play([
    run(
      'head -c 80M /dev/zero > ~/file; perl -e \'my $m = "x" x 100_000_000; my $end = time + 3; 1 while time < $end\'',
    ),
  ])
  assert.equal(busy.outcome, 'passed')
  const { limits, smaller, ...series } = busy.series ?? assert.fail('nothing was read')
  assert.ok(series.ms.length >= 2, JSON.stringify(series))
  assert.ok(Math.max(...(series.memoryKiB ?? [])) > 90_000, JSON.stringify(series))
  assert.ok(Math.max(...(series.cpuMilli ?? [])) > 100, JSON.stringify(series))
  assert.ok(Math.max(...series.diskKiB) > 75_000, JSON.stringify(series))
  assert.deepEqual([limits.memoryKiB, smaller?.name], [classes.small.limits.memory / 1024, 'tiny'])
  const idle = await play([run('true')])
  assert.deepEqual([idle.outcome, idle.series], ['passed', null])
})

test('a missing directory is the error of its step', async () => {
  const done = await play([run('echo x', { workdir: '/nowhere/at-all' })])
  assert.equal(done.outcome, 'failed')
  assert.match(done.log(1), /nowhere/)
})

test('a local repository is checked out at the commit, and the job cannot see the repository itself', async () => {
  const commit = repository.push({ 'file.txt': 'second\n', 'sub/x.sh': 'echo hi\n' }, 'Second commit')
  const trees = createGitTrees(deps, {
    attempt: id('attempt'),
    project: 'prj_local',
    source: local,
    key: null,
    event: eventOf(commit),
  })
  const script =
    'cat file.txt; git status --short --branch; git rev-parse HEAD; git config --get remote.origin.url; ls /mnt; git -C sub log --format=%s'
  const done = await play([checkout, run(script)], { trees })
  assert.equal(done.outcome, 'passed', done.log(1) + done.log(2))
  assert.equal(done.log(2), `second\n## main\n${commit}\napp.git\nSecond commit\n`)
  assert.ok(deps.packs.holds('prj_local', commit))
})

test('a plan attempt compiles the configuration at the commit; a broken one fails with its problems', async () => {
  const compilers = createCompilers({
    driver: sandboxes.driver,
    limits: classes.tiny.limits,
    tool: 'release',
    log: silentLog,
  })
  const readers = createSourceReaders(deps)
  try {
    const planAt = (commit: string) => {
      const { organisation, project, run: runFacts } = factsOf(local, commit)
      const lease = {
        kind: 'plan',
        organisation,
        project,
        run: runFacts,
        number: 1,
        source: local,
        serverUrl: '',
        parameters: {},
      } as const
      const sink = { output: () => undefined, event: () => undefined }
      return runPlanAttempt(
        { ...deps, compilers, readers, knownPlans: createKnownPlans() },
        { attempt: id('attempt'), lease, key: null },
        sink,
        new AbortController().signal,
      )
    }
    const good = await planAt('0'.repeat(40))
    assert.equal(good.outcome, 'passed', JSON.stringify(good.reason))
    assert.equal(good.result.commit?.id, repository.head())
    assert.equal(good.result.plan?.inputs.event.commit, repository.head())
    assert.deepEqual(
      good.result.plan?.workflows.map((workflow) => workflow.name),
      ['w'],
    )
    assert.match(good.result.planDigest ?? '', /^[0-9a-f]{64}$/)
    const bad = await planAt(
      repository.push({ '.circleci/config.yml': `${configuration}  x: {jobs: [nowhere]}\n` }, 'Break it'),
    )
    assert.deepEqual([bad.outcome, bad.result.plan], ['failed', null])
    const { of, files } = bad.result.changes ?? assert.fail('what changed')
    assert.deepEqual([of, files], ['commit', [{ path: '.circleci/config.yml', change: 'changed' }]])
    assert.ok(bad.result.problems.some((problem) => problem.severity === 'error' && problem.at?.line === 4))
    assert.equal(bad.result.commit?.subject, 'Break it')
    repository.push({ '.circleci/config.yml': configuration }, 'Mend it')
  } finally {
    await Promise.all([compilers.close(), readers.close()])
  }
})

/** The driver, and for whom sandboxes were opened. */
const countOpened = () => {
  const opened: string[] = []
  const open: typeof deps.driver.open = (spec, signal) => {
    opened.push(spec.attempt)
    return deps.driver.open(spec, signal)
  }
  return { opened, sources: { ...deps, driver: { ...deps.driver, open } } }
}

test('a history that is too large for the fetch, or for us, leaves the commit', async () => {
  const big = join(repository.work, 'big')
  await writeFile(big, randomBytes(24 * 1024 * 1024))
  repository.git('add', 'big')
  repository.git(...person, 'commit', '-qm', 'Add much')
  await rm(big)
  const commit = repository.push({ 'small.txt': 'x\n' }, 'Take it away')
  const event = eventOf(commit)
  const tooMuch = {
    prj_big: { limits: { ...classes.tiny.limits, ramdisk: 16 * 1024 * 1024 } },
    prj_much: { bytesMax: 4 * 1024 * 1024 },
  }
  for (const [project, bounds] of Object.entries(tooMuch)) {
    const common = { ...deps, clock: systemClock, keepMs: 0, onStuck: () => assert.fail() }
    const fetchers = createFetchers({ ...common, ...bounds })
    const of = { attempt: id('attempt'), project, source: local, key: null, event }
    try {
      const steps = [{ ...checkout, method: 'full', depth: null } as const, run('git log --format=%s; ls')]
      const done = await play(steps, { trees: createGitTrees({ ...deps, fetchers }, of) })
      assert.equal(done.outcome, 'passed', done.log(1))
      assert.match(done.log(1), /only the commit is fetched/)
      assert.match(done.log(2), /^Take it away\n(?!Add much)/)
      assert.match(done.log(2), /^small\.txt$/m)
    } finally {
      await fetchers.close()
    }
  }
})

test('a commit of more parents than a variable could name is checked out with them', async () => {
  const wide = await createRepository(join(root, 'repos'), 'wide', { 'small.txt': 'x\n' })
  const by = (second: number) =>
    `committer A <a@example.invalid> ${1_790_000_000 + second} +0000\ndata 1\nc\n`
  const parents = Array.from({ length: 3_300 }, (_, at) => at + 2)
  const input = [
    `commit refs/heads/root\nmark :1\n${by(0)}`,
    ...parents.map((mark) => `commit refs/heads/p${mark}\nmark :${mark}\n${by(mark)}from :1\n`),
    `commit refs/heads/wide\n${by(0)}from :2\n${parents
      .slice(1)
      .map((mark) => `merge :${mark}\n`)
      .join('')}`,
  ].join('\n')
  execFileSync('git', ['-C', wide.bare, 'fast-import', '--quiet'], { input })
  const commit = execFileSync('git', ['-C', wide.bare, 'rev-parse', 'wide'], { encoding: 'utf8' }).trim()
  const source: Source = { kind: 'local', root: 0, path: 'wide.git' }
  const of = { attempt: id('attempt'), project: 'prj_wide', source, key: null, event: eventOf(commit) }
  const done = await play([{ ...checkout, depth: 2 }, run('git rev-list --count HEAD')], {
    trees: createGitTrees(deps, of),
  })
  assert.equal(done.outcome, 'passed', done.log(1))
  assert.equal(done.log(2).trim(), `${1 + parents.length}`)
})

test('a reader waits for the next push to its repository, sees it, and is used once', async () => {
  const { sources, opened } = countOpened()
  const readers = createSourceReaders(sources)
  const read = async (commit: string) => {
    const found = await readers.read(local, { ref: 'refs/heads/main', commit }, AbortSignal.timeout(30_000))
    await found?.end()
    return found?.read.about.subject ?? null
  }
  const subject = repository.git('log', '-1', '--format=%s').trim()
  try {
    assert.equal(await read(repository.head()), subject)
    await until('the next one starts', () => opened.length === 2)
    const commit = repository.push({ 'later.txt': 'x\n' }, 'Pushed while it waited')
    assert.equal(await read(commit), 'Pushed while it waited')
    assert.deepEqual(opened, ['reader', 'reader'], 'no third one was needed')
    await until('one more starts', () => opened.length === 3)
    assert.equal(await read('1'.repeat(40)), null)
    // Where that takes a while, the next one that waits is there already.
    assert.ok(opened.length >= 4, 'what a waiting one does not find, a fresh one looks for')
  } finally {
    await readers.close()
  }
})

test('over ssh: the host key is shown first, then pinned; the key of the agent opens this host only', async () => {
  const host = await openGitHost()
  try {
    const remote = await host.createRepository('app', { 'over-ssh.txt': 'hello\n' })
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(root, 'deploy')])
    await host.authorize(await readFile(join(root, 'deploy.pub'), 'utf8'))
    const url = host.sshUrl('app')
    const { hostname, port, username, pathname } = new URL(url)
    const source: Source = {
      kind: 'ssh',
      url,
      host: hostname,
      port: Number(port),
      user: username,
      path: pathname,
    }
    const tier = 'branch'
    const pem = new Secret(await readFile(join(root, 'deploy'), 'utf8'))
    const { organisation, project } = factsOf(source, remote.head())
    const lease: RefsLease = { kind: 'refs', organisation, project, source, serverUrl: '' }
    const contact = async (key: SourceKey) => {
      const sink = { output: () => undefined, event: () => undefined }
      return runRefsAttempt(deps, { attempt: id('attempt'), lease, key }, sink, new AbortController().signal)
    }
    const first = await contact({ key: pem, hostKeys: [], tier })
    assert.deepEqual(
      first.result.hostKeys.map((key) => key.fingerprint),
      [host.fingerprint],
    )
    assert.deepEqual(first.result.refs, [])
    const hostKeys = first.result.hostKeys.map((key) => key.line)
    const second = await contact({ key: pem, hostKeys, tier })
    assert.deepEqual(second.result.refs, [{ ref: 'refs/heads/main', commit: remote.head() }])

    const event = eventOf(remote.head())
    const tree = (key: SourceKey) =>
      createGitTrees(deps, {
        attempt: id('attempt'),
        project: `prj_${hostKeys.length}${key.hostKeys.length}`,
        source,
        key,
        event,
      })
    const probe =
      'cat over-ssh.txt; [ -z "$SSH_AUTH_SOCK" ]; grep -rc PRIVATE .git ~ /tmp 2>/dev/null | grep -v ":0$" || echo clean'
    const done = await play([checkout, run(probe)], { trees: tree({ key: pem, hostKeys, tier }) })
    assert.equal(done.log(2), 'hello\nclean\n', done.log(1))
    const foreign = hostKeys.map((line) =>
      line.replace(
        / [A-Za-z0-9+/]+=*$/,
        ' AAAAC3NzaC1lZDI1NTE5AAAAIFZ71ANOaYlZcY7uxm3nq7Cv/6IrhZArUq9UpflFRsQ7',
      ),
    )
    const changed = await contact({ key: pem, hostKeys: foreign, tier })
    assert.deepEqual(
      [changed.outcome, changed.result.refs, changed.result.hostKeys.map((key) => key.fingerprint)],
      ['failed', [], [host.fingerprint]],
      'a host with another key is not read, and shows which key it has',
    )
    const refused = await play([checkout], {
      trees: tree({ key: pem, hostKeys: [...foreign, ...foreign], tier }),
    })
    assert.equal(refused.outcome, 'failed')
    assert.match(
      refused.reason?.message ?? '',
      /^checkout: the host key is not the confirmed one; after mayfly project contact/,
    )
  } finally {
    await host.close()
  }
})
