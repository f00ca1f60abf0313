// What people type and what comes back: words, exit codes and streams, without a machine.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type CommandOptions, runCommand } from '../../test/support/surroundings.ts'
import { createFakeDriver } from '../sandbox/drivers/fake/index.ts'
import { findClass } from '../sandbox/index.ts'
import { systemClock } from '../sys/index.ts'
import type { LocalSandboxes } from './surroundings.ts'

let root = ''

const configuration = `version: 2.1
jobs:
  build:
    docker: [{image: debian:12}]
    environment: {FAKE_OUTPUT: "built\\n"}
    steps: [checkout, {run: make}]
  test:
    docker: [{image: debian:12}]
    parallelism: 2
    steps: [{run: {name: Test it, command: make test, environment: {FAKE_EXIT_CODE: "2", FAKE_OUTPUT: "1 failing"}}}]
  ship:
    docker: [{image: debian:12}]
    steps: [{run: ship}]
workflows:
  all:
    jobs:
      - build
      - hold: {type: approval, requires: [build]}
      - test: {requires: [hold]}
      - ship: {requires: [test]}
  nightly:
    jobs: [build]
`

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'mayfly-cli-'))
  await mkdir(join(root, '.circleci'))
  await mkdir(join(root, 'deep/er'), { recursive: true })
  await writeFile(join(root, '.circleci/config.yml'), configuration)
  await writeFile(
    join(root, 'bad.yml'),
    'version: 2.1\njobs: {a: {steps: []}}\nworkflows: {w: {jobs: [b]}}\n',
  )
  execFileSync('git', ['init', '--quiet', '--initial-branch=main', root])
})
after(() => rm(root, { recursive: true, force: true }))

const fakeSandboxes = async (): Promise<LocalSandboxes> => {
  const driver = createFakeDriver({ clock: systemClock })
  const classLimits = (word: string) => {
    const found = findClass(word)
    return found.ok ? found.class.limits : null
  }
  return { driver, classLimits, privateRanges: [], egressDefault: 'open', close: () => driver.close() }
}

const mayfly = (line: string, options: CommandOptions = {}) =>
  runCommand(line.split(' '), { cwd: root, sandboxes: fakeSandboxes, ...options })

test('wrong words are usage, help and version are not', async () => {
  assert.equal((await mayfly('rum')).code, 2)
  assert.match((await mayfly('rum')).stderr, /Did you mean run/)
  assert.equal((await mayfly('run --nope')).code, 2)
  const runs = await mayfly('runs')
  assert.deepEqual([runs.code, /^Usage: mayfly runs/.test(runs.stderr)], [2, true])
  const help = await mayfly('run --help')
  assert.deepEqual([help.code, help.stderr], [0, ''])
  assert.ok(help.stdout.split('\n').length <= 40)
  assert.equal((await mayfly('--version')).stdout, '0.0.0-test\n')
})

test('words that nobody understands are an error like every other: what, next step, code, and problem JSON', async () => {
  const { stderr } = await mayfly('--color never runs list -R web --jon')
  assert.equal(
    stderr,
    [
      "mayfly: unknown option '--jon' (Did you mean --json?)  [MF4000]",
      '  next: `mayfly help runs list` says what it takes',
      '  more: mayfly explain MF4000',
      '',
    ].join('\n'),
  )
  assert.match((await mayfly('lst')).stderr, /unknown command 'lst'.*\n {2}next: `mayfly help` says/)
  for (const words of [
    'runs list --jon --json',
    'runs view --json=id a b c',
    'config graph --format png --json',
  ]) {
    const { code, stdout, stderr } = await mayfly(words)
    const problem = JSON.parse(stderr)
    assert.deepEqual([code, stdout, problem.code, problem.status], [2, '', 'MF4000', 400])
    assert.match(problem.hint, /^`mayfly help (runs|config) \w+`/)
  }
  assert.match((await mayfly('run --nope -- --json')).stderr, /^mayfly: /)
  assert.match(
    (await mayfly('runs list --jq .items')).stderr,
    /'--jq'.*\n {2}next: let jq read it: `--json \| jq/,
  )
})

test('lint says what is wrong and where, and exits with 7; a good file is quiet', async () => {
  const good = await mayfly('lint')
  assert.deepEqual([good.code, good.stdout], [0, ''])
  const bad = await mayfly('lint bad.yml')
  assert.equal(bad.code, 7)
  assert.match(bad.stdout, /^bad\.yml:\d+:\d+: error\[/m)
  const json = await mayfly('lint --format json bad.yml')
  const answer: { ok: boolean; problems: { at: { file: string } | null }[] } = JSON.parse(json.stdout)
  assert.equal(answer.ok, false)
  assert.ok(answer.problems.every((problem) => problem.at?.file !== '.circleci/config.yml'))
  const missing = await mayfly('lint missing.yml')
  assert.equal(missing.code, 5)
  assert.doesNotMatch(missing.stderr, /next:/, 'no list of a noun has files')
})

test('lint --strict fails on warnings; every format writes to stdout alone', async () => {
  await writeFile(
    join(root, 'deep/warned.yml'),
    configuration.replace('steps: [{run: ship}]', 'steps: [{run: ship}]\n    colour: red'),
  )
  assert.equal((await mayfly('lint deep/warned.yml')).code, 0)
  const strict = await mayfly('lint --strict deep/warned.yml')
  assert.deepEqual([strict.code, /1 warning in 1 file; warnings fail/.test(strict.stderr)], [7, true])
  const shapes = {
    json: /"endColumn":11/,
    sarif: /"startLine": 14/,
    github: /^::warning file=deep\/warned\.yml,line=14/,
  }
  for (const [format, shape] of Object.entries(shapes))
    assert.match((await mayfly(`lint --format ${format} deep/warned.yml`)).stdout, shape)
  const above = await mayfly('lint ../deep', { cwd: join(root, '.circleci') })
  assert.match(above.stdout, /error\[MF2020\]/, 'a directory without a configuration')
  assert.equal((await mayfly('lint --format xml')).code, 2)
})

test('lint --report counts every construct, for people, pipes and programs', async () => {
  const seen = await mayfly('lint --report', { isTerminal: true, environment: { NO_COLOR: '1' } })
  assert.match(seen.stdout, /^\.circleci\/config\.yml: \d+ constructs, \d+ honoured, 3 translated\n/)
  assert.match(seen.stdout, /\ntranslated\n {2}image of a container {2}lines 4, 8, 12\n {6}the job runs with/)
  const piped = (await mayfly('lint --report')).stdout.split('\n')
  assert.ok(piped.includes('.circleci/config.yml:1:1\thonoured\tversion\t\t'))
  const json = JSON.parse((await mayfly('lint --report --format json')).stdout)
  assert.equal(json.constructs.length, json.counts.honoured + json.counts.translated)
  assert.equal((await mayfly('lint --report --format gcc')).code, 2)
})

test('explain knows codes in every spelling, suggests near ones, and lists all', async () => {
  const page = await mayfly('explain 2107')
  assert.equal(page.code, 0)
  assert.match(page.stdout, /^MF2107 A job requires one .*\n\nA job waits for/)
  assert.match(page.stdout, /\n {4}version: 2\.1\n/)
  assert.equal((await mayfly('explain e_requires_unknown')).stdout, page.stdout)
  assert.match((await mayfly('explain MF4503')).stdout, /No server answers/)
  const wrong = await mayfly('explain E_REQUIRES_UNKNOW')
  assert.deepEqual([wrong.code, /did you mean E_REQUIRES_UNKNOWN/.test(wrong.stderr)], [2, true])
  assert.match((await mayfly('explain')).stdout, /^MF1001\tfault\t/)
})

test('run finds the configuration above, lists what there is', async () => {
  const list = await mayfly('run --list', { cwd: join(root, 'deep/er') })
  assert.equal(list.code, 0)
  assert.deepEqual(list.stdout.split('\n').slice(0, 3), [
    'all\tbuild\tjob\t-\tdebian:12',
    'all\thold\tapproval\tbuild\t-',
    'all\ttest ×2\tjob\thold\tdebian:12',
  ])
})

test('run carries out a workflow by its rules: output behind names, a table, the verdict as exit code', async () => {
  const done = await mayfly('run all')
  assert.equal(done.code, 1)
  assert.match(done.stdout, /^\[build \] built$/m)
  assert.match(done.stdout, /^\[test\.1\] 1 failing$/m)
  assert.match(done.stdout, /^\[test\.0\] ✗ exit code 2$/m)
  assert.match(done.stdout, /✓ passed\tbuild\t/)
  assert.match(done.stdout, /✗ failed\ttest\.0\t.*\tTest it: exit code 2/)
  assert.match(done.stdout, /- skipped\tship\t-/)
  assert.match(done.stderr, /again: mayfly run -j test\n/)
  assert.match(done.stderr, /"hold" \(approval\) passes without asking/)
})

test('run takes one job alone, variables, and prints JSON on stdout only', async () => {
  const one = await mayfly('run ship -e FAKE_OUTPUT=seen')
  assert.equal(one.code, 0)
  assert.match(one.stdout, /\[ship\] seen/)
  const json = await mayfly('run -j test --json -e FAKE_EXIT_CODE=0')
  assert.deepEqual([json.code, JSON.parse(json.stdout).status], [1, 'failed'], 'the step wins over -e')
  assert.match(json.stderr, /1 failing/)
  assert.equal((await mayfly('run nothing')).code, 5)
  const wrong = await mayfly('run -e secret-without-name')
  assert.equal(wrong.code, 2)
  const file = await mayfly('run ship --env-file .circleci/none')
  assert.match(file.stderr, /none cannot be read/)
})

test('run gives secrets as a server would, and masks them; a value on the command line is refused unread', async () => {
  const seen: unknown[] = []
  const driver = createFakeDriver({
    clock: systemClock,
    onStep: (_spec, step) => seen.push(Object.fromEntries(step.env)),
  })
  const sandboxes = async () => ({ ...(await fakeSandboxes()), driver })
  await writeFile(join(root, 'mine.env'), '# mine\nFAKE_OUTPUT=correct horse battery\n')
  await writeFile(join(root, 'key.pem'), 'not a key of anything')
  const words = 'run -j ship -s TOKEN -s KEY=@key.pem --secret-file mine.env'
  const environment = { TOKEN: 'hunter2hunter2' }
  const done = await mayfly(words, { sandboxes, environment })
  assert.equal(done.code, 0, done.stderr)
  const shown = JSON.stringify(seen)
  assert.doesNotMatch(shown, /hunter2|not a key/, 'a Secret says nothing of itself')
  assert.match(shown, /"KEY":"\/tmp\/\.mayfly-secrets\/KEY"/)
  assert.match(done.stdout, /^\[ship\] \[secret FAKE_OUTPUT\]$/m)
  const asked = await mayfly('run -j ship -s FAKE_OUTPUT', { stdin: 'typed without echo' })
  assert.match(asked.stdout, /^\[ship\] \[secret FAKE_OUTPUT\]$/m)
  const open = await mayfly('run -j ship -s TOKEN=hunter2hunter2')
  assert.deepEqual([open.code, /hunter2/.test(open.stderr)], [2, false])
  assert.equal((await mayfly('run -j ship -s TOKEN')).code, 2, 'nothing was given')
  const short = await mayfly('run -j ship -s TINY', { sandboxes, environment: { TINY: 'abc' } })
  assert.match(short.stderr, /^note: the secret TINY is too short/m)
})

test('a job that does not say what it reaches gets what the operator says; --network goes before that', async () => {
  const reached: string[] = []
  const sandboxes = async (): Promise<LocalSandboxes> => {
    const fake = await fakeSandboxes()
    const open: LocalSandboxes['driver']['open'] = (spec, signal) => {
      reached.push(spec.egress.mode)
      return fake.driver.open(spec, signal)
    }
    return { ...fake, egressDefault: 'none', driver: { ...fake.driver, open } }
  }
  assert.equal((await mayfly('run -j ship', { sandboxes })).code, 0)
  assert.equal((await mayfly('run -j ship --network open', { sandboxes })).code, 0)
  assert.deepEqual(reached, ['none', 'open'])
})

test('run stops at Ctrl-C, closes its sandboxes and exits with 130', async () => {
  const interrupted = new AbortController()
  const closed: string[] = []
  const sandboxes = async (): Promise<LocalSandboxes> => {
    const fake = await fakeSandboxes()
    const open: LocalSandboxes['driver']['open'] = async (...args) => {
      const sandbox = await fake.driver.open(...args)
      setImmediate(() => interrupted.abort())
      return {
        ...sandbox,
        close: (reason) => {
          closed.push(reason)
          return sandbox.close(reason)
        },
      }
    }
    return { ...fake, driver: { ...fake.driver, open } }
  }
  const done = await mayfly('run -j ship -e FAKE_SLEEP_MS=60000', {
    sandboxes,
    interrupted: interrupted.signal,
  })
  assert.deepEqual([done.code, closed], [130, ['cancelled']])
})

test('server verbs without a server say what to do next; tokens are not sent in the clear', async () => {
  const none = await mayfly('runs list')
  assert.equal(none.code, 4)
  assert.match(none.stderr, /\[MF4503\]\n {2}next: /)
  const json = await mayfly('runs list --json')
  assert.equal(JSON.parse(json.stderr).code, 'MF4503')
  const clear = await mayfly('runs list', {
    environment: { MAYFLY_URL: 'http://ci.example', MAYFLY_TOKEN: 'mfp_secret' },
  })
  assert.equal(clear.code, 3)
  assert.doesNotMatch(clear.stderr, /mfp_secret/)
})

test('a machine that cannot build sandboxes is exit 11', async () => {
  const { fault } = await import('../base/faults.ts')
  const sandboxes = () =>
    Promise.reject(fault('E_SANDBOX_UNAVAILABLE', { public: 'no user namespaces here' }))
  const done = await mayfly('run -j ship', { sandboxes })
  assert.equal(done.code, 11)
  assert.match(done.stderr, /no user namespaces here {2}\[MF3001\]/)
})

test('status without an installation says so; with its programs but no server, it tells what they do', async () => {
  assert.equal((await mayfly('status')).code, 4)
  const since = new Date(Date.now() - 5_000).toISOString()
  const roster = JSON.stringify({
    supervisor: { pid: process.pid, since },
    processes: [
      { name: 'server', pid: null, state: 'starting', since, restarts: 3, last_end: 'exit code 70' },
    ],
  })
  const told = await mayfly('status --json', { roster })
  const status: { healthy: boolean; components: { name: string }[]; processes: { status: string }[] } =
    JSON.parse(told.stdout)
  assert.deepEqual([told.code, status.healthy, status.components[0]?.name], [1, false, 'server'])
  assert.deepEqual(
    status.processes.map((process) => process.status),
    ['ok', 'down'],
  )
  const words = await mayfly('status', { roster, isTerminal: true, environment: { NO_COLOR: '1' } })
  assert.match(words.stdout, /✗ down +server +- {2,}5\.\d s +3 /)
  const stale = JSON.stringify({ supervisor: { pid: 2 ** 22 - 1, since }, processes: [] })
  assert.equal((await mayfly('status', { roster: stale })).code, 4, 'a roster that a crash left behind')
})
