// An attempt with the fake driver: which steps run, what each reports, what the job comes to, and that the sandbox is
// always closed. The kernel twin is attempt.kernel.test.ts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noContinuing } from '../../test/support/continuing.ts'
import { noStores } from '../../test/support/stores.ts'
import { formatId, uuid7 } from '../base/ids.ts'
import { silentLog } from '../base/log.ts'
import { Secret } from '../base/secret.ts'
import type { JobSpec, PlanRunStep, PlanStep } from '../protocol/plan.ts'
import type { JobFacts } from '../protocol/runner-wire.ts'
import { createFakeDriver } from '../sandbox/drivers/fake/index.ts'
import { classes, type Driver, type SandboxSpec, type StepSpec } from '../sandbox/index.ts'
import { systemClock } from '../sys/index.ts'
import { type AttemptResult, runJobAttempt } from './attempt.ts'
import type { EventBody } from './sink.ts'
import type { JobSecret } from './steps/deliver-secrets.ts'
import type { TreeSource } from './tree-source.ts'

const id = <K extends Parameters<typeof formatId>[0]>(kind: K) => formatId(kind, uuid7(1, new Uint8Array(10)))
const facts: JobFacts = {
  organisation: { id: id('organisation'), name: 'acme' },
  project: { id: id('project'), name: 'web', defaultBranch: 'main' },
  run: {
    id: id('run'),
    number: 7,
    event: { kind: 'push', ref: 'refs/heads/main', commit: 'c'.repeat(40), branch: 'main', tag: null },
  },
  workflow: { id: id('workflow'), name: 'all' },
  job: { id: id('job'), key: 'test', name: 'test', number: 3 },
  shard: { index: 1, total: 4 },
  serverUrl: 'https://ci.example',
  source: {
    kind: 'ssh',
    url: 'git@code.example:web.git',
    host: 'code.example',
    port: 22,
    user: 'git',
    path: 'web.git',
  },
}

const run = (
  name: string,
  env: Record<string, string> = {},
  more: Partial<PlanRunStep> = {},
): PlanRunStep => ({
  kind: 'run',
  name,
  when: 'on_success',
  command: 'true',
  shell: null,
  env: Object.entries(env),
  background: false,
  workdir: null,
  noOutputTimeoutMs: 600_000,
  maxAutoReruns: 0,
  autoRerunDelayMs: 0,
  ...more,
})

const spec = (steps: readonly PlanStep[], more: Partial<JobSpec> = {}): JobSpec => ({
  v: 1,
  dialect: 'circleci',
  image: { kind: 'host', ref: null },
  services: [],
  resourceClass: null,
  workdir: '~/project',
  env: [],
  contexts: [],
  egress: null,
  timeoutMs: 60_000,
  steps,
  ...more,
})

type Played = AttemptResult & {
  readonly events: readonly EventBody[]
  readonly log: ReadonlyMap<number, string>
  readonly sandboxes: readonly SandboxSpec[]
  readonly asked: readonly StepSpec[]
  /** `name: status` of every step that was reported. */
  readonly steps: readonly string[]
}

const noTrees: TreeSource = { place: async () => ({ ok: false, message: 'there is no tree here' }) }

const play = async (
  job: JobSpec,
  options: {
    signal?: AbortSignal
    trees?: TreeSource
    secrets?: readonly JobSecret[]
    onEvent?: (event: EventBody) => void
    wrap?: (driver: Driver) => Driver
  } = {},
): Promise<Played> => {
  const [events, log] = [[] as EventBody[], new Map<number, string>()]
  const [sandboxes, asked] = [new Set<SandboxSpec>(), [] as StepSpec[]]
  const driver = createFakeDriver({
    clock: systemClock,
    onStep: (sandbox, step) => {
      sandboxes.add(sandbox)
      asked.push(step)
    },
  })
  const result = await runJobAttempt(
    {
      driver: options.wrap?.(driver) ?? driver,
      trees: options.trees ?? noTrees,
      stores: noStores,
      continuing: noContinuing,
      agentDirectory: '/nonexistent',
      clock: systemClock,
      log: silentLog,
    },
    {
      attempt: 'att_test',
      facts,
      spec: job,
      limits: classes.small.limits,
      egress: { mode: 'open', allow: [], privateRanges: [] },
      secrets: options.secrets ?? [],
    },
    {
      output: (step, bytes) => {
        log.set(step, (log.get(step) ?? '') + Buffer.from(bytes).toString())
        return undefined
      },
      event: (event) => {
        events.push(event)
        options.onEvent?.(event)
      },
    },
    options.signal ?? new AbortController().signal,
  )
  const names = new Map(events.flatMap((e) => (e.kind === 'step-started' ? [[e.step, e.name] as const] : [])))
  const steps = events.flatMap((e) =>
    e.kind === 'step-finished' ? [`${names.get(e.step)}: ${e.status}`] : [],
  )
  return { ...result, events, log, sandboxes: [...sandboxes], asked, steps }
}

test('steps run in order, their output goes to their own log, and the receipt tells of the end', async () => {
  const done = await play(spec([run('a', { FAKE_OUTPUT: 'one\n' }), run('b', { FAKE_OUTPUT: 'two\n' })]))
  assert.deepEqual([done.outcome, done.reason, done.destroyed], ['passed', null, true])
  assert.deepEqual(done.steps, ['a: passed', 'b: passed'])
  assert.deepEqual(
    [...done.log],
    [
      [1, 'one\n'],
      [2, 'two\n'],
    ],
  )
  assert.equal(done.receipt?.reason, 'done')
  assert.deepEqual(
    done.events.flatMap((e) => (e.kind === 'phase' ? [e.phase] : [])),
    ['opening', 'running', 'closing'],
  )
})

test('after a failure only always and on_fail steps run, and the first failure is the reason', async () => {
  const done = await play(
    spec([
      run('ok'),
      run('early', {}, { when: 'on_fail' }),
      run('bad', { FAKE_EXIT_CODE: '3' }),
      run('next'),
      run('clean', { FAKE_EXIT_CODE: '9' }, { when: 'always' }),
      run('late', {}, { when: 'on_fail' }),
    ]),
  )
  assert.deepEqual(done.steps, [
    'ok: passed',
    'early: skipped',
    'bad: failed',
    'next: skipped',
    'clean: failed',
    'late: passed',
  ])
  assert.deepEqual([done.outcome, done.reason?.message], ['failed', 'bad: exit code 3'])
  assert.equal(done.receipt?.reason, 'failed')
})

test('halt ends the job as it stands and skips the rest, always-steps too', async () => {
  const done = await play(
    spec([run('stop', { FAKE_STDERR: 'halt\n' }), run('x'), run('y', {}, { when: 'always' })]),
  )
  assert.deepEqual([done.outcome, done.steps], ['passed', ['stop: passed', 'x: skipped', 'y: skipped']])
  assert.equal(done.log.size, 0, 'what the shims say is no output of the step')
})

test('silence ends a step, the job goes on with its clean-up', async () => {
  const done = await play(
    spec([
      run('still', { FAKE_SLEEP_MS: '60000' }, { noOutputTimeoutMs: 20 }),
      run('clean', {}, { when: 'always' }),
    ]),
  )
  assert.deepEqual([done.outcome, done.steps], ['timed_out', ['still: timed_out', 'clean: passed']])
  assert.equal(done.reason?.message, 'still: stopped: no output for 20ms')
  assert.equal(done.log.get(1), 'stopped: no output for 20ms\n')
})

test('a step may be silent for longer than a timer of ours can wait', async () => {
  const done = await play(spec([run('still', { FAKE_SLEEP_MS: '50' }, { noOutputTimeoutMs: 3_600_000_000 })]))
  assert.deepEqual(done.steps, ['still: passed'])
})

test("the job's own time ends everything, clean-up too", async () => {
  const steps = [run('long', { FAKE_SLEEP_MS: '60000' }), run('clean', {}, { when: 'always' })]
  const done = await play(spec(steps, { timeoutMs: 500 }))
  assert.deepEqual([done.outcome, done.receipt?.reason], ['timed_out', 'deadline'])
  assert.equal(done.steps[1], 'clean: skipped')
})

test('a cancel stops the step under way and runs nothing more', async () => {
  const stop = new AbortController()
  const done = await play(
    spec([run('long', { FAKE_SLEEP_MS: '60000' }), run('clean', {}, { when: 'always' })]),
    {
      signal: stop.signal,
      onEvent: (event) => event.kind === 'step-started' && stop.abort('cancelled'),
    },
  )
  assert.deepEqual([done.outcome, done.receipt?.reason], ['cancelled', 'cancelled'])
  assert.deepEqual(done.steps, ['long: skipped', 'clean: skipped'])
})

test('a runner that has to go is our failure, so that the attempt is tried again', async () => {
  const stop = new AbortController()
  const steps = [run('long', { FAKE_OUTPUT: 'begun\n', FAKE_SLEEP_MS: '60000' })]
  const playing = play(spec(steps), {
    signal: stop.signal,
    onEvent: (e) => e.kind === 'step-started' && queueMicrotask(() => stop.abort('runner-stop')),
  })
  const done = await playing
  assert.deepEqual(
    [done.outcome, done.reason?.code, done.receipt?.reason],
    ['errored', 'E_LEASE_LOST', 'runner-stop'],
  )
})

test('a step is repeated as often as the plan says and not once more', async () => {
  const bad = await play(spec([run('flaky', { FAKE_EXIT_CODE: '1' }, { maxAutoReruns: 2 })]))
  assert.deepEqual(
    bad.asked.map((step) => step.id),
    ['s1', 's1-2', 's1-3'],
  )
  assert.match(
    bad.log.get(1) ?? '',
    /exit code 1; automatic rerun 1 of 2\nexit code 1; automatic rerun 2 of 2\n$/,
  )
  const good = await play(spec([run('fine', {}, { maxAutoReruns: 2 })]))
  assert.equal(good.asked.length, 1)
})

test('background steps run beside the others, end with the job and never decide it', async () => {
  const done = await play(
    spec([
      run('daemon', { FAKE_SLEEP_MS: '60000' }, { background: true }),
      run('broken', { FAKE_EXIT_CODE: '1' }, { background: true }),
      run('work', { FAKE_SLEEP_MS: '20' }),
    ]),
  )
  assert.equal(done.outcome, 'passed')
  assert.deepEqual([...done.steps].sort(), ['broken: failed', 'daemon: passed', 'work: passed'])
})

test('environment: step over job over built-in over account, and nothing is expanded', async () => {
  const done = await play(
    spec([run('a', { X: 'step' })], {
      env: [
        ['X', 'job'],
        ['CIRCLE_JOB', 'mine'],
        ['PATH', '$PATH:/x'],
      ],
    }),
  )
  const [sandbox] = done.sandboxes
  const seen = new Map([...(sandbox?.env ?? []), ...(done.asked[0]?.env ?? [])])
  const expected = {
    X: 'step',
    CIRCLE_JOB: 'mine',
    PATH: '$PATH:/x',
    HOME: '/home/ci',
    CI: 'true',
    CIRCLE_BRANCH: 'main',
    CIRCLE_NODE_INDEX: '1',
    CIRCLE_NODE_TOTAL: '4',
    CIRCLE_WORKING_DIRECTORY: '/home/ci/project',
    CIRCLE_REPOSITORY_URL: 'git@code.example:web.git',
    CIRCLE_BUILD_URL: 'https://ci.example/acme/web/runs/7/jobs/test.1?workflow=all',
    BASH_ENV: '/tmp/.mayfly-bash-env',
  }
  for (const [name, value] of Object.entries(expected)) assert.equal(seen.get(name), value, name)
  assert.equal(seen.has('CIRCLE_TAG'), false)
})

test('directories and shells are what the plan says', async () => {
  const done = await play(
    spec([
      run('a', {}, { workdir: 'sub/dir', shell: ['/bin/sh', '-x'] }),
      run('b', {}, { workdir: '/abs' }),
      run('c', {}, { workdir: '~/elsewhere' }),
    ]),
  )
  const words = done.asked.map(({ script }) => ('before' in script ? [...script.args, script.shell] : []))
  assert.deepEqual(words, [
    ['/home/ci/project', '/home/ci/project/sub/dir', ['/bin/sh', '-x']],
    ['/home/ci/project', '/abs', null],
    ['/home/ci/project', '/home/ci/elsewhere', null],
  ])
})

test('checkout asks for the tree at its place; what is wrong with the source fails the step in words', async () => {
  const step: PlanStep = {
    kind: 'checkout',
    name: 'checkout',
    when: 'on_success',
    path: 'src',
    method: 'shallow',
    depth: 1,
  }
  const places: string[] = []
  const trees: TreeSource = {
    place: async ({ at }) => {
      places.push(at)
      return { ok: true }
    },
  }
  assert.equal((await play(spec([step, run('a')]), { trees })).outcome, 'passed')
  assert.deepEqual(places, ['/home/ci/project/src'])
  const refused = await play(spec([step, run('a')]))
  assert.deepEqual([refused.outcome, refused.steps], ['failed', ['checkout: failed', 'a: skipped']])
  assert.equal(refused.log.get(1), 'there is no tree here\n')
})

test('secrets go to run steps as values that do not print, below what job and step name themselves', async () => {
  const secret = (name: string, kind: JobSecret['kind'] = 'env'): JobSecret => ({
    ...{ name, kind },
    value: new Secret(Buffer.from(`value of ${name}`)),
  })
  const secrets = [
    secret('TOKEN'),
    secret('OF_JOB'),
    secret('OF_STEP'),
    secret('KEY', 'file'),
    secret('CIRCLE_SHA1'),
  ]
  const job = spec([run('one', { OF_STEP: 'mine' }), run('two')], { env: [['OF_JOB', 'own']] })
  const { asked, steps } = await play(job, { secrets })
  assert.deepEqual(steps, ['one: passed', 'two: passed'])
  const [file, one, two] = asked
  assert.deepEqual([asked.length, file?.id, file?.kind], [3, 'secret-3', 'background'])
  assert.ok(!JSON.stringify(asked.map(({ script, env }) => ({ script, env: [...env] }))).includes('value of'))
  const reveal = (step: StepSpec | undefined) =>
    [...(step?.env ?? [])].map(([name, value]) => [
      name,
      value instanceof Secret ? value.reveal('test') : value,
    ])
  const path = '/tmp/.mayfly-secrets/KEY'
  assert.deepEqual(reveal(one), [
    ['TOKEN', 'value of TOKEN'],
    ['OF_STEP', 'mine'],
    ['KEY', path],
  ])
  assert.deepEqual(reveal(two), [
    ['TOKEN', 'value of TOKEN'],
    ['OF_STEP', 'value of OF_STEP'],
    ['KEY', path],
  ])
})

test('a value that is no text cannot be a variable: that is said in words', async () => {
  const secrets = [{ name: 'BLOB', kind: 'env' as const, value: new Secret(Uint8Array.of(0xff, 0xfe)) }]
  const { outcome, reason } = await play(spec([run('one')]), { secrets })
  assert.equal(outcome, 'errored')
  assert.match(reason?.message ?? '', /The secret BLOB is not text/)
})

test('notes are printed, refused steps fail in words', async () => {
  const note: PlanStep = { kind: 'note', name: 'save_cache', when: 'on_success', text: 'caches come later' }
  const refused: PlanStep = {
    kind: 'refused',
    name: 'make',
    when: 'on_success',
    what: 'run',
    reason: 'untrusted text',
  }
  const done = await play(spec([note, refused, run('a')]))
  assert.deepEqual(done.steps, ['save_cache: passed', 'make: failed', 'a: skipped'])
  assert.equal(done.reason?.message, 'make: run: untrusted text')
})

test('what this runner cannot serve is refused in words, before a sandbox is opened', async () => {
  const macos = await play(spec([run('a')], { image: { kind: 'macos', ref: 'xcode:15' } }))
  assert.deepEqual([macos.outcome, macos.receipt, macos.sandboxes.length], ['failed', null, 0])
  assert.match(macos.reason?.message ?? '', /needs macOS \(xcode:15\)/)
  const arm = await play(spec([run('a')], { resourceClass: 'arm.medium' }))
  assert.deepEqual([arm.outcome, arm.sandboxes.length], ['failed', 0])
  assert.match(arm.reason?.message ?? '', /needs an ARM processor \(resource class arm\.medium\)/)
  const services = await play(
    spec([run('a')], { services: ['postgres:15', 'redis'].map((ref) => ({ name: ref, ref, env: [] })) }),
  )
  assert.match(
    services.reason?.message ?? '',
    /service containers "postgres:15", "redis"; this runner cannot/,
  )
  const engine: PlanStep = {
    ...{ kind: 'refused', name: 'docker', when: 'on_success', what: 'setup_remote_docker', reason: 'later' },
  }
  const docker = await play(spec([run('a'), engine]))
  assert.deepEqual([docker.outcome, docker.sandboxes.length, docker.steps], ['failed', 0, []])
  assert.match(docker.reason?.message ?? '', /needs a Docker engine \(setup_remote_docker\)/)
  const image = await play(spec([run('a')], { image: { kind: 'container', ref: 'node:24' } }))
  assert.equal(image.outcome, 'passed')
  assert.ok(image.events.some((e) => e.kind === 'note' && /host toolchain instead of node:24/.test(e.text)))
})

test('memory that ran out is said, with what to do', async () => {
  const done = await play(spec([run('big', { FAKE_OOM: '1' })]))
  assert.match(done.reason?.message ?? '', /big: out of memory: choose a larger resource class/)
})

test('a fault of ours is errored, and the sandbox is closed all the same', async () => {
  const closed: string[] = []
  const wrap = (driver: Driver): Driver => ({
    ...driver,
    open: async (...args) => {
      const sandbox = await driver.open(...args)
      return {
        ...sandbox,
        exec: async () => {
          throw new Error('broken')
        },
        close: (reason) => {
          closed.push(reason)
          return sandbox.close(reason)
        },
      }
    },
  })
  const done = await play(spec([run('a')]), { wrap })
  assert.deepEqual([done.outcome, done.reason?.code, done.destroyed], ['errored', 'E_DEFECT', true])
  assert.deepEqual(closed, ['fault'])
  const never = (driver: Driver): Driver => ({ ...driver, open: () => Promise.reject(new Error('no')) })
  assert.equal((await play(spec([run('a')]), { wrap: never })).outcome, 'errored')
})

test('a sandbox that is not proven gone is said, so that the runner takes no more work', async () => {
  const wrap = (driver: Driver): Driver => ({
    ...driver,
    open: async (...args) => ({
      ...(await driver.open(...args)),
      close: () => Promise.reject(new Error('stuck')),
    }),
  })
  const done = await play(spec([run('a')]), { wrap })
  assert.deepEqual([done.outcome, done.destroyed, done.receipt], ['errored', false, null])
})

test('a lost lease takes the sandbox away at once, without time to clean up', async () => {
  const stop = new AbortController()
  const order: string[] = []
  const wrap = (driver: Driver): Driver => ({
    ...driver,
    open: async (...args) => {
      const sandbox = await driver.open(...args)
      const exec: typeof sandbox.exec = async (...call) => {
        setImmediate(() => stop.abort('lost'))
        // A step that ignores TERM: it ends with the sandbox only.
        const result = await sandbox.exec(call[0], call[1], new AbortController().signal)
        order.push('step ended')
        return result
      }
      const close: typeof sandbox.close = (reason) => {
        order.push(`close ${reason}`)
        return sandbox.close(reason)
      }
      return { ...sandbox, exec, close }
    },
  })
  const done = await play(spec([run('long', { FAKE_SLEEP_MS: '60000' })]), { signal: stop.signal, wrap })
  assert.deepEqual(order, ['close runner-stop', 'step ended', 'close runner-stop'])
  assert.deepEqual([done.outcome, done.destroyed], ['cancelled', true])
})
