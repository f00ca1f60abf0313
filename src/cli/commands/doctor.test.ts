// Doctor against places of this test: each finding that is not fine names something to do about it.
import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
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
