// What goes wrong under an installation, for real: a database that cannot start and a disk without room. Each is said
// by `mayfly status` and on the status page, nothing that was accepted is lost, and it goes on by itself.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, readlink, rename, rm, statfs, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Run, SystemStatus } from '../../src/protocol/api/shapes.ts'
import { type Api, createApi, jobOf } from '../support/api.ts'
import { createRepository } from '../support/git-host.ts'
import { openInstallation, type TestInstallation, waitFor } from '../support/installation.ts'
import { findLeftovers, installationName, processesNaming } from '../support/leftovers.ts'

const config = `version: 2
jobs:
  build:
    docker: [{image: cimg/base:stable}]
    steps: [{run: echo works}]
`
const diskBytes = 1_400 * 1024 * 1024

const world = {
  directory: '',
  installation: undefined as unknown as TestInstallation,
  api: undefined as unknown as Api,
}

before(async () => {
  world.directory = await mkdtemp(join(tmpdir(), 'mayfly-operate-'))
  await chmod(world.directory, 0o711)
  const disk = join(world.directory, 'disk')
  execFileSync('mkdir', ['-m', '711', disk])
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes},mode=711`, 'mayfly-test', disk])
  const repositories = join(world.directory, 'repositories')
  execFileSync('mkdir', ['-m', '755', repositories])
  const repository = await createRepository(repositories, 'small', { '.circleci/config.yml': config })
  world.installation = await openInstallation({
    data: join(disk, 'data'),
    keepData: true,
    args: ['--no-sample', '--local-repos', repositories],
  })
  world.api = createApi(world.installation)
  await world.api.addProject('small', { kind: 'local', path: repository.bare })
})

after(async () => {
  const { data, run } = world.installation
  const installation = installationName(data)
  await world.installation.close()
  execFileSync('umount', [join(world.directory, 'disk')])
  await rm(world.directory, { recursive: true, force: true })
  assert.deepEqual(findLeftovers({ data, run, installation }), [])
})

const startRun = (): Promise<Run> => world.api.post<Run>('/api/v1/runs', { project: 'small' })

const assertPasses = async (started: Run): Promise<void> => {
  const run = await world.api.finishedRun(started.id)
  assert.equal(run.status, 'passed', `run ${run.number} ended ${run.status}: ${run.headline}`)
  assert.equal(jobOf(run, 'build').attempts.filter(({ status }) => status === 'passed').length, 1)
}

/** As a person sees it: `mayfly status --json`. */
const lookByCommand = (): { readonly code: number; readonly status: SystemStatus } => {
  const { code, stdout } = world.installation.cli('status', '--json')
  return { code, status: JSON.parse(stdout) }
}
const partOf = (status: SystemStatus, name: string) => status.components.find((part) => part.name === name)

const lookAsStranger = async (): Promise<SystemStatus> =>
  (await fetch(`${world.installation.url}/api/v1/status`)).json() as Promise<SystemStatus>

const recovered = () =>
  waitFor('everything works again', async () => {
    const status = await world.api.get<SystemStatus>('/api/v1/status').catch(() => null)
    return status?.healthy === true && status.processes.every(({ status: word }) => word !== 'down')
  })

test('what stays of `up` is the supervisor, on the Node that its programs run on', async () => {
  const { processes } = lookByCommand().status
  const pidOf = (part: string) => processes.find(({ name }) => name === part)?.pid ?? 0
  const [supervisor, vault] = await Promise.all(
    ['supervisor', 'vault'].map((part) => readlink(`/proc/${pidOf(part)}/exe`)),
  )
  assert.equal(supervisor, vault)
  const line = (await readFile(`/proc/${pidOf('supervisor')}/cmdline`, 'utf8')).split('\0')
  assert.ok(
    line.some((word) => word.endsWith('/supervisor.js')),
    line.join(' '),
  )
})

test('a healthy installation says so, process by process', async () => {
  await assertPasses(await startRun())
  const { code, status } = lookByCommand()
  assert.deepEqual([code, status.healthy], [0, true])
  assert.deepEqual(status.processes.map(({ name }) => name).sort(), [
    ...['database', 'jailer', 'server', 'supervisor', 'vault'],
  ])
  assert.ok(
    status.processes.every(({ pid, memory_bytes }) => pid !== null && (memory_bytes ?? 0) > 1_000_000),
  )
  assert.equal(partOf(status, 'backup')?.mend, 'mayfly backup create --to DIRECTORY')
  const words = world.installation.cli('status')
  assert.match(words.stdout, /^Everything works .*\n/)
  assert.match(words.stdout, /database\tPostgreSQL/)
})

test('a killed process is said to be restless, with how it ended', async () => {
  const vault = lookByCommand().status.processes.find(({ name }) => name === 'vault')
  process.kill(vault?.pid ?? 0, 'SIGKILL')
  const again = await waitFor('the vault is back', () =>
    lookByCommand().status.processes.find(({ name, restarts }) => name === 'vault' && restarts === 1),
  )
  assert.match(again.detail, /started again once, ended last with SIGKILL/)
  await recovered()
  await assertPasses(await startRun())
})

test('a restart takes the settings as they are now, and refuses bad ones while the old ones run', async (t) => {
  const settings = `${world.installation.data}-etc/mayfly.yml`
  const good = await readFile(settings, 'utf8')
  const pids = () => lookByCommand().status.processes.map(({ name, pid }) => `${name} ${pid}`)
  const before = pids()
  const headers = join(world.directory, 'headers')
  await writeFile(headers, 'Authorization: Bearer x\nno header\n')
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  for (const [bad, word] of [
    ['colour: red', /colour/],
    ['organisation: runs', /reserved word/],
    ['trust: {ca: /nowhere/ca.pem}', /trust\.ca: \/nowhere\/ca\.pem/],
    [`traces: {endpoint: "http://127.0.0.1:9", headersFile: ${headers}}`, /headers:2 is no header/],
    [`metrics: {port: ${port}}`, /is taken by another program\. Choose another with metrics\.port in /],
  ] as const) {
    await writeFile(settings, `${good}\n${bad}\n`)
    const refused = world.installation.cli('restart')
    assert.match(refused.stderr, word)
    assert.notEqual(refused.code, 0)
    assert.deepEqual(pids(), before)
  }
  const expires = new Date(Date.now() + 86_400_000).toISOString()
  const told = `securityTxt: {contact: ["mailto:security@example.org"], expires: "${expires}"}`
  const proxies = 'http: {trustedProxies: ["127.0.0.1", "::1"]}'
  await writeFile(settings, `${good.replace('default: open', 'default: none')}\n${told}\n${proxies}\n`)
  assert.equal(world.installation.cli('restart').code, 0)
  const contact = await fetch(`${world.installation.url}/.well-known/security.txt`)
  assert.match(await contact.text(), /^Contact: mailto:security@example\.org\nExpires: /)
  const after = pids()
  assert.equal(after.filter((line) => before.includes(line)).join(), before[0], 'only the supervisor stays')
  await assertPasses(await startRun())
  assert.equal(
    lookByCommand().status.processes.every(({ restarts }) => restarts === 0),
    true,
  )
})

test('a database that does not start: said, deliveries are not acknowledged, and it goes on by itself', async () => {
  const cluster = join(world.installation.data, 'pg/cluster')
  const settings = join(cluster, 'postgresql.conf')
  const before = await startRun()
  await assertPasses(before)
  await rename(settings, `${settings}.away`)
  try {
    const [postgres] = processesNaming([world.installation.data]).filter(({ line }) =>
      /\/postgres -D /.test(line),
    )
    process.kill(postgres?.pid ?? 0, 'SIGKILL')
    const told = await waitFor('the status says so', () => {
      const { code, status } = lookByCommand()
      return partOf(status, 'database')?.status === 'down' ? { code, status } : null
    })
    assert.deepEqual([told.code, told.status.healthy], [1, false])
    assert.equal(partOf(told.status, 'disk')?.status, 'ok', 'the rest is still told')
    assert.equal(told.status.processes.find(({ name }) => name === 'database')?.status, 'down')
    const stranger = await lookAsStranger()
    assert.deepEqual(
      stranger.components.filter(({ name }) => name === 'database'),
      [{ name: 'database', status: 'down', detail: '', mend: null }],
    )
    const page = await fetch(`${world.installation.url}/status`)
    assert.equal(page.status, 200, 'the page itself needs no database')
    const asked = await fetch(`${world.installation.url}/api/v1/me`)
    assert.deepEqual([asked.status, ((await asked.json()) as { code: string }).code], [503, 'MF6001'])
    assert.ok(Number(asked.headers.get('retry-after')) > 0)
    assert.equal((await deliver()).status, 503, 'what could not be stored is not acknowledged')
  } finally {
    await rename(`${settings}.away`, settings)
  }
  await recovered()
  await assertPasses(await world.api.get<Run>(`/api/v1/runs/${before.id}`))
  await assertPasses(await startRun())
})

/** A delivery of a hook nobody made: without its database the server must not even say that. */
const deliver = (): Promise<Response> => {
  const body = JSON.stringify({ old: '0'.repeat(40), new: '1'.repeat(40), ref: 'refs/heads/main', sentAt: 0 })
  const signature = createHmac('sha256', 'no key').update(body).digest('hex')
  return fetch(`${world.installation.url}/hooks/generic/hok_${'0'.repeat(26)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-mayfly-signature': `sha256=${signature}` },
    body,
  })
}

test('a full disk: said, and when there is room again it goes on by itself', async () => {
  const disk = join(world.directory, 'disk')
  const filler = join(disk, 'filler')
  const before = await startRun()
  await assertPasses(before)
  fill(filler)
  assert.equal((await statfs(disk)).bavail, 0)
  const told = await waitFor('the status says so', () => {
    const { code, stdout } = world.installation.cli('status', '--json')
    const status: SystemStatus = JSON.parse(stdout)
    return partOf(status, 'disk')?.status === 'down' ? { code, status } : null
  })
  assert.equal(told.code, 1)
  assert.match(partOf(told.status, 'disk')?.detail ?? '', /^full: /)
  assert.match(partOf(told.status, 'disk')?.mend ?? '', /^make room: du /)
  const programs = () => told.status.processes.map(({ pid }) => readlink(`/proc/${pid}/exe`))
  const running = await Promise.all(programs())
  const refused = world.installation.cli('restart')
  assert.notEqual(refused.code, 0)
  assert.match(refused.stderr, /no room for its programs to start again; they run on/)
  assert.deepEqual(await Promise.all(programs()), running)
  // Whatever is accepted now must end; what is refused is refused in words. More than one, so that the log of the
  // database has to grow, too.
  const accepted: Run[] = []
  for (let i = 0; i < 5; i++) {
    const run = await startRun().catch((error: Error) => {
      assert.match(error.message, / 5(03|07) /)
      return null
    })
    if (run !== null) accepted.push(run)
  }
  await rm(filler)
  await recovered()
  await assertPasses(await world.api.get<Run>(`/api/v1/runs/${before.id}`))
  for (const run of accepted) {
    const ended = await world.api.finishedRun(run.id)
    assert.ok(['passed', 'errored'].includes(ended.status), `${ended.status}: ${ended.headline}`)
  }
  await assertPasses(await startRun())
})

const fill = (path: string): void => {
  try {
    execFileSync('dd', ['if=/dev/zero', `of=${path}`, 'bs=1M'], { stdio: 'pipe' })
    assert.fail('the disk has no end')
  } catch (error) {
    assert.match(String((error as { stderr?: Buffer }).stderr), /No space left/)
  }
}
