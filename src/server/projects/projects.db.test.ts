import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { losingCommits } from '../../../test/support/lost-commit.ts'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner } from '../../../test/support/scripted-runner.ts'
import { fromBase64Url, toBase64Url, utf8Decode } from '../../base/bytes.ts'
import { isFault } from '../../base/faults.ts'
import type { OrganisationId } from '../../base/ids.ts'
import { generateSealingKey, importVerifyKey, openRelease } from '../../seal/index.ts'
import { scopeOfOrganisation } from '../access/actor.ts'
import { createProjects } from './projects.ts'
import { parseSshAddress } from './source-address.ts'

const parts = await openParts()
const root = await mkdtemp(join(tmpdir(), 'mf-repos-'))
after(() => rm(root, { recursive: true, force: true }))
const projects = createProjects({
  ...parts,
  localRepositoryRoots: [root],
  serverUrl: () => 'https://ci.example',
})
const eph = await generateSealingKey()
const key = { eph: toBase64Url(eph.publicKey) }
const create = (name: string, url: string) =>
  projects.create(parts.actor, { name, source: { kind: 'ssh', url }, ...key })
const refuses = (work: Promise<unknown>, code: Parameters<typeof isFault>[1]) =>
  assert.rejects(work, (error) => isFault(error, code) || assert.fail(String(error)))

test('addresses are taken apart exactly', () => {
  const check = (url: string, user: string, host: string, port: number, path: string) =>
    assert.deepEqual(parseSshAddress(url), { kind: 'ssh', url, host, port, user, path })
  check('ssh://git.example/srv/web.git', 'git', 'git.example', 22, '/srv/web.git')
  check('ssh://me@git.example:2222/~/web.git', 'me', 'git.example', 2222, '/~/web.git')
  check('ssh://git@[2001:db8::1]:22/web', 'git', '2001:db8::1', 22, '/web')
  check('git@git.example:group/web.git', 'git', 'git.example', 22, 'group/web.git')
  check('git@10.0.0.5:/srv/größe.git', 'git', '10.0.0.5', 22, '/srv/größe.git')
})

test('everything else is no address', () => {
  const bad = [
    'https://git.example/web.git',
    'git://git.example/web',
    'file:///srv/web',
    'web',
    'git.example:web',
    'ssh://git:secret@git.example/web',
    'ssh://-oProxyCommand=x@git.example/web',
    'ssh://-oProxyCommand=x/web',
    'git@-oProxyCommand=x:web',
    'ssh://git.example',
    'ssh://git.example/',
    'ssh://git.example:0/web',
    'ssh://git.example:99999/web',
    'ssh://git.example/../web',
    'git@git.example:-web',
    'git@git.example:a b',
    'git@git.example:a\nb',
    'git@git.example:a;b',
    'ssh://git@evil.example/web@git.example:x y',
    'git@git.example:$(id)',
  ]
  for (const url of bad)
    assert.throws(
      () => parseSshAddress(url),
      (error) => isFault(error, 'E_INPUT'),
      url,
    )
})

test('a project has a deploy key, a hook and a secret for its maker only', async () => {
  const made = await create('web', 'git@git.example:web.git')
  assert.match(made.project.deploy_key?.public_key ?? '', /^ssh-ed25519 [A-Za-z0-9+/]+=* /)
  assert.match(made.project.deploy_key?.fingerprint ?? '', /^SHA256:/)
  assert.equal(made.project.hook.url, `https://ci.example/hooks/generic/${made.project.hook.id}`)
  assert.ok(made.hook_secret_sealed.length > 80)
  assert.deepEqual(await projects.find(parts.scope, 'web'), made.project)
  assert.deepEqual(await projects.find(parts.scope, made.project.id), made.project)
  const { script } = await projects.hookScript(parts.scope, 'web')
  assert.ok(script.includes(made.project.hook.url))
})

test('a name is given once, and a refused project leaves nothing in the vault', async () => {
  await refuses(create('web', 'git@git.example:other.git'), 'E_CONFLICT')
  const before = (await parts.vault.call('health', {})).counts.projects
  const both = await Promise.allSettled([
    create('twin', 'git@git.example:a.git'),
    create('twin', 'git@git.example:b.git'),
  ])
  assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  assert.equal((await parts.vault.call('health', {})).counts.projects, before + 1)
})

test('a project whose commit nobody heard of has its keys when it is there', async () => {
  const losing = createProjects({
    ...{ ...parts, database: losingCommits(parts.database) },
    ...{ localRepositoryRoots: [], serverUrl: () => '' },
  })
  const source = { kind: 'ssh', url: 'git@git.example:lost.git' } as const
  await assert.rejects(losing.create(parts.actor, { name: 'lost', source, ...key }), /terminated/)
  // Who made it did not get the secret of its hook, and makes another.
  assert.ok((await projects.rotateHook(parts.actor, 'lost', key.eph)).hook_secret_sealed.length > 80)
})

test('a default branch is a branch, with or without its prefix', async () => {
  const source = { kind: 'ssh', url: 'git@git.example:b.git' } as const
  const of = (name: string, default_branch: string) =>
    projects.create(parts.actor, { name, source, ...key, default_branch })
  const branches = [await of('b1', 'trunk'), await of('b2', 'refs/heads/release/1')]
  assert.deepEqual(
    branches.map(({ project }) => project.default_branch),
    ['trunk', 'release/1'],
  )
  for (const wrong of ['refs/tags/v1', 'refs/heads/', 'a..b', '-x']) await refuses(of('b3', wrong), 'E_INPUT')
})

test('a directory is a source only below one that the operator named', async () => {
  await mkdir(join(root, 'group', 'web.git'), { recursive: true })
  await symlink('/etc', join(root, 'out'))
  const local = (name: string, path: string) =>
    projects.create(parts.actor, { name, source: { kind: 'local', path }, ...key })
  const made = await local('local', join(root, 'group/web.git'))
  assert.deepEqual(made.project.source, { kind: 'local', url: join(root, 'group/web.git') })
  assert.equal(made.project.deploy_key, null)
  await refuses(local('x', '/etc'), 'E_SOURCE_NOT_ALLOWED')
  await refuses(local('x', join(root, 'out')), 'E_SOURCE_NOT_ALLOWED')
  await refuses(local('x', `${root}-next/web`), 'E_SOURCE_NOT_ALLOWED')
  await refuses(local('x', join(root, 'absent')), 'E_INPUT')
  await refuses(local('x', 'relative'), 'E_INPUT')
  const none = createProjects({ ...parts, localRepositoryRoots: [], serverUrl: () => '' })
  await refuses(
    none.create(parts.actor, { name: 'x', source: { kind: 'local', path: root }, ...key }),
    'E_SOURCE_NOT_ALLOWED',
  )
})

test('first contact shows the host key, a person confirms it, the vault pins it and the runner gets it', async () => {
  const made = await create('contact', 'ssh://git@git.example:2222/web.git')
  const { attempt_id } = await projects.contact(parts.actor, 'contact')
  assert.equal((await projects.contact(parts.actor, 'contact')).attempt_id, attempt_id)
  const runner = createScriptedRunner(parts, await enrolRunner(parts, 'refs'))
  after(() => runner.close())
  const line = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA${Buffer.from(`I${'x'.repeat(31)}`)
    .toString('base64')
    .slice(0, 44)}`
  const blob = Buffer.concat([
    Buffer.from([0, 0, 0, 11]),
    Buffer.from('ssh-ed25519'),
    Buffer.from([0, 0, 0, 32]),
    Buffer.alloc(32, 7),
  ])
  const genuine = `[git.example]:2222 ssh-ed25519 ${blob.toString('base64')}`
  const [held] = await runner.take()
  assert.equal(held?.attempt, attempt_id)
  assert.equal(held?.spec.kind, 'refs')
  const agent = await openAgent(held!)
  assert.deepEqual(agent.hostKeys, [])
  const result = {
    kind: 'refs' as const,
    refs: [{ ref: 'refs/heads/main', commit: 'a'.repeat(40) }],
    hostKeys: [
      { line: genuine, fingerprint: 'SHA256:a lie' },
      { line: `${line} not a key`, fingerprint: 'x' },
    ],
  }
  assert.equal((await runner.finish(held!, { result })).status, 200)
  const attempt = await parts.runs.findAttempt(parts.scope, held!.attempt)
  assert.deepEqual([attempt?.status, attempt?.run_id], ['passed', null])
  const [shown, ...more] = (await projects.find(parts.scope, 'contact'))!.host_keys
  assert.equal(more.length, 0)
  assert.match(shown!.fingerprint, /^SHA256:[A-Za-z0-9+/]{43}$/)
  assert.equal(shown?.confirmed, false)
  await refuses(projects.confirmHostKey(parts.actor, 'contact', 'SHA256:a lie'), 'E_NOT_FOUND')
  const confirmed = await projects.confirmHostKey(parts.actor, made.project.id, shown!.fingerprint)
  assert.equal(confirmed.host_keys[0]?.confirmed, true)
  await projects.contact(parts.actor, 'contact')
  const [again] = await runner.take()
  assert.deepEqual((await openAgent(again!)).hostKeys, [genuine])

  // The host has a new key: the look fails, and shows it all the same.
  const renewed = `[git.example]:2222 ssh-ed25519 ${Buffer.concat([blob.subarray(0, -32), Buffer.alloc(32, 8)]).toString('base64')}`
  const denied = { outcome: 'failed', reason: { code: 'E_SOURCE_DENIED', message: 'another key' } } as const
  const newKeys = [{ line: renewed, fingerprint: 'x' }]
  await runner.finish(again!, { ...denied, result: { kind: 'refs', refs: [], hostKeys: newKeys } })
  const open = (await projects.find(parts.scope, 'contact'))!.host_keys.filter((each) => !each.confirmed)
  assert.deepEqual(
    open.map((each) => each.line),
    [renewed],
  )
  const changed = await projects.confirmHostKey(parts.actor, 'contact', open[0]!.fingerprint)
  assert.deepEqual(changed.host_keys, [{ ...open[0], confirmed: true }], 'the old one is trusted no longer')
  await projects.contact(parts.actor, 'contact')
  const [later] = await runner.take()
  assert.deepEqual((await openAgent(later!)).hostKeys, [renewed])
})

test('of two keys that are confirmed at once the vault pins both', async () => {
  const { project } = await create('two-keys', 'ssh://git@git.example/two.git')
  const ecdsa = (n: number) => {
    const texts = ['ecdsa-sha2-nistp256', 'nistp256'].flatMap((text) => [
      [0, 0, 0, text.length],
      [...Buffer.from(text)],
    ])
    return Buffer.from([...texts.flat(), 0, 0, 0, 65, 4, ...Array<number>(64).fill(n)]).toString('base64')
  }
  const lines = [1, 2].map((n) => `git.example ecdsa-sha2-nistp256 ${ecdsa(n)}`)
  for (const [i, line] of lines.entries())
    await sql`
      insert into host_keys (project_id, line, fingerprint, seen_at) values (${project.id}, ${line}, ${`SHA256:${i}`}, '2026-01-01')`.execute(
      parts.db,
    )
  const pinned: (readonly string[])[] = []
  const both = Promise.withResolvers<void>()
  const call: typeof parts.vault.call = async (verb, request) => {
    if (verb === 'project.set' && 'hostKeys' in request) {
      pinned.push(request.hostKeys ?? [])
      if (pinned.length === 2) both.resolve()
      await both.promise
    }
    return parts.vault.call(verb, request)
  }
  const beside = createProjects({
    ...{ ...parts, vault: { ...parts.vault, call } },
    ...{ localRepositoryRoots: [], serverUrl: () => '' },
  })
  await Promise.all([0, 1].map((i) => beside.confirmHostKey(parts.actor, project.id, `SHA256:${i}`)))
  const shown = (await projects.find(parts.scope, project.id))!.host_keys
  assert.deepEqual(
    shown.map(({ confirmed }) => confirmed),
    [true, true],
  )
  assert.deepEqual(pinned.at(-1)?.toSorted(), lines)
})

type Held = Awaited<ReturnType<ReturnType<typeof createScriptedRunner>['take']>>[number]
const openAgent = async (held: Held): Promise<{ keyPem: string; hostKeys: string[] }> => {
  const { vsign } = await parts.vault.call('health', {})
  const payload = await openRelease(held.ephKey!, held.sealed!, {
    ticket: held.ticket,
    vsign: (await importVerifyKey(fromBase64Url(vsign)!))!,
  })
  assert.ok(payload)
  return JSON.parse(utf8Decode(payload))
}

test('another organisation sees none of it', async () => {
  const stranger = scopeOfOrganisation(parts.newId('organisation'))
  assert.equal(await projects.find(stranger, 'web'), null)
  assert.deepEqual((await projects.list(stranger, { limit: 50 })).items, [])
  await refuses(
    projects.contact({ kind: 'operator', name: 'operator', scope: stranger }, 'web'),
    'E_NOT_FOUND',
  )
})

test('projects are listed by name, page by page', async () => {
  const all = (await projects.list(parts.scope, { limit: 50 })).items.map(({ name }) => name)
  assert.deepEqual(all, all.toSorted())
  const first = await projects.list(parts.scope, { limit: 2 })
  const second = await projects.list(parts.scope, { limit: 2, cursor: first.next_cursor! })
  assert.deepEqual(
    [...first.items, ...second.items].map(({ name }) => name),
    all.slice(0, 4),
  )
})

test('what a branch takes is what the newest plan of it says, and nothing is made up', async () => {
  const project = await addLocalProject(parts, 'typed')
  const runner = createScriptedRunner(parts, await enrolRunner(parts, 'planner'), {
    free: { 'built-in': 4, small: 8 },
  })
  const takes = (ref: string | undefined, scope = parts.scope) => projects.parameters(scope, { project, ref })
  const planned = async (ref: string, ofPlan: Parameters<typeof runner.finishPlan>[3]) => {
    const run = await parts.runs.startRun(parts.actor, { project, ref })
    const [held] = await runner.take({}, 1)
    await runner.finishPlan(held ?? assert.fail(), [], {}, ofPlan)
    return run
  }
  assert.deepEqual(await takes(undefined), { ref: 'refs/heads/main', run: null, parameters: null })
  const target = {
    name: 'target',
    type: 'enum',
    default: 'a',
    options: ['a', 'b'],
    description: 'where',
  } as const
  const old = await planned('main', { takes: [target] })
  assert.deepEqual(await takes('main'), {
    ref: 'refs/heads/main',
    run: { id: old.id, number: old.number, commit: 'c'.repeat(40), created_at: old.created_at },
    parameters: [target],
  })
  assert.equal((await takes('release')).run, null)
  await planned('release', { takes: [] })
  assert.deepEqual((await takes('refs/heads/release')).parameters, [])
  // Of a compiler that did not tell yet.
  const last = await planned('main', {})
  assert.deepEqual([(await takes('main')).run?.number, (await takes('main')).parameters], [last.number, null])
  // Not planned yet: the one before tells.
  await parts.runs.startRun(parts.actor, { project, ref: 'release' })
  assert.deepEqual((await takes('release')).parameters, [])
  await refuses(takes('a..b'), 'E_INPUT')
  const others = scopeOfOrganisation(`org_${'v'.repeat(26)}` as OrganisationId)
  await refuses(takes('main', others), 'E_NOT_FOUND')
  await runner.close()
})
