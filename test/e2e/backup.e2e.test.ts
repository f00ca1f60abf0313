// A backup is made of a running installation, proven, refused when it was touched, and restored into an empty directory
// after everything else is gone. Then the old logs open, nobody is signed in, a job runs, and whoever is told of it believes it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmod,
  chown,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Attempt, Backup, Run, SystemStatus } from '../../src/protocol/api/shapes.ts'
import { createApi, jobOf, stepIndex } from '../support/api.ts'
import { createRepository } from '../support/git-host.ts'
import {
  openInstallation,
  runCli,
  startCli,
  type TestInstallation,
  waitFor,
} from '../support/installation.ts'
import { believe, openReceiver } from '../support/webhook-receiver.ts'

const config = `version: 2
jobs:
  build:
    docker: [{image: cimg/base:stable}]
    steps:
      - run: {name: Say, command: echo a-line-worth-keeping; test -n "$OF_CONTEXT"; echo kept > kept.txt}
      - store_artifacts: {path: kept.txt}
workflows: {main: {jobs: [{build: {context: kept}}]}}
`
const receiver = await openReceiver()
const world = {
  root: '',
  repositories: '',
  backups: '',
  data: '',
  installation: null as TestInstallation | null,
  old: { run: '', attempt: '' },
  cookie: '',
  invitation: '',
  webhook: { webhook: { public_key: '' }, secret: '' },
}

before(async () => {
  world.root = await mkdtemp(join(tmpdir(), 'mayfly-backup-'))
  await chmod(world.root, 0o711)
  world.repositories = await mkdtemp(join(tmpdir(), 'mayfly-repos-'))
  await chmod(world.repositories, 0o755)
  world.data = join(world.root, 'data')
  world.backups = join(world.root, 'backups')
})
after(async () => {
  await world.installation?.close()
  await receiver.close()
  for (const directory of [world.root, world.repositories])
    await rm(directory, { recursive: true, force: true })
})

const start = async (): Promise<TestInstallation> => {
  world.installation = await openInstallation({
    data: world.data,
    keepData: true,
    settings: `webhooks:\n  allow: ['${receiver.allow}']\n`,
    args: ['--no-sample', '--local-repos', world.repositories],
  })
  return world.installation
}
const stop = async (): Promise<void> => {
  await world.installation?.close()
  world.installation = null
}

const runOnce = async (installation: TestInstallation): Promise<{ run: string; attempt: string }> => {
  const api = createApi(installation)
  const started = await api.post<Run>('/api/v1/runs', { project: 'kept-secret-name' })
  const run = await api.finishedRun(started.id)
  assert.equal(run.status, 'passed', run.headline ?? '')
  return { run: run.id, attempt: jobOf(run, 'build').attempts.at(-1)?.id ?? '' }
}

const said = async (installation: TestInstallation, attempt: string): Promise<string[]> => {
  const api = createApi(installation)
  const full = await api.get<Attempt>(`/api/v1/attempts/${attempt}`)
  return api.logLines(attempt, stepIndex(full, 'Say'))
}

const backup = (...words: string[]) => runCli(world.data, ['backup', ...words])
const madeDirectory = async (): Promise<string> => {
  const [name = ''] = await readdir(world.backups)
  return join(world.backups, name)
}
const rootKeyCopy = () => join(world.root, 'root.key.copy')

test('a backup is made while it runs; what lies there says nothing, and the root key is not in it', async () => {
  const installation = await start()
  const repository = await createRepository(world.repositories, 'app', { '.circleci/config.yml': config })
  await createApi(installation).addProject('kept-secret-name', { kind: 'local', path: repository.bare })
  fillContext(installation)
  world.old = await runOnce(installation)
  world.cookie = await claim(installation)
  world.invitation = await invite()
  const words = ['webhook', 'add', 'chat', receiver.url, '-R', 'kept-secret-name', '--json']
  const added = installation.cli(...words)
  assert.equal(added.code, 0, added.stderr)
  world.webhook = JSON.parse(added.stdout)
  await waitFor('the log is packed', async () => {
    const full = await createApi(installation).get<Attempt>(`/api/v1/attempts/${world.old.attempt}`)
    return full.log_complete
  })

  await createWhileRevoking(installation)
  const directory = await madeDirectory()
  const [{ bytes }] = JSON.parse(backup('list', '--json').stdout).items
  const ofVault = await readdir(join(world.data, 'vault'))
  assert.ok(!ofVault.some((name) => name.startsWith('copy-')), ofVault.join())
  const names = (await readdir(directory)).sort()
  assert.deepEqual(names, ['database.mfb', 'files.mfb', 'keyring.mfb', 'manifest.json', 'settings.mfb'])
  const rootKey = await readFile(join(`${world.data}-etc`, 'root.key'))
  let total = 0
  for (const name of names) {
    const path = join(directory, name)
    assert.equal((await stat(path)).mode & 0o077, 0)
    const content = await readFile(path)
    if (name !== 'manifest.json') total += content.length
    for (const [what, needle] of [
      ['the root key', rootKey],
      ['the root key in text', Buffer.from(rootKey.toString('base64url'))],
      ['a name', Buffer.from('kept-secret-name')],
      ['a line of a log', Buffer.from('a-line-worth-keeping')],
      ['a file name', Buffer.from('vault/keyring')],
    ] as const)
      assert.equal(content.includes(needle), false, `${what} lies open in ${name}`)
  }
  assert.equal(bytes, total)
  await copyFile(join(`${world.data}-etc`, 'root.key'), rootKeyCopy())
})

test('where there is no room for it, that is said, and nothing is left', async () => {
  const small = join(world.root, 'small')
  await mkdir(small)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32k', 'mayfly-test', small])
  try {
    const full = backup('create', '--to', small, '--json')
    assert.equal(full.code, 4, full.stderr)
    const said = JSON.parse(full.stderr.trim().split('\n').at(-1) ?? '')
    assert.deepEqual([said.code, said.detail.includes(small)], ['MF6004', true])
    assert.deepEqual(await readdir(small), [])
  } finally {
    execFileSync('umount', [small])
  }
})

test('a proven backup of another installation says nothing of this one', async () => {
  const own = join(`${world.data}-etc`, 'installation')
  const before = await readFile(own)
  await writeFile(own, 'ab'.repeat(16))
  const proven = backup('verify', await madeDirectory())
  await writeFile(own, before)
  assert.equal(proven.code, 0, proven.stderr)
  const { items }: { items: Backup[] } = JSON.parse(backup('list', '--json').stdout)
  assert.deepEqual(
    items.map(({ verified_at }) => verified_at),
    [null],
  )
})

test('it is proven by loading it elsewhere, and the status says so', async () => {
  const status = async () => createApi(running()).get<SystemStatus>('/api/v1/status')
  const part = async () => (await status()).components.find(({ name }) => name === 'backup')
  assert.match((await part())?.detail ?? '', /never proven/)
  const proven = backup('verify', await madeDirectory(), '--json')
  assert.equal(proven.code, 0, proven.stderr)
  const { projects, runs, logs, objects } = JSON.parse(proven.stdout)
  assert.deepEqual([projects, runs, objects], [1, 1, 1])
  assert.ok(logs >= 1, 'a packed log is an object, and it was found')
  assert.equal((await part())?.status, 'ok')
  const {
    items: [listed],
  }: { items: Backup[] } = JSON.parse(backup('list', '--json').stdout)
  assert.ok(listed?.verified_at)
})

const running = (): TestInstallation => {
  assert.ok(world.installation)
  return world.installation
}

test('a proof that is broken off leaves no database in the open', async () => {
  const home = join(world.root, 'broken-off')
  await mkdir(home)
  await chmod(home, 0o711)
  const command = startCli(world.data, ['backup', 'verify', await madeDirectory()], home)
  const ended = once(command, 'exit', { signal: AbortSignal.timeout(60_000) })
  await waitFor('a database to be made', async () => {
    const proof = (await readdir(home)).find((name) => name.startsWith('mayfly-proof-'))
    return proof === undefined ? null : stat(join(home, proof, 'pg')).catch(() => null)
  })
  command.kill('SIGTERM')
  assert.equal((await ended)[0], 130)
  assert.deepEqual(await readdir(home), [])
})

test('what a killed proof left, its database in the open, is removed by the next one; a killed backup in time', async () => {
  const home = join(world.root, 'killed')
  await mkdir(home)
  await chmod(home, 0o711)
  const verify = async () => startCli(world.data, ['backup', 'verify', await madeDirectory()], home)
  const killed = await verify()
  const ended = once(killed, 'exit', { signal: AbortSignal.timeout(60_000) })
  await waitFor('a database to be made', async () => {
    const proof = (await readdir(home)).find((name) => name.startsWith('mayfly-proof-'))
    return proof === undefined ? null : stat(join(home, proof, 'pg')).catch(() => null)
  })
  killed.kill('SIGKILL')
  await ended
  assert.notDeepEqual(await readdir(home), [])
  const proven = await once(await verify(), 'exit', { signal: AbortSignal.timeout(60_000) })
  assert.deepEqual([proven[0], await readdir(home)], [0, []])

  const place = join(world.root, 'half-made')
  const [old, young] = ['mayfly-20260101T000000Z-abcdef.new', 'mayfly-20260102T000000Z-abcdef.new']
  for (const name of [old, young]) await mkdir(join(place, name), { recursive: true })
  await writeFile(join(place, young, 'files.mfb'), '')
  const yesterday = new Date(Date.now() - 86_400_000)
  for (const name of [old, young]) await utimes(join(place, name), yesterday, yesterday)
  assert.equal(backup('create', '--to', place).code, 0)
  const left = (await readdir(place)).filter((name) => name.endsWith('.new'))
  assert.deepEqual(left, [young], 'somebody may still write to the other')
})

test('a changed, cut or foreign backup and a wrong root key are refused before anything is used', async () => {
  const directory = await madeDirectory()
  const refused = (code: number, words: RegExp, ...flags: string[]) => {
    const { code: given, stderr } = backup('verify', directory, ...flags)
    assert.match(stderr, words)
    assert.equal(given, code, stderr)
  }
  const path = join(directory, 'database.mfb')
  const whole = await readFile(path)
  const changed = Buffer.from(whole)
  changed[changed.length >> 1] = (changed[changed.length >> 1] ?? 0) ^ 1
  await writeFile(path, changed)
  refused(70, /database was changed or cut off/)
  await writeFile(path, whole.subarray(0, whole.length - 70_000 > 0 ? whole.length - 70_000 : 100))
  refused(70, /database was changed or cut off/)
  await writeFile(path, whole)
  await rename(join(directory, 'keyring.mfb'), join(world.root, 'keyring.mfb'))
  refused(5, /keyring\.mfb is missing/)
  assert.equal(
    backup('verify', directory, '--keyring', join(world.root, 'keyring.mfb')).code,
    0,
    'kept apart',
  )
  await rename(join(world.root, 'keyring.mfb'), join(directory, 'keyring.mfb'))
  const wrong = join(world.root, 'wrong.key')
  await writeFile(wrong, Buffer.alloc(32, 7))
  refused(11, /This root key did not make this backup/, '--root-key', wrong)
  const manifest = join(directory, 'manifest.json')
  const text = await readFile(manifest, 'utf8')
  await writeFile(manifest, text.replace(/"version": "[^"]*"/, '"version": "9.9.9"'))
  refused(11, /manifest was changed/)
  await writeFile(manifest, text)
  assert.equal(backup('restore', directory).code, 1, 'never over an installation that is there')
})

test('restored where nothing is left: the old log opens, nobody is signed in, and a job runs', async () => {
  assert.equal(await signedIn(), true)
  await stop()
  await rm(world.data, { recursive: true })
  await rm(`${world.data}-etc`, { recursive: true })
  const directory = await madeDirectory()
  assert.equal(backup('restore', directory).code, 11, 'without the root key it opens nothing')
  const restored = backup('restore', directory, '--root-key', rootKeyCopy(), '--json')
  assert.equal(restored.code, 0, restored.stderr)
  assert.equal(JSON.parse(restored.stdout).data, world.data)

  const installation = await start()
  assert.equal(installation.claimUrl, null, 'it has its owner')
  assert.deepEqual(await said(installation, world.old.attempt), ['a-line-worth-keeping'])
  assert.equal(await signedIn(), false, 'a session of before is none now')
  const joined = await send('/api/v1/join', { token: world.invitation, ...become('eve@example.org') })
  assert.equal(joined.status, 403, 'it may have been used or taken back since')
  const { attempt } = await runOnce(installation)
  assert.deepEqual(await said(installation, attempt), ['a-line-worth-keeping'])
  const told = () => receiver.received.find(({ body }) => JSON.parse(body).type === 'run.finished')
  await believe(await waitFor('somebody is told', () => told() ?? null), world.webhook)
  const audit = await readFile(join(world.data, 'vault/audit.log'), 'utf8')
  assert.match(audit, /"verb":"backup\.restore"/)
})

test('restored where settings and root key are still there, as after a restore that was broken off: they stay', async () => {
  await stop()
  await rm(world.data, { recursive: true })
  const settings = `${world.data}-etc/mayfly.yml`
  const own = `${await readFile(settings, 'utf8')}# since the backup\n`
  await writeFile(settings, own)
  const restored = backup('restore', await madeDirectory())
  assert.equal(restored.code, 0, restored.stderr)
  assert.ok(restored.stdout.endsWith(`Start it with: mayfly up --data ${world.data}\n`), restored.stdout)
  assert.equal(await readFile(settings, 'utf8'), own)
  assert.deepEqual(await said(await start(), world.old.attempt), ['a-line-worth-keeping'])
})

test('a restore that was broken off does not start', async () => {
  await stop()
  await writeFile(join(world.data, 'restoring'), 'bak_x\n')
  const started = runCli(world.data, ['up', '--data', world.data, '--port', '1', '--runner-port', '2'])
  assert.deepEqual([started.code, /was broken off/.test(started.stderr)], [11, true])
})

/** Somebody revokes a secret when `tar` stands in a file that lies between the records of the vault and its values. */
const createWhileRevoking = async (installation: TestInstallation): Promise<void> => {
  const { uid, gid } = await stat(join(world.data, 'vault'))
  const between = join(world.data, 'vault/tar-takes-its-time')
  await writeFile(between, '')
  await truncate(between, 128 * 1024 * 1024)
  await chown(between, uid, gid)
  const command = startCli(world.data, ['backup', 'create', '--to', world.backups], world.root)
  const ended = once(command, 'exit', { signal: AbortSignal.timeout(60_000) })
  const files = async () => {
    const [name] = await readdir(world.backups).catch(() => [])
    return name === undefined ? null : stat(join(world.backups, name, 'files.mfb')).catch(() => null)
  }
  await waitFor('the vault to be read', async () => ((await files())?.size ?? 0) > 4 * 1024 * 1024 || null)
  const tar = Number(
    (await readFile(`/proc/${command.pid}/task/${command.pid}/children`, 'utf8')).trim().split(' ').at(-1),
  )
  assert.match(await readFile(`/proc/${tar}/cmdline`, 'utf8'), /^tar\0.*\0vault\0/)
  process.kill(tar, 'SIGSTOP')
  assert.ok(((await files())?.size ?? 0) < 100 * 1024 * 1024, 'it has not come to the values')
  const home = join(world.root, 'home')
  const { code, stderr } = installation.cliWith(
    { home },
    'secrets',
    'revoke',
    'MEANWHILE',
    '--context',
    'kept',
  )
  process.kill(tar, 'SIGCONT')
  assert.equal(code, 0, stderr)
  assert.equal((await ended)[0], 0)
}

/** What the job names: without it, or without what it holds, no run passes. */
const fillContext = (installation: TestInstallation): void => {
  const succeeds = (stdin: string, ...words: string[]) => {
    const { code, stderr } = installation.cliWith({ home: join(world.root, 'home'), stdin }, ...words)
    assert.equal(code, 0, stderr)
  }
  succeeds(/signer enrol\n\s+(\S+)/.exec(installation.output())?.[1] ?? '', 'secrets', 'signer', 'enrol')
  succeeds('', 'context', 'create', 'kept', '--all-projects')
  succeeds('', 'project', 'admit', '--all')
  succeeds('a value worth keeping', 'secrets', 'set', 'OF_CONTEXT', '--context', 'kept')
  succeeds('a value to be revoked', 'secrets', 'set', 'MEANWHILE', '--context', 'kept')
}

/** As a browser on a page of the installation. */
const send = (path: string, body: object, cookie = ''): Promise<Response> => {
  const { url } = running()
  const headers = { 'content-type': 'application/json', origin: url, 'sec-fetch-site': 'same-origin' }
  return fetch(`${url}${path}`, {
    method: 'POST',
    headers: { ...headers, ...(cookie === '' ? {} : { cookie }) },
    body: JSON.stringify(body),
  })
}

const become = (email: string) => ({ name: 'Ada', email, password: 'a long passphrase' })

const claim = async (installation: TestInstallation): Promise<string> => {
  const token = new URL(installation.claimUrl ?? '').hash.slice(1)
  const answer = await send('/api/v1/claim', { token, ...become('ada@example.org') })
  assert.equal(answer.status, 200, await answer.text())
  return answer.headers.getSetCookie()[0]?.split(';')[0] ?? ''
}

/** The token of its link. */
const invite = async (): Promise<string> => {
  const answer = await send('/api/v1/invitations', { role: 'owner' }, world.cookie)
  assert.equal(answer.status, 200)
  return new URL(((await answer.json()) as { url: string }).url).hash.slice(1)
}

const signedIn = async (): Promise<boolean> => {
  const answer = await fetch(`${running().url}/api/v1/me`, { headers: { cookie: world.cookie } })
  return ((await answer.json()) as { user: unknown }).user !== null
}
