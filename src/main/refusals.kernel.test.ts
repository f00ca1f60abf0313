// A job is refused, with the reason, wherever the isolation it asks for cannot be had; it never runs weaker in silence.
// The machines that lack something are this one with that something taken away in a mount namespace of the test's own,
// so nothing is pretended and nothing outside changes. Every job here would print that it ran.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { needsRoot } from '../../test/support/jailer.ts'
import { makeOrdinaryUser } from '../../test/support/ordinary-user.ts'

const steps = 'steps: [{run: "echo I ran"}]'
const configuration = `version: 2.1
jobs:
  plain: {docker: [{image: cimg/base:stable}], ${steps}}
  apple: {macos: {xcode: "15.0.0"}, ${steps}}
  windows: {machine: {image: "windows-server-2022-gui:current"}, resource_class: windows.medium, ${steps}}
  graphics: {machine: {image: "linux-cuda-12:default"}, resource_class: gpu.nvidia.small, ${steps}}
  service: {docker: [{image: cimg/base:stable}, {image: "postgres:16"}], ${steps}}
workflows: {all: {jobs: [plain, apple, windows, graphics, service]}}
`
const program = join(import.meta.dirname, 'cli.ts')
const missingProgram = 11

const place = { directory: '' }
before(async () => {
  place.directory = await mkdtemp(join(tmpdir(), 'mayfly-refuse-'))
  await chmod(place.directory, 0o755)
  await mkdir(join(place.directory, '.circleci'))
  await writeFile(join(place.directory, '.circleci/config.yml'), configuration)
})
after(() => rm(place.directory, { recursive: true, force: true }))

const start = (command: string, args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: place.directory,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: '/nonexistent',
      MAYFLY_DATA: join(place.directory, 'data'),
      NO_COLOR: '1',
    },
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
  })
  return { code: status, stdout, stderr }
}

const mayfly = (...words: readonly string[]) => start(process.execPath, [program, ...words])

/** The same command on a machine that is changed for it alone. */
const without = (change: string, ...words: readonly string[]) => {
  const script = `set -e; ${change}; exec "$@"`
  const namespace = ['--mount', '--propagation', 'private', '--', '/bin/sh', '-c', script, 'sh']
  return start('unshare', [...namespace, process.execPath, program, ...words])
}

const memoryMount = (): string | null =>
  / (\/\S+) \S+(?: \S+)* - cgroup \S+ \S*\bmemory\b/m.exec(
    readFileSync('/proc/self/mountinfo', 'utf8'),
  )?.[1] ?? null
const needsV1 =
  needsRoot || (memoryMount() === null && 'cgroup v2: its controllers cannot be taken away alone')

test('without bubblewrap nothing runs, and the package is named', { skip: needsRoot }, () => {
  const noBubblewrap = 'mount --bind /dev/null "$(command -v bwrap)"'
  const run = without(noBubblewrap, 'run', 'plain')
  assert.equal(run.code, missingProgram, run.stderr)
  assert.match(run.stderr, /missing programs: bwrap {2}\[MF3001\]/)
  assert.doesNotMatch(run.stdout, /I ran/)
  const doctor = without(noBubblewrap, 'doctor')
  assert.equal(doctor.code, missingProgram)
  assert.match(doctor.stdout, /down\tbwrap\tnot found\tapt-get install .*bubblewrap/)
  assert.match(doctor.stdout, /down\tsandbox\tmissing programs: bwrap/)
})

test('without a memory controller nothing runs, because nothing would be limited', { skip: needsV1 }, () => {
  const run = without(`umount ${memoryMount()}`, 'run', 'plain')
  assert.equal(run.code, missingProgram, run.stderr)
  assert.match(run.stderr, /missing cgroup controllers: memory/)
  assert.doesNotMatch(run.stdout, /I ran/)
})

test('a controller that takes no limits ends the attempt before its first step', { skip: needsV1 }, () => {
  const run = without(`mount -t tmpfs none ${memoryMount()}`, 'run', 'plain')
  assert.equal(run.code, 1, run.stderr)
  assert.match(run.stdout, /errored\tplain\t.*does not let us limit jobs: memory\.limit_in_bytes/)
  assert.doesNotMatch(run.stdout, /I ran/)
})

test('where user namespaces are forbidden nothing runs, and the switch is named', { skip: needsRoot }, () => {
  // The switch counts for a user namespace and those in it: off in one of the test's own, it is off nowhere else.
  const off =
    'echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --ambient-caps=-all --inh-caps=-all "$@"'
  const own = ['--user', '--map-current-user', '--keep-caps', '--', '/bin/sh', '-c', off, 'sh']
  const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--', 'unshare', ...own]
  for (const command of ['run', 'up', 'doctor']) {
    const said = start('setpriv', [
      ...nobody,
      process.execPath,
      program,
      command,
      ...(command === 'run' ? ['plain'] : []),
    ])
    assert.equal(said.code, missingProgram, said.stderr)
    assert.match(`${said.stdout}${said.stderr}`, /user\.max_user_namespaces = 0/)
    assert.match(`${said.stdout}${said.stderr}`, /as root: sysctl -w user\.max_user_namespaces=10000/)
    assert.doesNotMatch(said.stdout, /I ran/)
  }
})

test('without root a job says what is weaker, and is refused where more is asked for', {
  skip: needsRoot,
}, async (t) => {
  const user = makeOrdinaryUser()
  t.after(user.remove)
  if (!user.canLoad(program)) return t.skip('this clone is closed to other users')
  const run = user.run([process.execPath, program, 'run', 'plain'], { cwd: place.directory })
  assert.equal(run.code, 0, run.stderr)
  assert.match(run.stdout, /rootless: nothing limits the memory and processor of this job/)
  assert.match(run.stdout, /I ran/)
  assert.deepEqual(user.processes(), [])
  const asked = user.run([process.execPath, program, 'run', 'plain', '--isolation', 'container'], {
    cwd: place.directory,
  })
  assert.equal(asked.code, 1, asked.stderr)
  assert.match(
    asked.stdout,
    /failed\tplain\t.*in isolation "container" at least; this runner offers "rootless"/,
  )
  assert.doesNotMatch(asked.stdout, /I ran/)
  const set = user.run(['sh', '-c', 'echo "isolation: container" >> .config/mayfly/mayfly.yml'])
  assert.equal(set.code, 0, set.stderr)
  assert.match(
    user.run([process.execPath, program, 'run', 'plain'], { cwd: place.directory }).stdout,
    /"container" at least/,
  )
})

test('what no sandbox of this machine is, is refused job by job; the others run', { skip: needsRoot }, () => {
  const run = mayfly('run')
  assert.equal(run.code, 1, run.stderr)
  const why = new Map(
    run.stdout.split('\n').flatMap((line) => {
      const [status, job, , words] = line.split('\t')
      return job === undefined ? [] : [[job, `${status}: ${words}`] as const]
    }),
  )
  assert.match(why.get('plain') ?? '', /passed/)
  assert.match(why.get('apple') ?? '', /failed: This job needs macOS \(15\.0\.0\)/)
  assert.match(why.get('windows') ?? '', /failed: This job needs Windows \(windows-server-2022-gui:current\)/)
  assert.match(
    why.get('graphics') ?? '',
    /failed: This job needs a GPU \(resource class gpu\.nvidia\.small\)/,
  )
  assert.match(why.get('service') ?? '', /failed: This job needs the service container "postgres:16"/)
  assert.equal(run.stdout.match(/I ran/g)?.length, 2, 'the title and the output of the one job that may run')
})

test('nothing of this machine was changed', { skip: needsRoot }, () => {
  assert.equal(mayfly('run', 'plain').code, 0)
})
