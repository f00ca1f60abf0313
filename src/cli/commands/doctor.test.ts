// Doctor against places of this test: each finding that is not fine names something to do about it.
import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'
import { type CommandOptions, runCommand } from '../../../test/support/surroundings.ts'

const root = await mkdtemp(join(tmpdir(), 'mayfly-doctor-'))
after(() => rm(root, { recursive: true, force: true }))
const data = join(root, 'data')

type Finding = { check: string; status: 'ok' | 'weak' | 'down'; detail: string; fix: string }
const doctor = async (options: CommandOptions = {}) => {
  const { code, stdout } = await runCommand(['doctor', '--json'], { data, ...options })
  const findings: Finding[] = JSON.parse(stdout)
  return { code, findings, of: (check: string) => findings.find((finding) => finding.check === check) }
}

test('whatever is weak or down comes with what mends it', async () => {
  const { code, findings } = await doctor({ environment: { PATH: '/nonexistent' } })
  assert.equal(code, 11, 'this test lends it no sandboxes')
  assert.ok(findings.some(({ status }) => status !== 'ok'))
  const command = /^(sudo )?(apt-get|\.\/mayfly|mayfly|sysctl|swapoff|chmod|install|du|sed) /
  for (const { check, status, fix } of findings) if (status !== 'ok') assert.match(`${fix} `, command, check)
  const itself = process.getuid?.() === 0 ? /^(sudo |\.\/)?mayfly doctor/ : /^mayfly doctor/
  for (const { check, fix } of findings) assert.doesNotMatch(fix, itself, check)
  const perl = findings.find(({ check }) => check === 'perl')
  assert.ok(perl !== undefined, 'the jailer makes namespaces with it')
})

test('the root key: closed, open to others, gone', async () => {
  assert.equal((await doctor()).of('root key')?.status, 'ok')
  await mkdir(join(data, 'vault'), { recursive: true })
  await writeFile(join(data, 'vault/keyring'), '{}')
  const gone = (await doctor()).of('root key')
  assert.deepEqual(
    [gone?.status, gone?.fix],
    ['down', `install -m 0400 -o mayfly-vault COPY ${data}-etc/root.key`],
  )
  await mkdir(`${data}-etc`)
  await writeFile(`${data}-etc/root.key`, Buffer.alloc(32), { mode: 0o444 })
  await chmod(`${data}-etc/root.key`, 0o444)
  const open = (await doctor()).of('root key')
  assert.deepEqual([open?.status, open?.fix], ['down', `chmod 0400 ${data}-etc/root.key`])
  await chmod(`${data}-etc/root.key`, 0o400)
  assert.equal((await doctor()).of('root key')?.status, 'ok')
})

test('the disk that counts is that of the data', async () => {
  assert.ok((await doctor()).of('disk')?.detail.endsWith(`at ${data}`))
})

const answered = { status: {} as object, projects: 503 }
const askServer = commandsAnsweredBy((request, response) => {
  const isStatus = request.url?.endsWith('/status') === true
  const type = { 'content-type': isStatus ? 'application/json' : 'application/problem+json' }
  const problem = {
    type: 'about:blank',
    title: 'No',
    status: answered.projects,
    code: 'MF9999',
    detail: 'No',
  }
  response.writeHead(isStatus ? 200 : answered.projects, type)
  response.end(JSON.stringify(isStatus ? answered.status : problem))
})
const askedServer = async (status: object, projects: number) => {
  Object.assign(answered, { status, projects })
  const { stdout } = await askServer(['doctor', '--json'], { data })
  const findings: Finding[] = JSON.parse(stdout)
  return (check: string) => findings.find((finding) => finding.check === check)
}
const rest = { version: '1', processes: [], disks: [], queue: null, backup: null }

test('an installation whose database is away answers: what is down is told', async () => {
  const components = [{ name: 'database', status: 'down', detail: '', mend: null }]
  const of = await askedServer({ ...rest, healthy: false, components }, 503)
  assert.equal(of('installation'), undefined)
  assert.deepEqual(of('database'), {
    ...{ check: 'database', status: 'down', detail: 'does not work', fix: 'mayfly status' },
  })
  assert.equal(of('host keys'), undefined)
})

test('what the status page sends here for is not sent here again', async () => {
  const mend = 'mayfly doctor, on that runner'
  const components = [{ name: 'runners', status: 'weak', detail: 'swap is on', mend }]
  const of = await askedServer({ ...rest, healthy: true, components }, 403)
  assert.equal(of('runners')?.fix, 'as for sandbox and isolation above')
})

test('a token that may not see projects is told so, beside what the installation says', async () => {
  const components = [{ name: 'database', status: 'ok', detail: 'PostgreSQL 15', mend: null }]
  const of = await askedServer({ ...rest, healthy: true, components }, 403)
  assert.equal(of('database')?.status, 'ok')
  assert.deepEqual([of('host keys')?.status, of('host keys')?.fix], ['weak', 'mayfly project list'])
})
